"""The fault matrix is whole: every row has a test that exists, or a reason why this machine cannot play it."""

from pathlib import Path

from matrix_rows import NOT_HERE, ROWS

TESTS = Path(__file__).parents[1]


def test_every_row_of_the_matrix_is_told() -> None:
    assert list(ROWS) == [
        *(str(number) for number in range(1, 41)),
        *("40a", "40b"),
        *(str(number) for number in range(41, 93)),
    ]


def test_every_test_that_a_row_names_is_there() -> None:
    missing = []
    for row, (_, where) in ROWS.items():
        file, _, name = where.partition("::")
        if where.startswith(NOT_HERE):
            continue
        if name.startswith("golden/"):
            missing += (
                [] if (TESTS / file).with_name("golden").joinpath(name.removeprefix("golden/")).exists() else [row]
            )
        elif f"def {name}(" not in (TESTS / file).read_text():
            missing.append(row)

    assert missing == []


def test_eighty_rows_or_more_are_under_test() -> None:
    assert sum(not where.startswith(NOT_HERE) for _, where in ROWS.values()) >= 80
