"""Which manifests and which of their jobs a verb is asked about: one decorator for every verb that reads manifests."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import rich_click as click

from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked, output_root, profile, sandbox, variables
from kling_batch.cli.selection import check_selectors
from kling_batch.errors import ManifestError, UsageError
from kling_batch.plan.select import Selection
from kling_batch.plan.state import State
from kling_batch.text.diagnostic import Diagnostic

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

P = ParamSpec("P")
ENDINGS = (".yaml", ".yml")
_NAMES_A_PROJECT = re.compile(r"""^(?:\{.*)?["']?project["']?[ \t]*:""", re.MULTILINE)


class Shard(click.ParamType[tuple[int, int]]):
    """One of several equal shares, written `2/8`."""

    name = "K/N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return number and count of the share; fails with a usage error."""
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", str(value))
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            self.fail(f"`{value}` is not a share such as 2/8, the second of eight", param, ctx)
        return int(found[1]), int(found[2])


words = click.argument("words", nargs=-1, required=True, metavar="MANIFEST... [SELECTOR]...")
states = click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([each.value for each in State]),
    help="Only jobs in this state; may be repeated.",
)
where = click.option("--where", default="", metavar="EXPR", help="Only jobs for which this is true: \"lang == 'de'\".")
exclude = click.option("--exclude", multiple=True, metavar="SELECTOR", help="But not these jobs; may be repeated.")
sample = click.option(
    "--sample", type=click.IntRange(min=0), metavar="N", help="Only so many of them, the same ones every time."
)
by = click.option("--by", type=click.Choice(["shot"]), help="With --sample: so many of each shot.")
shard = click.option("--shard", type=Shard(), help="Only this share of them, for several machines.")


def reads_manifests(verb: Callable[Concatenate[tuple[Asked, ...], Selection, P], int]) -> Callable[..., int]:
    """Give a verb the manifests that are named, and all the ways to choose among their jobs."""
    chosen = _chooses(verb)

    @words
    @variables
    @profile
    @sandbox
    @output_root
    @where
    @functools.wraps(chosen)
    def asked(
        words: tuple[str, ...],
        variables: Mapping[str, str],
        profile: str,
        sandbox: bool,  # noqa: FBT001 - click passes options by name
        output_root: str | None,
        where: str,
        **rest: object,
    ) -> int:
        manifests, patterns = split(words)
        asks = asks_for(
            manifests, variables=variables, sandbox=sandbox, output_root=output_root, profile=profile, where=where
        )
        return chosen(asks, patterns, **rest)

    return asked


def asks_for(
    manifests: Sequence[str],
    *,
    variables: Mapping[str, str],
    sandbox: bool,
    output_root: str | None,
    profile: str,
    where: str = "",
) -> tuple[Asked, ...]:
    """Return what is asked about each manifest; raises `UsageError` where all their videos would lie in one folder."""
    if output_root is not None and len(manifests) > 1:
        raise UsageError("`--output-root` is for one manifest", help="videos of several would lie in one folder")
    return tuple(
        Asked(
            manifest=each,
            variables=variables,
            sandbox=sandbox,
            output_root=output_root,
            profile=profile,
            where=where,
        )
        for each in manifests
    )


def _chooses(verb: Callable[Concatenate[tuple[Asked, ...], Selection, P], int]) -> Callable[..., int]:
    """Give a verb, in place of the selectors, everything that says which jobs are meant."""

    @choices
    @functools.wraps(verb)
    def chosen(
        asks: tuple[Asked, ...],
        patterns: tuple[str, ...],
        choice: Selection,
        *args: P.args,
        **rest: P.kwargs,
    ) -> int:
        return verb(asks, replace(choice, patterns=patterns), *args, **rest)

    return chosen


def choices(verb: Callable[..., int]) -> Callable[..., int]:
    """Give a verb the options that choose among jobs, as the one argument `choice`, which has no patterns yet."""

    @states
    @exclude
    @sample
    @by
    @shard
    @functools.wraps(verb)
    def chosen(
        *args: object,
        states: Sequence[str],
        exclude: tuple[str, ...],
        sample: int | None,
        by: str | None,
        shard: tuple[int, int] | None,
        **rest: object,
    ) -> int:
        if by is not None and sample is None:
            raise UsageError("`--by` says how a sample is drawn", help="add `--sample N`")
        choice = Selection(
            states=tuple(State(each) for each in states),
            excluded=exclude,
            shard=shard,
            sample=sample,
            by_shot=by is not None,
        )
        return verb(*args, choice=choice, **rest)

    return chosen


def split(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the manifests that a command line names, and the selectors after them.

    The first word is a manifest or a folder of them, and so are those right after it that end in `.yaml`, or name a
    folder with a `/` in it.
    """
    count = 1
    while count < len(words) and _is_manifest(words[count]):
        count += 1
    return expanded(words[:count]), tuple(words[count:])


def expanded(words: Sequence[str]) -> tuple[str, ...]:
    """Return manifests with each folder replaced by the manifests in it, sorted by name, each once."""
    found = dict.fromkeys(each for word in words for each in (_inside(Path(word)) if Path(word).is_dir() else [word]))
    return tuple(found)


def _is_manifest(word: str) -> bool:
    return word.endswith(ENDINGS) or ("/" in word and Path(word).is_dir())


def _inside(folder: Path) -> list[str]:
    every = sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and path.is_file())
    found = [str(path) for path in every if names_a_project(path.read_bytes())]
    if not found:
        raise UsageError(f"`{folder}` holds no manifest", help="a manifest is a YAML file that names its `project`")
    return found


def names_a_project(content: bytes) -> bool:
    """Say whether a YAML file is a manifest, and not one of defaults that manifests share."""
    return _NAMES_A_PROJECT.search(content.decode("utf-8", errors="replace")) is not None


def campaigns(asks: Sequence[Asked]) -> "tuple[Campaign, ...]":
    """Read every manifest, tell all warnings, and raise `ManifestError` with all that is wrong in any of them."""
    read: list[Campaign] = []
    wrong: list[Diagnostic] = []
    for asked in asks:
        try:
            read.append(asked.campaign())
        except ManifestError as error:
            wrong += error.diagnostics
    if wrong:
        raise ManifestError(wrong)
    for campaign in read:
        terminal.talk_diagnostics(campaign.warnings)
    if asks and asks[0].where and not any(campaign.manifest.chosen for campaign in read):
        terminal.talk(f"`--where` means no job: `{asks[0].where}` is true of none")
    return tuple(read)


def check_selection(selection: Selection, read: "Sequence[Campaign]") -> None:
    """Raise `UsageError` for selectors that mean no job of any of these manifests."""
    keys = [job.key for campaign in read for job in campaign.manifest.jobs]
    check_selectors((*selection.patterns, *selection.excluded), keys)


def said(selection: Selection, where: str) -> tuple[str, ...]:
    """Return the words that choose the same jobs once more, but for states, which a run changes."""
    words = [*selection.patterns]
    words += [f"--exclude={pattern}" for pattern in selection.excluded]
    words += [f"--where={where}"] if where else []
    words += [] if selection.sample is None else [f"--sample={selection.sample}"]
    words += ["--by=shot"] * selection.by_shot
    words += ["--shard={}/{}".format(*selection.shard)] if selection.shard else []
    return tuple(words)
