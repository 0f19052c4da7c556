"""The index of what was picked and handed out: what each file is, and what made it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from kling_batch.job import Json, Key, slug_of
from kling_batch.plan.picks import Verdict
from kling_batch.report.cards import Card
from kling_batch.report.money import exact
from kling_batch.report.table import comma_separated

LONGEST = 200  # bytes of a name; file systems take 255, and a copy on its way has a longer one
_FIELDS = ("key", "file", "shot", "take", "prompt", "note", "sha256", "usd")


def chosen(cards: Iterable[Card]) -> tuple[tuple[Card, ...], tuple[Card, ...]]:
    """Return the picked takes that can be handed out, and those whose picked video is not their result any more."""
    picked = [card for card in cards if card.pick and card.pick.verdict is Verdict.PICK]
    ready = tuple(card for card in picked if card.draw and card.pick and card.pick.is_of(card.draw.sha256))
    return ready, tuple(card for card in picked if card not in ready)


def clean_names(cards: Sequence[Card]) -> dict[Key, str]:
    """Return the name that each chosen take gets in the folder: shot, values and take, `hero-de-16x9-t2.mp4`.

    What would have the name of another, or too long a one, ends with a few digits that are its own.
    """
    wanted = {card.key: f"{card.shot}-{slug_of(card.axes, card.take)}" for card in cards}
    often = Counter(name.casefold() for name in wanted.values())
    return {
        key: f"{name}.mp4" if often[name.casefold()] == 1 and len(name.encode()) <= LONGEST else _marked(name, key)
        for key, name in wanted.items()
    }


def _marked(name: str, key: Key) -> str:
    kept = name.encode()[:LONGEST].decode(errors="ignore")
    return f"{kept}-{hashlib.sha256(key.encode()).hexdigest()[:6]}.mp4"


def is_index(content: bytes) -> bool:
    """Say whether a file is an index that an export wrote, so that a newer one may take its place."""
    if content.startswith(",".join(_FIELDS).encode()):
        return True
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(rows, list) and all(isinstance(row, dict) and row.keys() >= {*_FIELDS} for row in rows)


def index_json(names: Mapping[Key, str], cards: Sequence[Card]) -> list[Json]:
    """Return the index as data; `names` are those of the files."""
    return [_told(card, names[card.key]) for card in cards]


def index_csv(names: Mapping[Key, str], cards: Sequence[Card]) -> str:
    """Return the index for a spreadsheet: a column for each axis, no cell a formula."""
    axes = tuple(dict.fromkeys(axis for card in cards for axis, _ in card.axes))
    return comma_separated((*_FIELDS, *axes), (_row(card, names[card.key], axes) for card in cards))


def _row(card: Card, name: str, axes: Sequence[str]) -> list[str]:
    told, values = _told(card, name), dict(card.axes)
    own = ("" if told[field] is None else str(told[field]) for field in _FIELDS)
    return [*own, *(values.get(axis, "") for axis in axes)]


def _told(card: Card, name: str) -> dict[str, Json]:
    return {
        "key": card.key,
        "file": name,
        "shot": card.shot,
        "axes": dict(card.axes),
        "take": card.take,
        "prompt": card.draw.prompt if card.draw else "",
        "note": card.pick.note if card.pick else "",
        "sha256": card.draw.sha256 if card.draw else "",
        "usd": exact(card.usd),
    }
