"""A command line that cannot be read, told in the voice of every other error: what is wrong, what would be right."""

import re
from collections.abc import Sequence

import rich_click as click

from kling_batch.text.render import did_you_mean

_SELECTS = frozenset(["--filter", "--job", "--jobs", "--key", "--only", "--select", "--shot", "--shots"])
"""What other tools call it; here the words after the manifest say which jobs are meant."""
_SELECTORS = "name jobs after the manifest: a shot, a key, or a pattern such as 'hero/lang=de*'"
_WORDS = {
    r"a valid integer( range)?": "a whole number",
    r"in the range x>=(\d+)": r"\1 or more",
    r"requires an argument": "needs a value",
    r"[Gg]ot unexpected extra arguments? \((.*)\)": r"too many words: `\1`",
}
"""What click says, and what it means."""
_QUOTED = re.compile(r"'([^']*)'")


def mistyped(error: click.ClickException) -> str:
    """Return what a person reads of a command line that cannot be read."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    message, help_ = _told(error, context)
    if context is None:
        return f"error: {message}"
    return "\n  = help: ".join(
        [f"error: {message}\n  |", *help_, f"`{context.command_path} --help` shows how it is used"]
    )


def _told(error: click.ClickException, context: click.Context | None) -> tuple[str, Sequence[str]]:
    """Return the message, and what would be right, where that is known."""
    match error:
        case click.NoSuchOption(option_name=name):
            return f"there is no option `{name}`", _nearest_option(name, context)
        case click.MissingParameter(param=click.Parameter() as missing):
            return f"{_name(missing, context)} is missing", ()
        case click.BadParameter(param=click.Parameter() as wrong):
            return f"{_name(wrong, context)}: {_plain(error.message)}", ()
        case _ if isinstance(verb := getattr(error, "command_name", None), str) and context is not None:
            return f"there is no verb `{verb}`", _nearest(verb, _verbs(context))
        case _:
            return _plain(error.format_message()), ()


def _verbs(context: click.Context) -> list[str]:
    return context.command.list_commands(context) if isinstance(context.command, click.Group) else []


def _nearest_option(name: str, context: click.Context | None) -> Sequence[str]:
    parameters = context.command.params if context else []
    if name in _SELECTS and any("SELECTOR" in (each.metavar or "") for each in parameters if each.name == "words"):
        return (_SELECTORS,)
    return _nearest(name, [long for each in parameters for long in each.opts if long.startswith("--")])


def _nearest(name: str, known: Sequence[str]) -> Sequence[str]:
    near = did_you_mean(name, known)
    return (f"did you mean `{near}`?",) if near else ()


def _name(parameter: click.Parameter, context: click.Context | None) -> str:
    """Return an option as it is typed, or an argument as the help calls it."""
    if isinstance(parameter, click.Option):
        return f"`{max(parameter.opts, key=len)}`"
    return f"`{parameter.make_metavar(context)}`" if context else f"`{parameter.name}`"


def _plain(message: str) -> str:
    """Return a message of click's with backticks for its quotes, and without capital and full stop."""
    text = _QUOTED.sub(r"`\1`", message).removesuffix(".")
    for theirs, ours in _WORDS.items():
        text = re.sub(theirs, ours, text)
    return text[:1].lower() + text[1:]
