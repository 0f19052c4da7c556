"""What is told of a lock that was edited by hand: what was granted, what was not, and what comes next."""

from collections.abc import Sequence

from kling_batch.job import Json, Key
from kling_batch.plan.leftover import Leftover
from kling_batch.plan.wishes import Granted, Refused
from kling_batch.report.money import several
from kling_batch.report.table import aligned

ROWS = 200


def edits_text(verb: str, granted: Sequence[Granted]) -> str:
    """Return one row for each job that was changed."""
    return _rows([(verb, each.key, each.because) for each in granted])


def refusals_text(refused: Sequence[Refused]) -> str:
    """Return one row for each job that stays as it is, and why."""
    return _rows([("as it is", each.key, each.because) for each in refused])


def edits_json(verb: str, granted: Sequence[tuple[str, Granted]], refused: Sequence[tuple[str, Refused]]) -> Json:
    """Return what was granted and what was not, each with its manifest, as data."""
    return {
        "verb": verb,
        "changed": [{"manifest": manifest, "key": each.key, "because": each.because} for manifest, each in granted],
        "left": [{"manifest": manifest, "key": each.key, "because": each.because} for manifest, each in refused],
    }


def renames_text(moved: Sequence[tuple[Key, Key]], unknown: Sequence[Key]) -> str:
    """Return one row for each key with a new name; `unknown` are those that the manifest does not have yet."""
    text = _rows([("mv", old, "->", new) for old, new in moved])
    if unknown:
        text += f"{several(len(unknown), 'new name')} not in the manifest yet, such as `{unknown[0]}`\n"
    return text


def renames_json(moved: Sequence[tuple[Key, Key]], unknown: Sequence[Key]) -> Json:
    """Return the renamed keys as data."""
    return {
        "verb": "mv",
        "changed": [{"key": new, "origin": old} for old, new in moved],
        "not_in_manifest": list(unknown),
    }


def leftovers_text(found: Sequence[Leftover], trash: str, *, is_gone: bool) -> str:
    """Return the files that may go, or are gone, with their size together."""
    if not found:
        return "nothing to prune: every file here that the lock knows is a job's result\n"
    size = sum(each.bytes for each in found)
    rows = _rows([(megabytes(each.bytes), each.output, each.because) for each in found], right=(0,))
    what = f"{several(len(found), 'file')}, {megabytes(size)}"
    last = f"moved {what}, to {trash}" if is_gone else f"{what} would go to {trash}; `--yes` moves them"
    return f"{rows}{last}\n"


def leftovers_json(found: Sequence[Leftover], *, is_gone: bool) -> dict[str, Json]:
    """Return the files that may go, or are gone, as data."""
    return {
        "pruned": is_gone,
        "files": [
            {
                "key": each.key,
                "output": each.output,
                "sha256": each.sha256,
                "bytes": each.bytes,
                "because": each.because,
            }
            for each in found
        ],
        "bytes": sum(each.bytes for each in found),
    }


def megabytes(size: int) -> str:
    """Return a size as people say it: `8.1 MB`, less than that in KB."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} KB"  # noqa: PLR2004 - a tenth of a megabyte


def _rows(rows: Sequence[tuple[str, ...]], right: tuple[int, ...] = ()) -> str:
    lines = aligned(rows[:ROWS], right=right)
    if len(rows) > ROWS:
        lines.append(f"... and {len(rows) - ROWS:,} more")
    return "".join(f"{line}\n" for line in lines)
