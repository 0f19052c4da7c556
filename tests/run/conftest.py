"""A bench for whole runs in virtual time, in a folder of its own."""

import faulthandler
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaigns import Bench

LONGEST = 60  # seconds of real time; a run in virtual time that hangs would hang for ever


@pytest.fixture(autouse=True)
def loud_hang() -> Iterator[None]:
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)
