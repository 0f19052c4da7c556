"""`--on-done`: a command of the user's that hears how a run ended, and can change nothing about it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from kling_batch.cli import terminal
from kling_batch.cli.service import KEY
from kling_batch.job import Json

PATIENCE = 60.0  # seconds


def tell_hook(command: str, summary: Mapping[str, Json], *, patience: float = PATIENCE) -> None:
    """Run a shell command with a summary as JSON on its standard input, and without the key in its environment.

    What it prints goes to stderr, because stdout is the run's own. That it fails, or takes longer than `patience`
    (seconds), is told as a warning.
    """
    environment = {name: value for name, value in os.environ.items() if name != KEY}
    sys.stderr.flush()
    try:
        hook = subprocess.Popen(  # noqa: S602 - a shell command is what the user gave
            command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=_stderr(),
            stderr=None,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        terminal.talk(f"warning: `--on-done` could not be run: {error}")
        return
    with hook:
        try:
            hook.communicate(json.dumps(summary, ensure_ascii=False).encode() + b"\n", timeout=patience)
        except subprocess.TimeoutExpired:
            _end(hook)
            terminal.talk(f"warning: `--on-done` took more than {patience:g} s, and was ended")
            return
        except BaseException:
            _end(hook)
            raise
    if hook.returncode:
        terminal.talk(f"warning: `--on-done` ended with {hook.returncode}")


def _end(hook: subprocess.Popen[bytes]) -> None:
    """End a command with all that it has started."""
    with suppress(OSError):
        os.killpg(hook.pid, signal.SIGKILL)


def _stderr() -> int | None:
    """Return where the command's output goes: our stderr, or where there is none of the system's, nowhere."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):
        return subprocess.DEVNULL
