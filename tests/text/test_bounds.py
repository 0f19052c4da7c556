"""Hostile texts end in a diagnostic: never a crash, never a traceback, never a long wait."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.text.decode import MAX_BYTES, decode
from kling_batch.text.document import parse
from kling_batch.text.render import concise, render_all
from kling_batch.text.source import Source

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "m0: &m0 {" + ", ".join(f"k{n}: 1" for n in range(5000)) + "}\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 100_000, "too-deep"),
        ("{" * 100_000, "too-deep"),
        ("a: " + "[{b: " * 5_000, "too-deep"),
        ("- " * 100_000, "too-deep"),
        ("".join(f"{' ' * n}a:\n" for n in range(100)), "too-deep"),
        (BOMB, "too-many-nodes"),
        (MERGES + "".join(f"m{n}: {{<<: *m0}}\n" for n in range(1, 100)), "too-many-nodes"),
        ("a: [" + "1," * 300_000 + "]", "too-many-nodes"),
        ("a:\n" + "".join(f"  - &a{n} x\n" for n in range(100_000)), "too-many-anchors"),
        ("x" * (MAX_BYTES + 1), "too-large"),
        ("a: " + "9" * 5_000, "number-out-of-range"),
        ("a: 0x" + "f" * 100_000, "number-out-of-range"),
        ("a: &a\n  b: *a\n", "recursive-alias"),
        ("a: " + "'" * 99_999, "unclosed-quote"),
        ("\0" * 100_000, "control-character"),
    ],
)
def test_a_bomb_is_refused_before_it_is_built(text: str, code: str) -> None:
    document, told = parse(Source("m.yaml", text), root="collection")

    assert document is None
    assert code in {each.code for each in told}
    assert len(render_all(told)) < 20_000


def test_a_text_with_very_many_mistakes_is_not_told_to_its_end() -> None:
    _, told = parse(Source("m.yaml", "a: 1\n" * 10_000))

    assert len(told) <= 100


def test_five_thousand_jobs_are_within_the_bounds() -> None:
    shots = "".join(f"  s{n}:\n    request: {{prompt: cat {n}, mode: pro, duration: 10}}\n" for n in range(5_000))

    document, told = parse(Source("m.yaml", "version: 1\nshots:\n" + shots))

    assert told == ()
    assert document is not None


NOISE = st.text(
    st.sampled_from("ab:- \n\t'\"{}[]&*!|>%@`#,?<\\~0.1\r\u200b\u202e一🐈\x00\x1b") | st.characters(), max_size=60
)


@settings(max_examples=250)
@given(NOISE)
def test_no_text_raises(text: str) -> None:
    document, told = parse(Source("m.yaml", text))

    assert (document is None) == bool(told)
    assert "\x1b" not in render_all(told)
    assert all(concise(each).startswith("m.yaml:") for each in told)


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_no_bytes_raise(data: bytes) -> None:
    source, told = decode("m.yaml", data)

    assert (source is None) == bool(told)
    assert all(each.place.startswith("m.yaml:") for each in told)
