"""The module beside these tests, by its name."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def merges() -> ModuleType:
    """Return the program of random merges."""
    found = importlib.util.spec_from_file_location("merges", Path(__file__).with_name("merges.py"))
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["merges"] = module
    found.loader.exec_module(module)
    return module
