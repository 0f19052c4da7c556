"""What the black-box tests share: their modules on the path, and a folder in memory where there is one."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that tests and long commands import the same files


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that costs no sync: what a kill leaves behind is the same on any file system."""
    from blackbox import MEMORY  # noqa: PLC0415 - only found now

    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)
