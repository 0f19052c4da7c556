"""The whole command, start-up included: a plan of some jobs, and a run that has nothing to do; alone, or beside peers.

A peer's jobs make their files with `touch` or its like: what is timed is the tool.
"""

import shutil
import statistics
from pathlib import Path

from children import service, subject
from measured import folder
from rows import Row
from sizes import Size
from start_up import COMMAND, cpu_of

SNAKE = """\
rule all:
    input: expand("out/{{i}}.mp4", i=range({jobs}))
rule make:
    output: "out/{{i}}.mp4"
    shell: "touch {{output}}"
"""
DOIT = """\
import pathlib

def touch(path):
    pathlib.Path(path).touch()

def task_make():
    for i in range({jobs}):
        path = f"out/{{i}}.mp4"
        yield {{"name": str(i), "actions": [(touch, [path])], "targets": [path], "file_dep": ["dodo.py"]}}
"""
DVC = """\
stages:
  make:
    foreach: [{numbers}]
    do: {{cmd: "touch out/${{item}}.mp4", outs: ["out/${{item}}.mp4"]}}
"""
CURL = """\
body='{{"model":"kling-v2-6","prompt":"A v1 in v2, v3, take {{}}","mode":"std","duration":5}}'
id=$(curl -s -d "$body" {base}/v1/videos/generations | cut -d '"' -f4)
curl -s {base}/v1/videos/generations/$id > /dev/null
curl -s -o {{}}.mp4 {base}/files/$id.mp4
"""


def alone(size: Size) -> list[Row]:
    """Measure the product's own seconds; without a peer there is nothing to hold them against."""
    planned, idle = _ours(size)
    return [
        Row(
            f"plan of {size.planned:,} jobs, start-up included (CPU)",
            f"{planned:.2f} s",
            "no peer",
            planned,
            0.4,
            unit=" s",
        ),
        Row(f"nothing to do, {size.idle:,} jobs (CPU)", f"{idle:.2f} s", "no peer", idle, 0.8, unit=" s"),
    ]


def rows(size: Size) -> list[Row]:
    """Measure the same beside every peer that is installed."""
    planned, idle = _ours(size)
    told = []
    if command := shutil.which("snakemake"):
        dry, again = _snakemake(command, size)
        what = f"plan of {size.planned:,} jobs against `snakemake -n` (times faster)"
        told.append(Row(what, f"{planned:.2f} s", f"{dry:.2f} s", dry / planned, 5.0, least=True))
        what = f"nothing to do, {size.idle:,} jobs, against Snakemake (times faster)"
        told.append(Row(what, f"{idle:.2f} s", f"{again:.2f} s", again / idle, 6.0, least=True))
    if command := shutil.which("doit"):
        again = _doit(command, size.idle)
        what = f"nothing to do, {size.idle:,} jobs, against doit (times faster)"
        told.append(Row(what, f"{idle:.2f} s", f"{again:.2f} s", again / idle, 1.0, least=True))
    if command := shutil.which("dvc"):
        dry = _dvc(command, size.planned)
        what = f"plan of {size.planned:,} jobs against `dvc repro --dry` (times faster)"
        told.append(Row(what, f"{planned:.2f} s", f"{dry:.2f} s", dry / planned, 15.0, least=True))
    if (command := shutil.which("parallel")) and shutil.which("curl"):
        ours, theirs = _parallel(command, size.jobs)
        what = "CPU of a job in a run, 16 at once, against GNU parallel and curl"
        told.append(Row(what, f"{ours:.1f} ms", f"{theirs:.1f} ms", ours / theirs, 0.15))
    return told or alone(size)


def _ours(size: Size) -> tuple[float, float]:
    """Return the CPU seconds of a plan from nothing, and of a second run over files that are all there."""
    with folder() as place:
        subject("subjects_plan", "prepare", place=str(place), jobs=size.planned)
        (place / "bench.lock.json").unlink()
        planned = _seconds((*COMMAND, "plan", "bench.yaml"), place)
    with folder() as place:
        subject("subjects_plan", "prepare", place=str(place), jobs=size.idle, files=True, sandbox=True)
        command = (*COMMAND, "run", "bench.yaml", "--sandbox", "--yes")
        cpu_of(command, place)  # the first run learns which files are as they were
        idle = _seconds(command, place)
    return planned, idle


def _snakemake(command: str, size: Size) -> tuple[float, float]:
    with folder() as place:
        (place / "Snakefile").write_text(SNAKE.format(jobs=size.planned))
        dry = _seconds((command, "-n", "-q", "all"), place)
    with folder() as place:
        (place / "Snakefile").write_text(SNAKE.format(jobs=size.idle))
        _touch(place, size.idle)
        again = _seconds((command, "--cores", "1", "-q", "all"), place)
    return dry, again


def _doit(command: str, jobs: int) -> float:
    with folder() as place:
        (place / "dodo.py").write_text(DOIT.format(jobs=jobs))
        (place / "out").mkdir()
        cpu_of((command, "run", "-v0"), place)
        return _seconds((command, "run", "-v0"), place)


def _dvc(command: str, jobs: int) -> float:
    with folder() as place:
        (place / "dvc.yaml").write_text(DVC.format(numbers=", ".join(map(str, range(jobs)))))
        cpu_of((command, "init", "--no-scm", "-q"), place)
        return _seconds((command, "repro", "--dry", "-q"), place)


def _parallel(command: str, jobs: int) -> tuple[float, float]:
    """Return the CPU milliseconds of a job: in a run of ours, and where a shell makes the same requests."""
    with service() as base:
        ours = subject("subjects_run", "product", base=base, jobs=jobs, width=16)
    with folder() as place, service() as base:
        numbers = tuple(map(str, range(jobs)))
        theirs = cpu_of((command, "-j16", CURL.format(base=base), ":::", *numbers), place)
        assert len(list(place.glob("*.mp4"))) == jobs, place
    return ours["cpu"] / jobs * 1e3, theirs / jobs


def _touch(place: Path, jobs: int) -> None:
    (place / "out").mkdir()
    for number in range(jobs):
        (place / "out" / f"{number}.mp4").touch()


def _seconds(command: tuple[str, ...], place: Path) -> float:
    return statistics.median(cpu_of(command, place) for _ in range(3)) / 1e3
