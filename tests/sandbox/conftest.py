"""What the sandbox's tests share: a running server with a client of its own."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from kling_batch.sandbox.server import Config, serve


@pytest.fixture
def open_sandbox(tmp_path: Path) -> Iterator[Callable[..., httpx.Client]]:
    """Start a sandbox with a scenario, and give a client that knows its address and has a key."""
    with ExitStack() as stack:

        def start(
            *rules: dict[str, object], service: dict[str, object] | None = None, **config: object
        ) -> httpx.Client:
            scenario = tmp_path / "scenario.json"
            scenario.write_text(json.dumps({"seed": 1, "service": service or {}, "rules": rules}), "utf-8")
            given: dict[str, Any] = {"speed": 9000.0, "scenario": scenario, **config}
            url = stack.enter_context(serve(Config(**given)))
            headers = {"Authorization": "Bearer sandbox"}
            return stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=5.0, trust_env=False))

        yield start
