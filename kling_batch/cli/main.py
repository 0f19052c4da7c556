"""The command: verbs found when they are asked for, and everything that ends one turned into an exit code."""

import gc
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module, resources
from keyword import iskeyword

import rich_click as click

import kling_batch
from kling_batch.cli import terminal
from kling_batch.cli.failure import BUG, INTERRUPTED, bug_report, told, unwritten
from kling_batch.cli.mistyped import mistyped
from kling_batch.errors import KlingBatchError, UsageError

VERBS: Mapping[str, str] = {
    "init": "scaffold",
    "validate": "inspection",
    "render": "inspection",
    "plan": "planning",
    "run": "running",
    "status": "planning",
    "refresh": "settling",
    "resolve": "settling",
    "verify": "checking",
    "recover": "checking",
    "why": "explaining",
    "which": "explaining",
    "redo": "editing",
    "accept": "editing",
    "import": "bringing",
    "forget": "editing",
    "mv": "editing",
    "prune": "bringing",
    "review": "reviewing",
    "export": "reviewing",
    "diff": "comparing",
    "lock": "locking",
    "sandbox": "sandbox",
    "schema": "scaffold",
    "completion": "scaffold",
}
"""Each verb's module, in the order in which a newcomer needs them."""


class Verbs(click.RichGroup):
    """A group that imports a verb's module when the verb is asked for, and none of them to list them all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which a newcomer needs them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return what a list tells of a verb, `None` if there is none of that name; its options are elsewhere."""
        del ctx
        return click.RichCommand(name=cmd_name, help=_first_words(cmd_name)) if cmd_name in VERBS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that is asked for, whole."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _verb(name) if name else command, rest


def _verb(name: str) -> click.Command:
    verb = getattr(import_module(f"kling_batch.cli.{VERBS[name]}"), _function(name))
    assert isinstance(verb, click.Command)  # noqa: S101 - a wrong table of verbs is our own mistake
    return verb


def _first_words(name: str) -> str:
    """Return the first paragraph of a verb's docstring as it stands in the source: an import would cost 0.2 s."""
    source = resources.files(__package__).joinpath(f"{VERBS[name]}.py")
    found = re.search(
        rf'^def {_function(name)}\(.*?"""(.+?)(?:\n\n|""")',
        source.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    return found[1] if found else _verb(name).help or ""


def _function(name: str) -> str:
    return f"{name}_" if iskeyword(name) else name


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kling-batch", message="%(prog)s %(version)s")
def verbs() -> None:
    """Turn a manifest in git into AI videos: planned with prices, paid for once, none forgotten.

    TOAPIS_API_KEY holds the key of the service, TOAPIS_BASE_URL another address of it.
    With --sandbox nothing is sent and nothing is paid.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (design section 7); nothing but a bug leaves a traceback."""
    terminal.prepare()
    gc.set_threshold(50_000, 20, 50)  # a plan makes a million values and no circles to look for
    try:
        code = verbs.main(args=arguments, prog_name="kling-batch", standalone_mode=False)
        sys.stdout.flush()  # here, where it can be told that the disk is full
    except click.ClickException as error:
        terminal.talk(mistyped(error))
        return UsageError.exit_code
    except (click.Abort, KeyboardInterrupt):
        terminal.talk("interrupted")
        return INTERRUPTED
    except KlingBatchError as error:
        terminal.talk(told(error, color=terminal.has_color()))
        return error.exit_code
    except BrokenPipeError:
        terminal.silence(sys.stdout)
        return 0
    except Exception as error:  # noqa: BLE001 - the last one to catch it
        if terminal.is_unwritten(error):
            terminal.silence(sys.stdout)
            terminal.talk(unwritten(error))
        else:
            terminal.talk(_bug(error, arguments))
        return BUG
    return code if isinstance(code, int) else 0


def _bug(error: Exception, arguments: Sequence[str] | None) -> str:
    given = sys.argv[1:] if arguments is None else arguments
    return bug_report(
        error,
        version=kling_batch.__version__,
        verb=next((word for word in given if word in VERBS), "no verb"),
        secrets=[os.environ.get("TOAPIS_API_KEY", "")],
    )
