"""What every verb that reads a manifest is asked with: the manifest, its variables, which service, where outputs go."""

import functools
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.errors import UsageError

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

P = ParamSpec("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A manifest as it was named on the command line, with what was said about reading it."""

    manifest: str
    variables: Mapping[str, str]
    sandbox: bool = False
    output_root: str | None = None
    profile: str = ""
    where: str = ""

    @property
    def base_url(self) -> str | None:
        """The address of the service, where the environment names another than the real one."""
        return os.environ.get("TOAPIS_BASE_URL") or None

    @property
    def flags(self) -> str:
        """The options with which another verb means the same jobs, lock and outputs, as they are typed after it."""
        words = [f"--var={name}={value}" for name, value in self.variables.items()]
        words += ["--profile", self.profile] if self.profile else []
        words += ["--sandbox"] * self.sandbox
        words += [f"--output-root={self.output_root}"] if self.output_root else []
        return f" {shlex.join(words)}" if words else ""

    def campaign(self) -> "Campaign":
        """Read the manifest and all that it names; raises `ManifestError`, or `UsageError` where it cannot be read."""
        try:
            campaign = kling_batch.load(
                self.manifest,
                variables=self.variables,
                env=os.environ,
                base_url=self.base_url,
                sandbox=self.sandbox,
                output_root=self.output_root,
                profile=self.profile,
                where=self.where,
            )
        except OSError as error:
            raise UsageError(
                f"`{error.filename or self.manifest}` cannot be read: {error.strerror or error}"
            ) from error
        if campaign.places.lock.exists():
            from kling_batch.run.healing import healings  # noqa: PLC0415 - without a lock nobody need wait for it

            terminal.talk_diagnostics(healings(campaign))
        return campaign


def _variables(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    del context, parameter
    values = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"`{each}` is not of the form NAME=VALUE")
        values[name] = value
    return values


variables = click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_variables,
    help="Set a variable that the manifest declares; may be repeated.",
)
profile = click.option("--profile", default="", metavar="NAME", help="Use this one of the manifest's profiles.")
sandbox = click.option("--sandbox", is_flag=True, help="Use the pretended service, with a lock and outputs of its own.")
output_root = click.option("--output-root", type=click.Path(file_okay=False), help="Put the videos there instead.")
retry = click.option(
    "--retry", type=click.Choice(["rejected"]), help="Send also what was rejected, once more as it is."
)
redo_picked = click.option("--redo-picked", is_flag=True, help="Draw anew also what is picked and has changed since.")


def reads_manifest(verb: Callable[Concatenate[Asked, P], int]) -> Callable[..., int]:
    """Give a verb the argument MANIFEST and the options that tell how it is read, as one `Asked`."""

    @click.argument("manifest", type=click.Path())
    @variables
    @profile
    @sandbox
    @output_root
    @functools.wraps(verb)
    def asked(
        manifest: str,
        variables: Mapping[str, str],
        profile: str,
        sandbox: bool,  # noqa: FBT001 - click passes options by name
        output_root: str | None,
        *args: P.args,
        **rest: P.kwargs,
    ) -> int:
        told = Asked(manifest=manifest, variables=variables, sandbox=sandbox, output_root=output_root, profile=profile)
        return verb(told, *args, **rest)

    return asked
