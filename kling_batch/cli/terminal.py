"""The one place that prints. Data goes to stdout and talk to stderr; a reader that went away stops neither."""

import errno
import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.plain import plain
from kling_batch.text.render import render_all

COLUMNS, LINES = 80, 24


def prepare() -> None:
    """Make both streams take any text: what their encoding cannot say is escaped, instead of ending the command."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _open_what_is_closed() -> None:
    """Give a command that was started with closed streams (`<&-`, `>&-`) empty ones: Python has `None` for them.

    The descriptors are filled from 0 up, so that no file of ours is ever opened under the number of a stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - it lives as long as the process


def out(text: str) -> None:
    """Print data, whole lines."""
    _print(text, sys.stdout)


def talk(text: str) -> None:
    """Print what is for the person at the terminal."""
    _print(text, sys.stderr)


def out_json(value: Json, *, indent: int | None = 2) -> None:
    """Print one JSON document, or one line of JSON Lines with `indent=None`."""
    out(json.dumps(value, ensure_ascii=False, indent=indent))


def out_each(parts: Sequence[tuple[str, str]]) -> None:
    """Print what is told of some manifests, by name; of several, each under it."""
    if len(parts) == 1:
        out(parts[0][1])
        return
    out("\n".join(f"{plain(name)}\n\n{text.strip()}\n" for name, text in parts))


def out_json_each(parts: Sequence[tuple[str, Mapping[str, Json]]]) -> None:
    """Print the data of one manifest as they are, of several as a list with their names."""
    if len(parts) == 1:
        out_json(dict(parts[0][1]))
    else:
        out_json({"manifests": [{"manifest": name, **data} for name, data in parts]})


def _print(text: str, stream: IO[str]) -> None:
    try:
        stream.write(text if text.endswith("\n") or not text else text + "\n")
        stream.flush()
    except OSError as error:
        if not _is_gone(error, stream):
            raise
        silence(stream)


def _is_gone(error: OSError, stream: IO[str]) -> bool:
    """Say whether the reader went away: a pipe that broke, or a terminal that hung up; a full disk is neither."""
    if error.errno == errno.EIO:
        return stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)
    return isinstance(error, BrokenPipeError)


def is_unwritten(error: BaseException) -> bool:
    """Say whether a disk is full under a stream: what has to be durable ends in a `DiskError` instead."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def silence(stream: IO[str]) -> None:
    """Send everything further to nowhere, so that the interpreter's last flush does not fail (as in Python's docs)."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def size() -> tuple[int, int]:
    """Return columns and lines of the terminal on stderr as they are now; 80 and 24 where it does not tell."""
    try:
        columns, lines = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        columns, lines = 0, 0
    return columns or COLUMNS, lines or LINES


def is_conversation() -> bool:
    """Say whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def talk_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics in full, in color where a person is looking."""
    if diagnostics:
        talk(render_all(diagnostics, color=has_color()) + "\n")


def has_color() -> bool:
    """Say whether stderr may be colored: on a terminal that can, and where `NO_COLOR` is not set (no-color.org)."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def shown(path: Path) -> str:
    """Return a path as a person here would type it: relative if it is below the working folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
