"""The shots of a manifest, read and expanded: everything that is decided before the first template is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kling_batch.job import Json
from kling_batch.manifest.axes import read_axis
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.matrix import EXPANDED, Expansion, Matrix, expand, read_matrix
from kling_batch.manifest.names import doubled, name_fault
from kling_batch.manifest.profile import Profile
from kling_batch.manifest.rows import Rows
from kling_batch.manifest.tree import Leaf, Tree, branches, mapping, merge, sequence
from kling_batch.manifest.variables import Variable, check_names, variables
from kling_batch.text.document import Path
from kling_batch.text.plain import plain

JOBS = 1000
MOST_JOBS = 1_000_000
_DIFFER = "names differ in more than case"
DEFAULT_OUTPUT = "{{ shot }}/{{ slug }}.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One shot, expanded. `takes` are names in keys and values in templates; `patches` what each override sets.

    `output` is the template of the output path, where it is written if it is written anywhere. `last` is what the
    profile sets, after every patch.
    """

    name: str
    path: Path
    matrix: Matrix
    expansion: Expansion
    takes: tuple[tuple[str, "Json"], ...]
    vars: Mapping[str, Variable]
    request: dict[str, Tree]
    patches: tuple[dict[str, Tree], ...]
    allow: frozenset[str]
    output: Leaf
    last: dict[str, Tree]


def read_shots(complaints: Complaints, rows: Rows, profile: Profile) -> tuple[Shot, ...]:
    """Return the shots of a manifest that the schema has passed; none if any mistake was told."""
    whole = mapping(complaints.document.value)
    shots = mapping(whole.get("shots"))
    _check_shot_names(list(shots), complaints)
    check_names(whole.get("vars"), ("vars",), complaints)
    check_names(profile.entry.get("vars"), (*profile.path, "vars"), complaints)
    takes = {name: _takes_of(mapping(shot), ("shots", name), profile, complaints) for name, shot in shots.items()}
    matrices = {
        name: _matrix(mapping(shot), ("shots", name), len(takes[name]), complaints, rows)
        for name, shot in shots.items()
    }
    if complaints.has_failed() or not _few_enough(matrices, whole, complaints):
        return ()
    read = tuple(_shot(name, takes[name], matrix, profile, complaints) for name, matrix in matrices.items())
    total = sum(len(shot.expansion.combinations) * shot.matrix.takes for shot in read)
    if not complaints.has_failed() and total > _limit(whole):
        _tell_limit(matrices, whole, total, complaints)
    return () if complaints.has_failed() else read


def _check_shot_names(names: Sequence[str], complaints: Complaints) -> None:
    for name in names:
        if (fault := name_fault(name)) is not None:
            complaints.at_key(("shots", name), "shot-name", f"the shot's name `{plain(name)[:80]}` {fault}")
    for index, first in doubled(names):
        message = f"`{plain(names[index])}` and `{plain(names[first])}` are one name to some file systems"
        complaints.at_key(("shots", names[index]), "shot-double", message, remedy=_DIFFER)


def _matrix(shot: "dict[str, Json]", path: Path, takes: int, complaints: Complaints, rows: Rows) -> Matrix:
    check_names(shot.get("vars"), (*path, "vars"), complaints)
    entries = mapping(shot.get("matrix"))
    axes = [read_axis(name, value, (*path, "matrix", name), rows, complaints) for name, value in entries.items()]
    names = list(entries)
    for index, first in doubled(names):
        message = f"the axes `{plain(names[index])}` and `{plain(names[first])}` are one name to some file systems"
        complaints.at_key((*path, "matrix", names[index]), "axis-double", message, remedy=_DIFFER)
    known = [axis for axis in axes if axis is not None]
    zips = shot.get("zip") if len(known) == len(axes) else None
    return read_matrix(known, zips, (*path, "zip"), takes, complaints)


def _takes_of(
    shot: "dict[str, Json]", path: Path, profile: Profile, complaints: Complaints
) -> tuple[tuple[str, "Json"], ...]:
    if "takes" in profile.entry:
        return _takes(profile.entry["takes"], profile.path, complaints)
    return _takes(shot.get("takes"), path, complaints)


def _takes(value: "Json", path: Path, complaints: Complaints) -> tuple[tuple[str, "Json"], ...]:
    """Return the takes' names in keys, and what they are in templates: numbers if they are counted."""
    if not isinstance(value, list):
        count = value if isinstance(value, int) else 1
        return tuple((str(number), number) for number in range(1, min(count, MOST_JOBS) + 1))
    names = [str(name) for name in value]
    for at, name in enumerate(names):
        if (fault := name_fault(name)) is not None:
            complaints.at((*path, "takes", at), "take-name", f"the take's name `{plain(name)[:80]}` {fault}")
    for index, first in doubled(names):
        message = f"the takes `{plain(names[index])}` and `{plain(names[first])}` are one name to some file systems"
        complaints.at((*path, "takes", index), "take-double", message, remedy=_DIFFER)
    return tuple((name, name) for name in names)


def _limit(whole: "dict[str, Json]") -> int:
    limit = mapping(whole.get("limits")).get("jobs")
    return min(limit if isinstance(limit, int) else JOBS, MOST_JOBS)


def _few_enough(matrices: Mapping[str, Matrix], whole: "dict[str, Json]", complaints: Complaints) -> bool:
    """Say whether the products can be expanded at all, by arithmetic; what `exclude` leaves is counted afterwards."""
    total = sum(matrix.count for matrix in matrices.values())
    excluding = any("exclude" in mapping(shot) for shot in mapping(whole.get("shots")).values())
    if total <= max(_limit(whole), EXPANDED if excluding else 0):
        return True
    _tell_limit(matrices, whole, total, complaints)
    return False


def _tell_limit(matrices: Mapping[str, Matrix], whole: "dict[str, Json]", total: int, complaints: Complaints) -> None:
    name, most = max(matrices.items(), key=lambda item: item[1].count)
    limit = _limit(whole)
    sums = f"`{name}` is {most.arithmetic}"
    left = f", {total} in all" if total != most.count else ""
    message = f"this makes {total} jobs, and the limit is {limit}: {sums}{left}"
    raised = f", or raise the limit: `limits: {{jobs: {total}}}`" if total <= MOST_JOBS else ""
    remedy = f"give its axes fewer values, or exclude some combinations{raised}"
    place: Path = ("limits", "jobs") if "jobs" in mapping(whole.get("limits")) else ("shots", name, "matrix")
    if place[0] == "limits":
        complaints.at(place, "too-many-jobs", message, remedy=remedy)
    else:
        complaints.at_key(place, "too-many-jobs", message, remedy=remedy)


def _shot(
    name: str, takes: tuple[tuple[str, "Json"], ...], matrix: Matrix, profile: Profile, complaints: Complaints
) -> Shot:
    path: Path = ("shots", name)
    whole = mapping(complaints.document.value)
    over = profile.entry
    shot = mapping(mapping(whole.get("shots")).get(name))
    return Shot(
        name=name,
        path=path,
        matrix=matrix,
        expansion=expand(matrix, shot, path, complaints),
        takes=takes,
        vars={
            **variables(whole.get("vars"), ("vars",)),
            **variables(shot.get("vars"), (*path, "vars")),
            **variables(over.get("vars"), (*profile.path, "vars")),
        },
        request=merge(branches(whole.get("request"), ("request",)), branches(shot.get("request"), (*path, "request"))),
        patches=tuple(
            branches(mapping(entry).get("set"), (*path, "overrides", at, "set"))
            for at, entry in enumerate(sequence(shot.get("overrides")))
        ),
        allow=frozenset(str(each) for part in (whole, shot, over) for each in sequence(part.get("allow"))),
        output=_output((profile.path, over), (path, shot), ((), whole), at=path),
        last=branches(over.get("request"), (*profile.path, "request")),
    )


def _output(*parts: "tuple[Path, dict[str, Json]]", at: Path) -> Leaf:
    """Return the first output path that is written, or the default at the shot that it will name."""
    for path, where in parts:
        place: Path = (*path, "output", "path")
        written = mapping(where.get("output")).get("path")
        if isinstance(written, str):
            return Leaf(value=written, path=place)
    return Leaf(value=DEFAULT_OUTPUT, path=at)
