"""Templates: Jinja behind an allow-list, with a price on every step. Only `template*` may import jinja2 in this room.

Each distinct text is read once. Names reach nothing but what the job's scope holds: no attribute of a Python object can
be named at all, so that there is nothing to escape through.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from jinja2 import Template as Compiled
from jinja2 import TemplateSyntaxError, Undefined, nodes

from kling_batch.job import Json
from kling_batch.manifest import bounds, filters
from kling_batch.manifest.bounds import Budget, RefusedError
from kling_batch.manifest.template_environment import BoundedEnvironment, UndefinedNameError, short_enough
from kling_batch.manifest.template_guard import MisplacedError

_INLINE = "<template>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a template cannot be read or rendered.

    `file` is the included file where it was met, empty for the text itself; `line` counts from 1 there. `word` is what
    to point at, the whole line if it is empty. `known` are the names that could have been meant, where one is unknown.
    """

    code: str
    message: str
    file: str = ""
    line: int = 1
    word: str = ""
    remedy: str = ""
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template that passed.

    `names` are all that it mentions; `reads` is the dotted name that it is nothing but, if it is one; `native` says
    that it is one expression, which keeps its type. `file` is where its text came from, empty for a leaf.
    """

    names: frozenset[str]
    reads: tuple[str, ...]
    native: bool
    compiled: Compiled
    file: str = ""


def is_template(text: str) -> bool:
    """Say whether a text holds anything that a template would act on."""
    return "{{" in text or "{%" in text or "{#" in text


class Templates:
    """All templates of one manifest: each text compiled once, all renders on one budget."""

    def __init__(self, include: Callable[[str], str]) -> None:
        """Take `include`, which returns the text of a file below the manifest's folder or raises `RefusedError`."""
        self._budget = Budget()
        self._environment = BoundedEnvironment(self._budget, include)
        self._compiled: dict[tuple[str, str], Template | Fault] = {}

    def compile(self, text: str, file: str = "") -> Template | Fault:
        """Return the template of a text, or why it is none. What stands in a `file` is always a text."""
        found = self._compiled.get((text, file))
        if found is None:
            found = self._compiled[text, file] = self._compile(text, file)
        return found

    def render(self, template: Template, scope: dict[str, object]) -> "Json | Fault":
        """Return what a template makes of a scope: a value if it is one expression, else a text."""
        self._budget.begin()
        try:
            context = template.compiled.new_context(scope, shared=True)
            parts = template.compiled.root_render_func(context)
            if not template.native:
                return "".join(parts)
            for _ in parts:
                pass  # one assignment, no output
            return _plain(context.vars["value"])
        except Exception as error:  # noqa: BLE001 - whatever a template provokes is told to its author
            return _fault(error, scope, template.file)

    def _compile(self, text: str, file: str) -> Template | Fault:
        try:
            short_enough(text)
            tree = self._environment.parse(text, file or None, file or _INLINE)
            names = frozenset(node.name for node in tree.find_all(nodes.Name))
            reads, native = _single(tree) if not file else ((), False)
            code = self._environment.compile(tree, file or None, file or _INLINE)
            compiled = Compiled.from_code(self._environment, code, {})
        except TemplateSyntaxError as error:
            return _unclosed(text, file) or _fault(error, {}, file)
        except Exception as error:  # noqa: BLE001 - as above
            return _fault(error, {}, file)
        open_ended = any(tree.find(kind) is not None for kind in (nodes.Include, nodes.Import, nodes.FromImport))
        names |= {"*"} if open_ended else set()
        return Template(names=names, reads=reads, native=native, compiled=compiled, file=file)


def _single(tree: nodes.Template) -> tuple[tuple[str, ...], bool]:
    """Turn a tree that is one expression into an assignment of its value; say which dotted name it is, if it is one."""
    match tree.body:
        case [spend, nodes.Output(nodes=[expression])] if not isinstance(expression, nodes.TemplateData):
            target = nodes.Name("value", "store", lineno=1)
            tree.body = [spend, nodes.Assign(target, expression, lineno=expression.lineno)]
            return _dotted(expression), True
        case _:
            return (), False


def _dotted(expression: nodes.Node) -> tuple[str, ...]:
    match expression:
        case nodes.Name(name=name):
            return (name,)
        case nodes.Getattr(node=inner, attr=name) if before := _dotted(inner):
            return (*before, name)
        case _:
            return ()


def _plain(value: object) -> Json:
    """Return an expression's value as plain data; raises `RefusedError` for anything that has no JSON form."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case list() | tuple() | range():
            bounds.size(list(value))
            return [_plain(item) for item in value]
        case dict():
            bounds.size(value)
            return {filters.shown(name): _plain(item) for name, item in value.items()}
        case Undefined():
            str(value)
    raise RefusedError("template-value", f"this expression gives {bounds.kind(value)}, not a value")


def _fault(error: Exception, scope: Mapping[str, object], file: str) -> Fault:
    """Say what went wrong, in which file and line of a template."""
    where, line = _place(error.__traceback__)
    place = file if where in ("", _INLINE) else where
    match error:
        case UndefinedNameError():
            known = tuple(name for name in scope if not callable(scope[name])) if error.known is None else error.known
            return Fault(code=error.code, message=error.message, file=place, line=line, word=error.word, known=known)
        case RefusedError():
            line = error.line if isinstance(error, MisplacedError) else line
            return Fault(
                code=error.code, message=error.message, file=place, line=line, word=error.word, remedy=error.remedy
            )
        case TemplateSyntaxError():
            place = file if error.filename in (None, _INLINE) else str(error.filename)
            return Fault(code="template-syntax", message=_lower(str(error.message)), file=place, line=error.lineno)
        case RecursionError() | MemoryError() | SyntaxError():
            return Fault(code="template-depth", message="this template is nested too deep", file=place, line=line)
        case _:
            return Fault(code="template-value", message=_lower(str(error)), file=place, line=line)


def _unclosed(text: str, file: str) -> Fault | None:
    """Return the fault of the first brace that is opened and not closed before the next one opens, if there is one."""
    openings = [*_OPENING.finditer(text)]
    for opening, following in zip(openings, [*openings[1:], None], strict=True):
        inside = text[opening.end() : following.start() if following else len(text)]
        closing = _CLOSING[opening[0]]
        if closing not in inside:
            return Fault(
                code="template-syntax",
                message=f"this `{opening[0]}` is not closed",
                file=file,
                line=text.count("\n", 0, opening.start()) + 1,
                word=f"{opening[0]}{inside}".partition("\n")[0].rstrip(),
                remedy=f"end it with `{closing}`",
            )
    return None


_OPENING = re.compile(r"\{[{%#]")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}


def _lower(sentence: str) -> str:
    return (sentence[:1].lower() + sentence[1:]).rstrip(".").replace("'", "`")


def _place(trace: TracebackType | None) -> tuple[str, int]:
    """Return the file and line of the innermost template in a traceback, by the table that jinja leaves in its code."""
    file, line = "", 1
    while trace is not None:
        table = trace.tb_frame.f_globals.get("debug_info")
        if isinstance(table, str):
            file = trace.tb_frame.f_code.co_filename
            pairs = (pair.split("=") for pair in table.split("&") if pair)
            line = max((int(of) for of, at in pairs if int(at) <= trace.tb_lineno), default=1)
        trace = trace.tb_next
    return file, line
