"""The law of places: what stands at a span is what the value says, in every style and every script."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kling_batch.job import Json
from kling_batch.text.document import Document, Path, parse
from kling_batch.text.guard import UNSAFE
from kling_batch.text.source import Source, Span

LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Zs")).filter(lambda c: not UNSAFE.match(c))
WORDS = st.text(LETTERS | st.sampled_from("一只猫👩🏽é "), min_size=1, max_size=12).map(str.strip).filter(bool)
TEXTS = st.lists(WORDS, min_size=1, max_size=5)


def read(text: str) -> Document:
    document, told = parse(Source("m.yaml", text))
    assert document is not None, told
    return document


def shown(span: Span) -> str:
    return span.source.text[span.start : span.end]


def leaves(value: Json, path: Path = ()) -> list[tuple[Path, Json]]:
    match value:
        case dict():
            return [leaf for key, each in value.items() for leaf in leaves(each, (*path, key))]
        case list():
            return [leaf for at, each in enumerate(value) for leaf in leaves(each, (*path, at))]
        case _:
            return [(path, value)]


TREES = st.recursive(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20).filter(lambda text: not UNSAFE.search(text))
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(st.dictionaries(WORDS, TREES, max_size=4))
def test_the_text_at_the_span_of_every_scalar_parses_to_its_value(tree: dict[str, Json]) -> None:
    document = read(json.dumps(tree, ensure_ascii=False, indent=1))

    assert document.value == tree
    for path, value in leaves(document.value):
        assert isinstance(value, dict | list) or json.loads(shown(document.span(path))) == value
        if isinstance(path[-1], str):
            assert json.loads(shown(document.key_span(path))) == path[-1]


def each_place(document: Document, path: Path, value: str) -> None:
    """Hold every character of a value, but spaces and breaks, beside the one at its place."""
    for offset, character in enumerate(value):
        span = document.within(path, offset)
        if character not in " \n":
            assert shown(span) == character
            assert document.source.line(span.position[0])[span.position[1] - 1] == character


@settings(max_examples=60)
@given(
    TEXTS,
    st.integers(1, 6),
    st.sampled_from(["|", "|-", "|+", ">", ">-", ">+"]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 2),
)
def test_a_place_in_a_block_scalar_is_where_its_character_stands(
    lines: list[str], indent: int, header: str, end: str, gap: int
) -> None:
    body = "".join(f"{' ' * indent}{line}\n" + "\n" * gap for line in lines)
    text = f"a:\n b: {header}\n" + "".join(f" {line}\n" if line else "\n" for line in body.split("\n")[:-1]) + "c: 1\n"
    document = read(text.replace("\n", end))

    value = document.value["a"]["b"]  # type: ignore[call-overload, index] # a mapping, as written above
    assert isinstance(value, str)
    each_place(document, ("a", "b"), value)


@settings(max_examples=60)
@given(TEXTS, st.sampled_from(["'", '"']), st.integers(1, 3))
@example(['"', "0"], '"', 2)
def test_a_place_in_a_quoted_scalar_is_where_its_character_stands(lines: list[str], quote: str, breaks: int) -> None:
    escaped = [
        line.replace("'", "''") if quote == "'" else json.dumps(line, ensure_ascii=False)[1:-1] for line in lines
    ]
    document = read(f"a: {quote}" + ("\n" * breaks + "   ").join(escaped) + f"{quote}\nb: 1\n")

    value = document.value["a"]  # type: ignore[call-overload, index] # a mapping, as written above
    assert isinstance(value, str)
    for offset, character in enumerate(value):
        assert character in " \n" or shown(document.within(("a",), offset))[-1] == character


@pytest.mark.parametrize(
    ("text", "part", "place", "there"),
    [
        ("a: plain {{ x }}\n", "{{ x }}", "m:1:10", "{{ x }}"),
        ("a: 一只猫 {{ x }}\n", "{{ x }}", "m:1:8", "{{ x }}"),
        ("a: over\n  two {{ x }}\n", "{{ x }}", "m:2:7", "{{ x }}"),
        ("a: over\n\n\n  lines {{ x }}\n", "{{ x }}", "m:4:9", "{{ x }}"),
        ("a: 'it''s {{ x }}'\n", "{{ x }}", "m:1:11", "{{ x }}"),
        ('a: "\\u4e00\\x41\\U0001F408\\t {{ x }}"\n', "{{ x }}", "m:1:28", "{{ x }}"),
        ('a: "\\u4e00b"\n', "一", "m:1:5", "\\u4e00"),
        ('a: "one \\\n   two"\n', "two", "m:2:4", "two"),
        ('a: "one\n   two"\n', "two", "m:2:4", "two"),
        ("a: |\n  one\n    two {{ x }}\n", "{{ x }}", "m:3:9", "{{ x }}"),
        ("a: |2\n    one\n   two\n", "two", "m:3:4", "two"),
        ("a: |+ # why\n\n  one\n\n  two\n\n", "two", "m:5:3", "two"),
        ("a: >\n  one\n  two\n\n  three\n", "three", "m:5:3", "three"),
        ("a: >\n  one\n    more\n  two\n", "two", "m:4:3", "two"),
        ("a: >-\n\n  one\n\n\n  two\n", "two", "m:6:3", "two"),
        ("- &x\n  一 {{ x }}\n", "{{ x }}", "m:2:5", "{{ x }}"),
        ("a: &x !!str '{{ x }}'\n", "{{ x }}", "m:1:14", "{{ x }}"),
        ("a: one\r\n  two\r\n", "two", "m:2:3", "two"),
    ],
)
def test_a_part_of_a_value_is_found_where_it_is_written(text: str, part: str, place: str, there: str) -> None:
    document, _ = parse(Source("m", text), root="collection")
    assert document is not None
    path: Path = (0,) if isinstance(document.value, list) else ("a",)
    value = document.value[path[0]]  # type: ignore[call-overload, index] # the only entry
    assert isinstance(value, str)

    span = document.within(path, value.index(part), len(part))

    assert str(span) == place
    assert shown(span) == there


def test_a_part_over_several_lines_ends_with_its_last_character() -> None:
    document = read("a: |\n  one\n  two\n\nb: 1\n")

    assert shown(document.within(("a",), 2, 4)) == "e\n  tw"
    assert shown(document.within(("a",), 3, 1)) == "\n"
    assert shown(document.within(("a",), 0, 99)) == "one\n  two\n"


def test_a_place_beyond_a_value_is_its_end() -> None:
    document = read("a: abc\nb: {c: 1}\n")

    assert str(document.within(("a",), 99)) == "m.yaml:1:7"
    assert str(document.within(("a",), -5)) == "m.yaml:1:4"
    assert document.within(("b",), 3) == document.span(("b",))


def test_a_path_that_leads_nowhere_is_at_its_nearest_parent() -> None:
    document = read("a:\n  b: [x, {c: 1}]\n")

    assert shown(document.span(("a", "b", 1, "zz"))) == "{c: 1}"
    assert shown(document.key_span(("a", "b", 1, "zz"))) == "{c: 1}"
    assert shown(document.key_span(("a", "b"))) == "b"
    assert shown(document.key_span(("a", "b", 0))) == "x"
    assert shown(document.key_span(("a", "b", 7))) == "b"
    assert shown(document.span(("a", 0))) == "b: [x, {c: 1}]"
    assert document.key_span(()) == document.span(())


def test_what_an_alias_repeats_is_where_it_was_written_first() -> None:
    document = read("base: &base {mode: sdt}\nshots:\n  hero:\n    <<: *base\n  pour: *base\n")

    assert str(document.span(("shots", "hero", "mode"))) == "m.yaml:1:20"
    assert str(document.key_span(("shots", "pour", "mode"))) == "m.yaml:1:14"
