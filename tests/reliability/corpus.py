"""Every bad manifest through the real command, with little time and memory, the key at hand and nowhere to go.

    python tests/reliability/corpus.py

A process that has imported everything is forked for each, so that a case takes a fraction of a second. What has to be
said stands in the golden files of `text` and `manifest`; those that are too large for a file are made here. Prints the
figures; ends with 1 if anything else was said, opened, written or asked.
"""

import argparse
import importlib
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from blackbox import KEY, MEMORY, NOWHERE

from kling_batch.cli.main import main as command

TESTS = Path(__file__).absolute().parents[1]
ENVIRONMENT = {"CITY": "Trieste", "TOAPIS_API_KEY": KEY, "TOAPIS_BASE_URL": NOWHERE}
VERBS = (("validate",), ("run", "--yes"))
BYTES = 512 * 1024 * 1024  # of addresses for one case
PATIENCE = 4  # seconds of processor for one case: two, on a machine that others keep busy too
BROKE_OUT = 70  # how a child ends that opened, wrote or asked what it may not
HEAD, PLACE = (
    re.compile(r"^error\[([a-z0-9-]+)\]: ", re.MULTILINE),
    re.compile(r"^ +--> (\S+?):(\d+):(\d+)$", re.MULTILINE),
)
SUM = re.compile(r"^\d+ mistakes?; nothing was sent$", re.MULTILINE)

NINES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "m0: &m0 {" + ", ".join(f"k{n}: 1" for n in range(5000)) + "}\n"
LARGE: Mapping[str, tuple[str, str]] = {
    "brackets": ("too-deep", "[" * 100_000),
    "braces": ("too-deep", "{" * 100_000),
    "brackets-and-braces": ("too-deep", "a: " + "[{b: " * 5_000),
    "dashes": ("too-deep", "- " * 100_000),
    "aliases": ("too-many-nodes", NINES),
    "merges": ("too-many-nodes", MERGES + "".join(f"m{n}: {{<<: *m0}}\n" for n in range(1, 100))),
    "items": ("too-many-nodes", "a: [" + "1," * 300_000 + "]"),
    "anchors": ("too-many-anchors", "a:\n" + "".join(f"  - &a{n} x\n" for n in range(100_000))),
    "bytes": ("too-large", "x" * 6_000_000),
    "digits": ("number-out-of-range", "a: " + "9" * 5_000),
    "hexadecimal": ("number-out-of-range", "a: 0x" + "f" * 100_000),
    "quotes": ("unclosed-quote", "a: " + "'" * 99_999),
    "zeros": ("control-character", "a: " + "\0" * 100_000),
    "mistakes": ("duplicate-key", "a: 1\n" * 10_000),
}


@dataclass(frozen=True)
class Case:
    """One bad manifest: where it lies, and what has to be said of it, or at least with which code."""

    folder: Path
    path: str
    golden: str = ""
    code: str = ""


@dataclass(frozen=True)
class Said:
    """How the command ended on one case, what it said, and what it took."""

    code: int
    out: str
    err: str
    seconds: float
    mebibytes: float


def cases(folder: Path) -> Iterator[Case]:
    """Lay the whole corpus out in a folder, and give it case by case."""
    for room, below in (("text/golden", "manifests"), ("manifest/golden_schema", "manifests"), ("manifest/golden", "")):
        lies = folder / room
        if room == "manifest/golden":
            shutil.copytree(TESTS / room / "files", lies, symlinks=True)
        (lies / below).mkdir(parents=True, exist_ok=True)
        for path in sorted((TESTS / room).glob("*.yaml")):
            if not path.name.startswith("good-"):
                shutil.copy(path, lies / below)
                yield Case(
                    lies,
                    f"{below}/{path.name}".lstrip("/"),
                    golden=path.with_suffix(".txt").read_text(encoding="utf-8"),
                )
    (folder / "large").mkdir()
    for name, (code, text) in LARGE.items():
        (folder / "large" / f"{name}.yaml").write_text(text, encoding="utf-8")
        yield Case(folder / "large", f"{name}.yaml", code=code)


def said(case: Case, verb: tuple[str, ...]) -> Said:
    """Give one case to the command, in a process of its own that may not write, connect or start anything."""
    with tempfile.TemporaryFile(dir=MEMORY) as out, tempfile.TemporaryFile(dir=MEMORY) as err:
        pid = os.fork()
        if pid == 0:
            _become_the_command(case, verb, out, err)
        _, status, used = os.wait4(pid, 0)
        texts = [os.pread(each.fileno(), 1_000_000, 0).decode(errors="replace") for each in (out, err)]
    seconds, mebibytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return Said(os.waitstatus_to_exitcode(status), *texts, seconds=seconds, mebibytes=mebibytes)


def _become_the_command(case: Case, verb: tuple[str, ...], out: IO[bytes], err: IO[bytes]) -> None:
    code = BROKE_OUT
    try:
        os.chdir(case.folder)
        os.environ.update(ENVIRONMENT)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        sys.addaudithook(_refuse)
        code = command([*verb, case.path])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


WORLD = ("socket.", "subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.system")
CHANGES = frozenset(
    f"os.{name}" for name in ("mkdir", "rename", "remove", "rmdir", "link", "symlink", "truncate", "chmod")
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    """End this process at what a bad manifest may never lead to."""
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
    if event.startswith(WORLD) or event in CHANGES or writes:
        os.write(2, f"broke out: {event} {arguments}\n".encode())
        os._exit(BROKE_OUT)


def wrong(case: Case, told: Said) -> Iterator[str]:
    """Say what is not as it has to be."""
    if told.code != 2:
        yield f"ended with {told.code}"
    if told.out or KEY in told.err or "Traceback" in told.err:
        yield "said what it may not"
    codes, places = HEAD.findall(told.err), PLACE.findall(told.err)
    if not codes or len(places) < len(codes) or not all((case.folder / path).is_file() for path, _, _ in places):
        yield "did not say where"
    if case.code and case.code not in codes:
        yield f"said nothing of {case.code}"
    if case.golden and SUM.sub("", told.err).strip() != case.golden.strip():
        yield "said something else than its golden file"


def snapshot(folder: Path) -> dict[str, tuple[float, int]]:
    """Return what lies below a folder, and since when."""
    return {str(path): (path.lstat().st_mtime, path.lstat().st_size) for path in folder.rglob("*")}


def main() -> int:
    """Run the corpus."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    for verb in ("inspection", "running"):
        importlib.import_module(f"kling_batch.cli.{verb}")
    began, most, faults, number = time.monotonic(), (0.0, 0.0), 0, 0
    codes: set[str] = set()
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        corpus = list(cases(Path(name)))
        before = snapshot(Path(name))
        for case in corpus:
            for verb in VERBS:
                told = said(case, verb)
                number += 1
                codes |= set(HEAD.findall(told.err))
                most = max(most[0], told.seconds), max(most[1], told.mebibytes)
                for fault in wrong(case, told):
                    faults += 1
                    print(f"{' '.join(verb)} {case.folder.name}/{case.path}: {fault}\n{told.err[:2000]}", flush=True)
        if snapshot(Path(name)) != before:
            faults += 1
            print("something was written")
    print(
        f"{len(corpus)} bad manifests, {number} runs, {len(codes)} codes, at most {most[0]:.2f} s and "
        f"{most[1]:.0f} MiB each, {faults} faults, {time.monotonic() - began:.0f} s in all"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
