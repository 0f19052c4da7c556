"""What ends a command becomes text and an exit code, here and nowhere else."""

import platform
import traceback
from collections.abc import Sequence

from kling_batch.errors import DiskError, KlingBatchError, ManifestError, StateError
from kling_batch.text.plain import plain
from kling_batch.text.render import render_all

BUG = 1
INTERRUPTED = 130


def told(error: KlingBatchError, *, color: bool) -> str:
    """Return an error as it is shown: its diagnostics in full, else its message, and what to do about it."""
    lines: list[str] = []
    match error:
        case ManifestError() | StateError(diagnostics=(_, *_)):
            lines.append(render_all(error.diagnostics, color=color))
        case _:
            lines.append(f"error: {plain(error.message)}")
    if error.help:
        lines += ["  |", *(f"  = help: {plain(line)}" for line in error.help.splitlines())]
    if isinstance(error, DiskError):
        lines += [plain(line) for line in error.recovery]
    return "\n".join(lines)


def unwritten(error: BaseException) -> str:
    """Return what is said where stdout takes no more, which is nobody's bug."""
    why = plain(str(getattr(error, "strerror", None) or error))
    return f"error: nothing more can be printed: {why}\n  |\n  = help: what is paid for is in the lock and the journal"


def bug_report(error: BaseException, *, version: str, verb: str, secrets: Sequence[str]) -> str:
    """Return what a person can paste into an issue: where it broke, without values of variables and without secrets."""
    frames = [
        f"  {_place(frame.filename)}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    report = [
        f"error: this is a bug in kling-batch, not in your manifest: {type(error).__name__}: {plain(str(error))}",
        "what is paid for is in the lock and the journal; nothing of it is lost. Please report these lines:",
        f"  kling-batch {version}, Python {platform.python_version()}, {platform.system()}, `{verb}`",
        *frames,
    ]
    text = "\n".join(report)
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return text


def _place(filename: str) -> str:
    """Return a file's place without the folders of the machine before it."""
    parts = filename.replace("\\", "/").split("/")
    return "/".join(parts[-3:])
