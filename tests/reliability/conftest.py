"""What these tests share: modules on the path, and a folder in memory where there is one."""

import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that tests and long commands import the same files


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that costs no sync: what a kill leaves behind is the same on any file system."""
    from blackbox import MEMORY  # noqa: PLC0415 - only found now

    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    """One context for all tests: making one costs more than most of them."""
    return ssl.create_default_context()


@pytest.fixture
def stage(folder: Path, tls: ssl.SSLContext) -> Iterator[Callable[..., Any]]:
    """Set a campaign up against a service with these rules; see `matrix.Stage`."""
    from matrix import Stage  # noqa: PLC0415 - only found now

    with ExitStack() as stack:

        def up(*rules: dict[str, object], **options: Any) -> Stage:
            return stack.enter_context(Stage(folder, tls, rules, **options))

        yield up
