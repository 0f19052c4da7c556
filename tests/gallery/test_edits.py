"""Edits of a picks file by the page, held against those of Python: the same bytes, whatever a person wrote there."""

import json
from collections.abc import Iterator
from importlib.resources import files

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from kling_batch.job import Key
from kling_batch.plan.picks import Pick, Verdict, clean, edited, parse_picks
from kling_batch.text.source import Source

SOURCE = files("kling_batch.report").joinpath("page/picks.js").read_text("utf-8")
EDITED = """([data, edits]) => {
    SOURCE
    const pieces = edits.reduce((pieces, [key, pick]) => edited(pieces, key, pick), data.picks.pieces);
    return pieces.map(({ text }) => text).join("");
}""".replace("SOURCE", SOURCE)

KEYS = st.sampled_from(["a#1", "a#2", "b/x=\u00e4#1", "b/x=\uffe5#1", "b/x=\U0001f3ac#1", "c#1"])
FORMS = (
    '{indent}"{key}": {{verdict: pick}}{behind}\n',
    '{indent}"{key}":\n{indent}  # first\n{indent}  verdict: reject  # sure\n{indent}  note: "a # b"{behind}\n',
)
AROUND = ("", "# a comment\n", "\n", "  # one\n  # two\n", "# far\n\n# near\n")
EDITS = st.lists(
    st.tuples(
        KEYS,
        st.builds(
            Pick,
            verdict=st.sampled_from([None, *Verdict]),
            note=st.text(max_size=9).map(clean),
            video=st.sampled_from(["", "0123456789ab"]),
        ),
    ),
    max_size=6,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A picks file as a person may have written it."""
    indent = draw(st.sampled_from(["", "  ", "    "]))
    keys = draw(st.lists(KEYS, unique=True, max_size=4))
    around = st.sampled_from(AROUND)
    entries = [
        draw(around)
        + draw(st.sampled_from(FORMS)).format(
            indent=indent or " ", key=key, behind=draw(st.sampled_from(["", "  # so"]))
        )
        for key in keys
    ]
    text = f"{draw(around)}picks:{draw(st.sampled_from(['', '  # ours']))}\n{''.join(entries)}{draw(around)}"
    return text.removesuffix("\n") if draw(st.booleans()) else text


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    """A page of its own, in which the function is tried."""
    page = browser.new_page()
    yield page
    page.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts(), EDITS)
def test_the_page_edits_a_file_as_python_does(blank: Page, text: str, edits: list[tuple[str, Pick]]) -> None:
    picks, told = parse_picks(Source("m.picks.yaml", text))
    assert picks is not None, told
    pieces = [
        {"key": each.key, "text": each.text, "comments": each.comments, "behind": each.behind} for each in picks.pieces
    ]
    data = {"project": "", "token": "", "picks": {"name": "", "indent": picks.indent, "pieces": pieces}}
    said = [
        (key, {"verdict": pick.verdict and pick.verdict.value, "note": pick.note, "video": pick.video})
        for key, pick in edits
    ]

    got = blank.evaluate(EDITED, [data, said])

    for key, pick in edits:
        picks = edited(picks, Key(key), pick)
    assert json.dumps(got) == json.dumps(picks.text())
