"""Every command that a page, a hook, a workflow or a help page shows is one that can be typed."""

import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import rich_click as click
import yaml

from kling_batch.cli.main import VERBS, verbs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "manifests/README.md"]
HOOKS = ROOT / ".pre-commit-hooks.yaml"
ACTION = ROOT / ".github/actions/kling-batch/action.yml"
EXAMPLES = sorted((ROOT / ".github/examples").glob("*.yml"))
FENCED = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s/(])kling-batch (?=[a-z])(.*)")
INLINE = re.compile(r"`(?:kling-batch )?([a-z]+)((?: [^`\n]*)?)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def found(words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """Return the verb that words begin with, `lock check` too, and the words after it; it has to be there."""
    command, rest = verbs, list(words)
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(click.Context(command), rest)
        assert command is not None, f"there is no verb {name}"
    return command, rest


def typed(words: Sequence[str]) -> None:
    """Read a command line as the command does, without doing what it says; a file may be missing."""
    command, rest = found(words)
    try:
        command.make_context(" ".join(words), rest)
    except click.BadParameter as error:
        if error.param is None or not isinstance(error.param.type, click.Path):
            raise


def options(command: click.Command) -> set[str]:
    """Return all options of a verb, and of those below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return own.union({"--help"}, *map(options, below))


EVERY = {name: found([name])[0] for name in VERBS if name != "lock"}
LOCK = verbs.resolve_command(click.Context(verbs), ["lock"])[1]
assert LOCK is not None


def said(text: str) -> Iterator[list[str]]:
    """Yield the words of each `kling-batch ...` in some lines of a shell."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        for shown in COMMAND.findall(line):
            words = shlex.shlex(shown.removesuffix(')"'), posix=True, punctuation_chars=True)
            words.whitespace_split = True
            yield list(itertools.takewhile(lambda word: word not in {"&&", "|", ">"}, words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_command_of_a_page_can_be_typed(page: Path) -> None:
    commands = [words for block in FENCED.findall(page.read_text("utf-8")) for words in said(block)]

    assert commands
    for words in commands:
        typed(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_option_that_a_page_names_is_one_of_the_verb_it_is_named_with(page: Path) -> None:
    text = page.read_text("utf-8")
    known = {"--version"}.union(*map(options, (*EVERY.values(), LOCK)))

    assert set(OPTION.findall(text)) <= known
    for verb, rest in INLINE.findall(text):
        if verb in EVERY:
            assert set(OPTION.findall(rest)) <= options(EVERY[verb]), f"`{verb}{rest}`"


@pytest.mark.parametrize("verb", [*EVERY, *(f"lock {name}" for name in getattr(LOCK, "commands", ()))])
def test_the_example_of_a_help_page_can_be_typed(verb: str) -> None:
    command, _ = found(verb.split())
    examples = list(said(command.epilog or ""))

    assert examples
    for words in examples:
        assert found(words)[0] is command
        typed(words)


def test_every_hook_can_be_typed() -> None:
    for hook in yaml.safe_load(HOOKS.read_text()):
        typed([*shlex.split(hook["entry"])[1:], *hook["args"]])


def test_what_the_action_adds_to_a_verb_can_be_typed() -> None:
    added = re.findall(r"^\s*(\w+)\) arguments=\((.*) \"", ACTION.read_text(), re.MULTILINE)

    assert {verb for verb, _ in added} == {"validate", "plan", "run"}
    for verb, words in added:
        typed([verb, "manifests", *words.split()])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_what_a_workflow_asks_of_the_action_can_be_typed(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    asked = [step["with"] for job in jobs for step in job["steps"] if "kling-batch" in step.get("uses", "")]

    assert asked
    for each in asked:
        typed([*each["command"].split(), each.get("manifests", "manifests"), *each.get("arguments", "").splitlines()])
