"""What these tests share: modules on the path, a folder in memory where there is one, and a command beside them all."""

import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that tests and long commands import the same files

BESIDE: pytest.StashKey[tuple["subprocess.Popen[bytes]", IO[bytes]]] = pytest.StashKey()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the command of the test that asks for `beside`: minutes of all cores, while other tests mostly need one."""
    asking = [each for each in session.items if "beside" in getattr(each, "fixturenames", ())]
    if asking and not session.config.option.collectonly:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - read when the command has ended
        command = asking[0].module.COMMAND  # type: ignore[attr-defined]  # the module of a test function
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        session.config.stash[BESIDE] = process, said


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the command, should nobody have waited for it."""
    process, _ = session.config.stash.get(BESIDE, (None, None))
    if process is not None and process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def beside(request: pytest.FixtureRequest) -> tuple["subprocess.Popen[bytes]", IO[bytes]]:
    """The command that began with the session, and what it says."""
    return request.config.stash[BESIDE]


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
