"""How a diagnostic looks, in its full and in its short form, on lines of every script."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.text.diagnostic import Diagnostic, Severity, errors
from kling_batch.text.plain import cells, plain
from kling_batch.text.render import concise, did_you_mean, listed, render, render_all
from kling_batch.text.source import Source, Span


def at(text: str, part: str, **fields: str) -> Diagnostic:
    start = text.index(part)
    span = Span(source=Source("m.yaml", text), start=start, end=start + len(part))
    return Diagnostic(code="some-code", message="something is wrong", span=span, **fields)  # type: ignore[arg-type] # text fields only


def test_the_form_is_that_of_the_style_page() -> None:
    text = "version: 1\n\n\n\n    promt: |\n"
    span = Span(source=Source("manifests/dawn.yaml", text), start=18, end=23)
    diagnostic = Diagnostic(
        code="unknown-key",
        message="`promt` is not a key of a job",
        span=span,
        label="did you mean `prompt`?",
        help="a job has the keys `name`, `prompt` and `duration`",
    )

    assert render(diagnostic) == (
        "error[unknown-key]: `promt` is not a key of a job\n"
        " --> manifests/dawn.yaml:5:5\n"
        "  |\n"
        "5 |     promt: |\n"
        "  |     ^^^^^ did you mean `prompt`?\n"
        "  |\n"
        "  = help: a job has the keys `name`, `prompt` and `duration`"
    )
    assert concise(diagnostic) == "manifests/dawn.yaml:5:5: error[unknown-key]: `promt` is not a key of a job"


def carets(diagnostic: Diagnostic) -> tuple[str, str]:
    lines = render(diagnostic).split("\n")
    return lines[3], lines[4]


@pytest.mark.parametrize(
    ("line", "part", "before", "width"),
    [
        ("ab x", "x", 3, 1),
        ("一只猫 x", "x", 7, 1),
        ("a 猫", "猫", 2, 2),
        ("🐈 x", "x", 3, 1),
        ("👩\u200d👩\u200d👧 x", "x", 3, 1),
        ("👍🏽 x", "x", 3, 1),
        ("e\u0301 x", "x", 2, 1),
        ("\tx", "x", 4, 1),
        ("a\tb\tx", "x", 10, 1),
        ("\x1b x", "x", 5, 1),
        ("a \u202e", "\u202e", 2, 6),
        ("　x", "x", 2, 1),
    ],
)
def test_the_caret_stands_under_its_character(line: str, part: str, before: int, width: int) -> None:
    _, below = carets(at(line, part))

    assert below == f"  | {' ' * before}{'^' * width}"


def test_a_long_line_is_cut_on_both_sides_of_the_caret() -> None:
    line = "猫" * 300 + "x" + "y" * 5_000_000

    shown, below = carets(at(line, "x"))

    assert shown.startswith("1 | …猫") and shown.endswith("y…")  # noqa: PT018 - one law: both ends are cut
    assert sum(cells(shown)) <= 110
    assert sum(cells(shown[: shown.index("x")])) == below.index("^")


def test_a_span_over_several_lines_is_marked_on_its_first() -> None:
    _, below = carets(at("one\ntwo\n", "e\ntwo"))

    assert below == "  |   ^"


def test_an_empty_span_has_one_caret() -> None:
    diagnostic = at("a:", "")

    assert carets(diagnostic)[1] == "  | ^"


def test_a_place_without_a_text_is_named() -> None:
    diagnostic = Diagnostic(code="x", message="m", place="a.csv:3:1", help="h", severity=Severity.WARNING)

    assert render(diagnostic) == "warning[x]: m\n --> a.csv:3:1\n  = help: h"
    assert concise(diagnostic) == "a.csv:3:1: warning[x]: m"
    assert errors([diagnostic]) == ()


def test_a_diagnostic_without_a_place_is_its_message() -> None:
    diagnostic = Diagnostic(code="x", message="m")

    assert render(diagnostic) == "error[x]: m"
    assert concise(diagnostic) == "error[x]: m"


def test_several_have_an_empty_line_between_them() -> None:
    diagnostic = Diagnostic(code="x", message="m")

    assert render_all([diagnostic, diagnostic]) == "error[x]: m\n\nerror[x]: m"


def test_colors_add_nothing_but_colors(golden: Callable[[str, str], None]) -> None:
    diagnostic = at("a: 猫 x\n", "猫", label="this", help="write another")

    painted = render(diagnostic, color=True)

    golden("colors.ansi", painted + "\n")
    bare = painted
    for code in ("\x1b[0m", "\x1b[1;31m", "\x1b[1;34m", "\x1b[1m"):
        bare = bare.replace(code, "")
    assert bare == render(diagnostic)


@given(st.text(st.characters()))
def test_what_is_plain_acts_on_no_terminal_and_can_be_encoded(text: str) -> None:
    shown = plain(text)

    assert not set(shown) & {chr(point) for point in (*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x200B, 0xFEFF)}
    shown.encode()
    assert plain(shown) == shown


def test_plain_text_keeps_every_script_and_shows_what_cannot_be_seen() -> None:
    assert plain("一只猫 é 👩\u200d👧 नमस्ते\u3000") == "一只猫 é 👩\u200d👧 नमस्ते\u3000"
    assert plain("\x1b[2J\x9b\r\n\t\ud800\u2028\U000e0041") == r"\x1b[2J\x9b\r\n\t\ud800\u2028\U000e0041"


def test_a_near_word_is_meant_and_a_far_one_is_not() -> None:
    known = ["prompt", "mode", "First_Frame"]

    assert did_you_mean("promt", known) == "prompt"
    assert did_you_mean("PROMPT", known) == "prompt"
    assert did_you_mean("frist_frame", known) == "First_Frame"
    assert did_you_mean("duration", known) is None
    assert did_you_mean("x" * 1_000_000, known) is None


def test_words_are_listed_as_in_a_sentence() -> None:
    assert listed(["a"]) == "`a`"
    assert listed(["a", "b"]) == "`a` and `b`"
    assert listed(["a", "b", "c"], "or") == "`a`, `b` or `c`"
