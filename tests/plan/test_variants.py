"""A manifest said in other words asks for nothing new."""

import importlib.util
import sys
from pathlib import Path

found = importlib.util.spec_from_file_location("variants", Path(__file__).with_name("variants.py"))
assert found is not None
assert found.loader is not None
variants = importlib.util.module_from_spec(found)
sys.modules["variants"] = variants
found.loader.exec_module(variants)


def test_other_words_for_the_same_videos_pay_for_nothing() -> None:
    paid, actions = variants.payments(variants=100, seed=2)

    assert paid == 0
    assert {action.value for action in actions} == {"keep", "move"}
