"""What `verify` found, for people and for programs. It is told what each file is held against, and what to do."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kling_batch.job import Json, Key, TaskId
from kling_batch.report.money import several
from kling_batch.report.table import aligned

ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file that should be here: `trouble` is one word, empty if all is well; `why` says it for people.

    `picture` is what a decoder found, for programs, `None` if none looked; `warnings` are what a person should look at.
    """

    key: Key
    output: str
    task: TaskId | None
    sha256: str | None
    trouble: str
    why: str
    picture: dict[str, Json] | None = None
    warnings: tuple[str, ...] = ()


_REPAIRS: Mapping[str, str] = {
    "missing": "ask the service for it, which pays for nothing:\n    kling-batch verify {manifest}{flags} --fetch",
    "changed": "move it away, if it is not to be lost, and fetch the one that was made; or `accept` it as it is",
    "damaged": "move it away and fetch it: `--fetch` asks the service for it again",
    "unlabelled": "`--fetch` writes it again",
    "mislabelled": "it was copied there from another job: move both files away and fetch what was made",
}
"""What to do about each trouble, in the order in which they are told."""


def verify_text(files: Sequence[Checked], manifest: str, flags: str) -> str:
    """Return what was found, a row a file that is not as it should be, then how many are, and what to do."""
    troubled = [file for file in files if file.trouble]
    rows = [(file.trouble, file.key, file.output, file.why) for file in troubled[:ROWS]]
    rows += [("warning", each.key, each.output, text) for each in files for text in each.warnings][:ROWS]
    lines = aligned(rows)
    if len(troubled) > ROWS:
        lines.append(f"... and {several(len(troubled) - ROWS, 'more file')}; `--json` tells every one")
    lines += [""] if lines else []
    counted = Counter(file.trouble for file in files)
    told = [f"{counted['']:,} as they were made", *(f"{counted[word]:,} {word}" for word in _REPAIRS if counted[word])]
    lines.append(f"{several(len(files), 'file')}: {', '.join(told)}")
    warned = sum(bool(file.warnings) for file in files)
    lines += [f"  warning: {several(warned, 'video')} to look at; `redo` draws one anew"] if warned else []
    for word, repair in _REPAIRS.items():
        if counted[word]:
            lines.append(f"  {word}: {repair.format(manifest=shlex.quote(manifest), flags=flags)}")
    return "\n".join([*lines, ""])


def verify_json(files: Sequence[Checked]) -> dict[str, Json]:
    """Return the same for programs; `state` is `sound` or the word of the trouble."""
    counted = Counter(file.trouble or "sound" for file in files)
    return {
        "counts": dict(counted),
        "files": [
            {
                "key": file.key,
                "output": file.output,
                "task": file.task,
                "sha256": file.sha256,
                "state": file.trouble or "sound",
                "because": file.why,
                "picture": file.picture,
                "warnings": list(file.warnings),
            }
            for file in files
        ],
    }
