import dataclasses
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from kling_batch.cli.sandbox import sandbox
from kling_batch.sandbox.scenario import Effects, Reply, Reshape, Transfer, When, parse
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.terms import Terms

COMMAND = [sys.executable, "-c", "from kling_batch.cli.sandbox import sandbox; sandbox()"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_tells_its_address_serves_and_ends_on_a_signal(tmp_path: Path, sent: signal.Signals) -> None:
    options = ["--speed", "1000", "--seed", "3", "--state", str(tmp_path / "state"), "--clip-bytes", "5"]

    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        status = httpx.get(f"{url}/balance", headers={"Authorization": "Bearer x"}, trust_env=False).status_code
        process.send_signal(sent)
        _, talk = process.communicate(timeout=10)

    assert status == 200
    assert process.returncode == 0
    assert talk == (
        "the sandbox is up: no key, no money, real MP4 files; Ctrl-C ends it. In another shell:\n"
        f"  export TOAPIS_BASE_URL={url}\n"
        "  export TOAPIS_API_KEY=sandbox\n"
    )


def test_the_scenario_in_the_help_is_one_that_runs() -> None:
    text = CliRunner().invoke(sandbox, ["--help"], terminal_width=120).output

    start, end = text.index('{"service"'), text.index("on    submit")
    script = parse(text[start:end])

    assert len(script.rules) == 4
    assert script.terms().balance_usd == 5


@pytest.mark.parametrize("kind", [Effects, When, Reply, Reshape, Transfer, Fate, Terms])
def test_every_word_of_a_scenario_stands_in_the_help(kind: type) -> None:
    text = CliRunner().invoke(sandbox, ["--help"], terminal_width=120).output

    words = set(re.findall(r"\w+", text))
    assert {field.name for field in dataclasses.fields(kind)} <= words
