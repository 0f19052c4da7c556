"""Faults planted on purpose, each in a copy of the package, to see that the proofs bite."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIMULATION = ("tests/reliability/campaign.py", "--stop", "--seeds", "150", "--trio-every", "0")
LONGEST = 300  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One text of one file replaced by another; `caught_by` is what has to fail then, as arguments of Python."""

    name: str
    file: str
    text: str
    instead: str
    caught_by: tuple[str, ...] = SIMULATION

    def plant(self, folder: Path) -> None:
        """Copy the package into a folder with the fault in it; raises `ValueError` where it does not apply."""
        shutil.copytree(ROOT / "kling_batch", folder / "kling_batch", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("schemas", "tests", "pyproject.toml"):
            (folder / name).symlink_to(ROOT / name)
        path = folder / "kling_batch" / self.file
        before = path.read_text(encoding="utf-8")
        if before.count(self.text) != 1:
            raise ValueError(f"`{self.name}` applies {before.count(self.text)} times to {self.file}, not once")
        path.write_text(before.replace(self.text, self.instead), encoding="utf-8")

    def is_caught(self, folder: Path) -> bool:
        """Say whether what has to fail fails on the copy in that folder."""
        environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "SEEDS": "40"}
        done = subprocess.run(
            (sys.executable, *self.caught_by),
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
        if done.returncode not in {0, 1}:
            raise ValueError(f"`{self.name}` ends with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return done.returncode == 1


def tests(*arguments: str) -> tuple[str, ...]:
    """Return the command of some tests that have to fail."""
    return ("-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *arguments)


DISK = tests("tests/reliability/test_disk_order.py")
JOURNAL = tests("tests/run/test_journal.py")

MUTANTS = (
    Mutant(
        name="the intent is recorded after the POST",
        file="run/carrier.py",
        text="        return await self.service.submit(body, on_wire)\n",
        instead="        async def nothing() -> None: ...\n"
        "        answer = await self.service.submit(body, nothing)\n        await on_wire()\n        return answer\n",
    ),
    Mutant(
        name="a task is looked at before its id is recorded",
        file="run/lifecycle.py",
        text="task=task), Submitted(key=key, task=task), Look()\n",
        instead="task=task), None, Look()\n",
    ),
    Mutant(
        name="an unclear submit is sent again at once",
        file="run/lifecycle.py",
        text="            return doubt, _doubted(key, answer), LookUp(after=SETTLING[0] * policy.settle)\n",
        instead="            return replace(state, tries=state.tries + 1), None, Submit(after=1.0)\n",
    ),
    Mutant(
        name="an absent submit is sent again without proof",
        file="run/lifecycle.py",
        text="        case Absent() if not policy.proven:\n",
        instead="        case Absent() if policy.late:\n",
    ),
    Mutant(
        name="one miss is taken for absence",
        file="run/lifecycle.py",
        text="        case Absent() if looked < len(SETTLING):\n",
        instead="        case Absent() if looked < 1:\n",
    ),
    Mutant(
        name="the first submit is no canary",
        file="run/gate.py",
        text="posts = 1 if self.canary else self.settings.posts",
        instead="posts = self.settings.posts",
    ),
    Mutant(
        name="the budget forgets what is unsure",
        file="run/gate.py",
        text="                self._streak[key] = None\n",
        instead="                self._streak[key] = None\n                self._pay(key, Decimal(0))\n",
    ),
    Mutant(
        name="a torn line stays in the journal",
        file="run/entries.py",
        text='        return self.data.rfind(b"\\n") + 1\n',
        instead="        return len(self.data)\n",
    ),
    Mutant(
        name="a lock counts facts that came while it was written",
        file="run/journal.py",
        text="            async with self._turn:\n                content = text()\n",
        instead="            content = text()\n"
        "            async with self._turn:\n                await anyio.sleep(0)\n",
        caught_by=tests("tests/run/test_book.py"),
    ),
    Mutant(
        name="a video is spliced from two versions",
        file="run/collect.py",
        text="return body.start == part.size and body.etag == part.etag and",
        instead="return body.start == part.size and",
    ),
    Mutant(
        name="a part goes on with a file of another length",
        file="run/collect.py",
        text=" and body.total in {None, part.total}",
        instead="",
        caught_by=tests("tests/reliability/test_matrix_download.py", "-k", "piece"),
    ),
    Mutant(
        name="a file of somebody else gives way",
        file="run/collect.py",
        text="        if lies is None or lies != course.old_sha256:\n",
        instead="        if lies is None:\n",
    ),
    Mutant(
        name="the intent is not synced",
        file="store/appender.py",
        text="                os.fdatasync(self._descriptor)\n",
        instead="",
        caught_by=DISK,
    ),
    Mutant(
        name="a replaced file's folder is not synced",
        file="store/files.py",
        text="            raise\n        if durable:\n            sync_folder(path.parent)\n",
        instead="            raise\n",
        caught_by=DISK,
    ),
    Mutant(
        name="a replacing file is not synced",
        file="store/files.py",
        text="                if durable:\n                    os.fsync(descriptor)\n            temporary",
        instead="            temporary",
        caught_by=DISK,
    ),
    Mutant(
        name="a part that is a video by now is written into",
        file="store/part.py",
        text="            self._part_from_others()\n",
        instead="",
        caught_by=tests("tests/reliability/test_simulation.py", "-k", "made_next"),
    ),
    Mutant(
        name="a checksum of the journal is not looked at",
        file="run/entries.py",
        text="    return int(line[1], 16) == zlib.crc32(line[2])\n",
        instead="    return True\n",
        caught_by=JOURNAL,
    ),
    Mutant(
        name="a journal of another lock is taken",
        file="run/entries.py",
        text="                if (has, at) != (project, service):\n",
        instead="                if not has:\n",
        caught_by=JOURNAL,
    ),
    Mutant(
        name="a dead link is asked for for ever",
        file="run/lifecycle.py",
        text="        case LinkDead() if state.refused + 1 >= LINK_TRIES and policy.expired:\n",
        instead="        case LinkDead() if state.refused < 0:\n",
        caught_by=tests("tests/run/test_lifecycle.py"),
    ),
)
