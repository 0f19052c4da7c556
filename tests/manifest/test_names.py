"""Names and output paths: rows F69 to F80 of the bad-input corpus, on every system the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.manifest.names import clashes, doubled, folded, name_fault, output_fault, scalar_name, shortened

PATHS = {
    "../../x.mp4": "output-path",
    "..\\x.mp4": "output-name",
    "/abs.mp4": "output-path",
    "C:\\x.mp4": "output-path",
    "C:x.mp4": "output-path",
    "\\\\srv\\share.mp4": "output-path",
    "~/x.mp4": "output-path",
    "~root.mp4": "output-path",
    "$HOME/x.mp4": "output-reserved",
    "a/../../b.mp4": "output-path",
    "a/./b.mp4": "output-path",
    ".": "output-path",
    "..": "output-path",
    "": "output-path",
    "  ": "output-path",
    "CON.mp4": "output-reserved",
    "con/x.mp4": "output-reserved",
    "NUL.mp4": "output-reserved",
    "Aux.tar.mp4": "output-reserved",
    "COM1.mp4": "output-reserved",
    "com¹.mp4": "output-reserved",
    "LPT9.mp4": "output-reserved",
    "CONIN$.mp4": "output-reserved",
    "CONOUT$.mp4": "output-reserved",
    "PRN .mp4": "output-reserved",
    "CLOCK$.mp4": "output-reserved",
    "a./x.mp4": "output-name",
    " a.mp4": "output-name",
    "a:b.mp4": "output-path",
    "a?.mp4": "output-name",
    'a".mp4': "output-name",
    "a\n.mp4": "output-name",
    "a\0.mp4": "output-name",
    "a\x1b[2J.mp4": "output-name",
    "a\u202e.mp4": "output-name",
    "a\u200b.mp4": "output-name",
    "a\ud800.mp4": "output-name",
    "x" * 252 + ".mp4": "output-long",
    "😀" * 64 + ".mp4": "output-long",
    "/".join(["x" * 100] * 41) + ".mp4": "output-long",
    ".git/hooks/x.mp4": "output-reserved",
    ".gitattributes.mp4": "output-reserved",
    "-rf.mp4": "output-reserved",
    ".kling-batch/x.mp4": "output-reserved",
    "spring.lock.json/x.mp4": "output-reserved",
    "x.mp4.exe": "output-name",
    "x": "output-name",
    "x.MP4": "output-name",
}


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_a_path_that_some_system_cannot_store_is_refused(path: str) -> None:
    fault = output_fault(path)

    assert fault is not None
    assert fault[0] == PATHS[path]


@pytest.mark.parametrize(
    "path", ["x.mp4", "a/b-c_d.1/x.mp4", "%2e%2e%2f.mp4", "片头/हिन्दी.mp4", "console/auxiliary.mp4"]
)
def test_a_path_that_every_system_can_store_passes(path: str) -> None:
    assert output_fault(path) is None


@pytest.mark.parametrize(
    ("paths", "pairs"),
    [
        (["Cat.mp4", "cat.mp4"], [(1, 0)]),
        (["stra\u00dfe.mp4", "strasse.mp4"], [(1, 0)]),
        (["\u212a.mp4", "k.mp4"], [(1, 0)]),
        (["\u00e9.mp4", "e\u0301.mp4"], [(1, 0)]),
        (["a.mp4", "a.mp4/b.mp4"], [(1, 0)]),
        (["A.mp4/x/b.mp4", "a.mp4"], [(0, 1)]),
        (["a/b.mp4", "a/c.mp4", "ab.mp4"], []),
    ],
)
def test_paths_that_a_file_system_holds_for_one_clash(paths: list[str], pairs: list[tuple[int, int]]) -> None:
    assert clashes(paths) == pairs


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("16:9", "16x9"),
        ("1:1", "1x1"),
        ("a:b", "a-b"),
        ("12:34:56", "12x34x56"),
        ("a b/c", "a-b-c"),
        (5, "5"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "null"),
        ("e\u0301", "\u00e9"),
        ("हिन्दी", "हिन्दी"),
        ("no", "no"),
    ],
)
def test_a_scalar_is_named_after_its_value(value: str | float | None, name: str) -> None:
    assert scalar_name(value) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a=b", "a,b", "a#b", "...", "x" * 65, "a\u200bb", "a:b"])
def test_a_name_that_keys_or_files_cannot_hold_is_refused(name: str) -> None:
    assert name_fault(name) is not None


@given(st.one_of(st.text(min_size=1, max_size=60), st.integers(), st.booleans()))
def test_the_name_of_a_scalar_is_a_name(value: str | int) -> None:
    name = scalar_name(value)

    assert not name.strip(".") or name_fault(name) is None or len(name) > 64


@given(st.lists(st.sampled_from(["a", "A", "b", "\u00df", "ss", "SS", "\u00e9", "e\u0301", "E\u0301"])))
def test_every_name_but_the_first_of_its_kind_is_doubled(names: list[str]) -> None:
    pairs = doubled(names)

    assert len(pairs) == len(names) - len({folded(name) for name in names})
    assert all(first < index and folded(names[first]) == folded(names[index]) for index, first in pairs)


def test_a_long_list_of_names_is_shortened() -> None:
    assert shortened(["a"]) == "`a`"
    assert shortened(["a", "b", "c"]) == "`a`, `b` and `c`"
    assert shortened([str(number) for number in range(15)]).endswith("`11` and 3 more")
