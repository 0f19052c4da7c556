"""Prompts compared word by word."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.report.worddiff import marked, word_diff

TEXTS = st.lists(st.sampled_from(["a", "cup", " ", "\n", "杯", "子", "é", "!", "한"]), max_size=30).map("".join)


@given(TEXTS, TEXTS)
@settings(max_examples=300, deadline=None)
def test_both_texts_are_in_their_difference(before: str, now: str) -> None:
    pieces = word_diff(before, now)

    assert "".join(text for kind, text in pieces if kind != "+") == before
    assert "".join(text for kind, text in pieces if kind != "-") == now


def test_what_is_gone_and_what_is_new_stands_between_marks() -> None:
    assert marked(word_diff("a cup of tea", "a mug of tea!")) == "a [-cup-]{+mug+} of tea{+!+}"


def test_a_text_without_spaces_is_compared_by_its_characters() -> None:
    assert marked(word_diff("一杯咖啡", "一杯热咖啡")) == "一杯{+热+}咖啡"


def test_equal_texts_have_one_piece() -> None:
    assert word_diff("a cup", "a cup") == (("=", "a cup"),)
    assert word_diff("", "") == ()
