"""What an unquoted scalar means: YAML 1.2 core, and nothing of YAML 1.1 but its merge keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.job import Json
from kling_batch.text.document import parse
from kling_batch.text.source import Source


def value(text: str) -> Json:
    document, told = parse(Source("m.yaml", text), root="collection")
    assert document is not None, told
    return document.value


@pytest.mark.parametrize(
    "text",
    [
        "16:9",
        "9:16",
        "1:1",
        "no",
        "NO",
        "on",
        "off",
        "yes",
        "n",
        "2026-01-02",
        "2026-01-02T10:00:00Z",
        "1_000",
        "0b11",
        "010.0.1",
        "0o9",
        "0xg",
        "1e",
        "1.2.3",
        "+",
        ".",
        ".e1",
        "nUll",
        "TrUe",
        "<<x",
        "=",
        "-x",
        "<",
    ],
)
def test_what_reads_as_text_is_text(text: str) -> None:
    assert value(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("-5", -5),
        ("+5", 5),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("5.", 5.0),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("1e3", 1000.0),
        ("40.00", 40.0),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("~", None),
        ("Null", None),
        ("", None),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!float 5", 5.0),
        ("!!int 5", 5),
        ("!!null ''", None),
        ("!!bool true", True),
        ("'5'", "5"),
        ('"no"', "no"),
        ("!!seq [1]", [1]),
        ("!!map {b: 1}", {"b": 1}),
    ],
)
def test_a_scalar_means_what_the_core_schema_says(text: str, meant: Json) -> None:
    read = value(f"a: {text}")

    assert read == {"a": meant}
    assert isinstance(read, dict)
    assert type(read["a"]) is type(meant)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_back_as_it_was_written(number: float) -> None:
    assert value(f"a: {number!r}") == {"a": number}


def test_merge_keys_bring_what_is_not_there_and_the_first_of_several_wins() -> None:
    read = value("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3, w: 3}\nd: {'<<': 4}\ne: {<<: *b}\n")

    assert isinstance(read, dict)
    assert read["c"] == {"x": 1, "y": 1, "z": 3, "w": 3}
    assert list(read["c"]) == ["x", "y", "z", "w"]
    assert read["d"] == {"<<": 4}
    assert read["e"] == {"y": 2, "z": 2}


def test_merge_keys_go_through_any_number_of_merged_mappings() -> None:
    chain = "".join(f"- &m{n} {{<<: *m{n - 1}, k{n}: {n}}}\n" for n in range(1, 100))

    read = value("- &m0 {k0: 0}\n" + chain)

    assert isinstance(read, list)
    assert read[99] == {f"k{n}": n for n in range(100)}


def test_an_alias_means_the_value_of_its_latest_anchor() -> None:
    assert value("- &a one\n- *a\n- &a {k: v}\n- *a\n") == ["one", "one", {"k": "v"}, {"k": "v"}]


def test_line_ends_a_byte_order_mark_and_a_document_start_change_nothing() -> None:
    assert value("---\r\na: 1\r\nb: |\r\n  x\r\n  y\r\n...\r\n") == {"a": 1, "b": "x\ny\n"}
