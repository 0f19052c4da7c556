"""The review gallery: what the page knows, as one JSON document, and the page around it.

The page is one file of HTML that opens from disk: its style and its script are in it, allowed by their hashes and
nothing else (Content Security Policy 3, 8). All text reaches it as data and is put into the document as text, so that a
prompt stays a prompt, whatever it says.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from kling_batch.job import Json
from kling_batch.plan.picks import VIDEO_DIGITS, Pick, Picks
from kling_batch.report.cards import Card, Draw
from kling_batch.report.money import exact
from kling_batch.report.patterns import patterns

GENERATOR = "kling-batch review"  # how the page says whose it is
SCRIPTS = ("make", "picks", "film", "card", "lay", "closer", "keys", "page")
"""The files of the page's script, in the order in which they are put together."""

_ACTING = re.compile("[<>&\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """All that one page shows: the cards of a campaign, and the picks file with the name it is saved under.

    `token` is what a served page has to send to change a pick; a page on disk has none and hands the file out.
    """

    project: str
    manifest: str
    cards: Sequence[Card]
    picks: Picks
    picks_name: str
    spent: Decimal
    is_sandbox: bool = False
    token: str | None = None


def document(gallery: Gallery) -> dict[str, Json]:
    """Return what the page knows, as data: strings, numbers and addresses, no markup."""
    return {
        "project": gallery.project,
        "manifest": gallery.manifest,
        "sandbox": gallery.is_sandbox,
        "spent": exact(gallery.spent),
        "token": gallery.token,
        "axes": _axes(gallery.cards),
        "patterns": [
            {"text": str(each), "kind": each.kind, "axis": each.axis, "value": each.value}
            for each in patterns(gallery.cards)
        ],
        "picks": {
            "name": gallery.picks_name,
            "indent": gallery.picks.indent,
            "pieces": [
                {"key": each.key, "text": each.text, "comments": list(each.comments), "behind": each.behind}
                for each in gallery.picks.pieces
            ],
        },
        "cards": [_card_json(card) for card in gallery.cards],
    }


def page(gallery: Gallery) -> str:
    """Return the page as HTML."""
    style, script, template = _parts()
    return template.render(
        title=f"{gallery.project} - review",
        generator=GENERATOR,
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own files
        data=Markup(as_text(document(gallery))),  # noqa: S704 - escaped just now
        policy=policy(is_served=gallery.token is not None),
    )


def as_text(value: Json) -> str:
    """Return JSON that can stand in a page and in a file: no text in it ends its element, or acts on who reads it."""
    told = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", told)


def policy(*, is_served: bool) -> str:
    """Return the content security policy of the page: its own script and style, media from where it lies, no more."""
    style, script, _ = _parts()
    media = "'self'" if is_served else "'self' file:"
    rules = {
        "default-src": "'none'",
        "script-src": f"'{_hash(script)}'",
        "style-src": f"'{_hash(style)}'",
        "img-src": f"{media} data:",
        "media-src": f"{media} data:",
        "connect-src": "'self'" if is_served else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


_START = """"use strict";
(() => {{
let data = JSON.parse(document.getElementById("data").textContent);
{}}})();
"""


@cache
def _parts() -> tuple[str, str, Template]:
    """Return style, script and the page's template, as they are shipped."""
    folder = files(__package__).joinpath("page")
    style, html = (folder.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "html"))
    script = "\n".join(folder.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return style, _START.format(script), environment.from_string(html)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _axes(cards: Sequence[Card]) -> dict[str, Json]:
    """Return the values of each axis in the order in which jobs have them, the shot as the first axis."""
    found: dict[str, dict[str, None]] = {"shot": {}}
    for card in cards:
        for axis, value in (("shot", card.shot), *card.axes):
            found.setdefault(axis, {})[value] = None
    return {axis: list(values) for axis, values in found.items()}


def _card_json(card: Card) -> dict[str, Json]:
    failure = card.failure
    return {
        "key": card.key,
        "axes": {"shot": card.shot, **dict(card.axes)},
        "take": card.take,
        "state": card.state.value,
        "because": card.because,
        "usd": exact(card.usd),
        "price": exact(card.price),
        "current": card.is_current,
        "spec": card.spec,
        "task": card.task,
        "asks": {"prompt": card.asks.prompt, **card.asks.parameters()} if card.asks else None,
        "error": {"class": failure.kind, "code": failure.code, "message": failure.message} if failure else None,
        "warnings": list(card.warnings),
        "draw": _draw_json(card.draw) if card.draw else None,
        "past": [_draw_json(each) for each in card.past],
        "pick": _pick_json(card.pick) if card.pick else None,
    }


def _draw_json(draw: Draw) -> dict[str, Json]:
    return {
        "generation": draw.generation,
        "spec": draw.spec,
        "prompt": draw.prompt,
        "asked": dict(draw.asked),
        "task": draw.task,
        "sha": draw.sha256[:VIDEO_DIGITS],
        "usd": exact(draw.usd),
        "seconds": draw.seconds,
        "video": draw.video,
        "poster": draw.poster,
    }


def _pick_json(pick: Pick) -> dict[str, Json]:
    return {"verdict": pick.verdict.value if pick.verdict else None, "note": pick.note, "video": pick.video}
