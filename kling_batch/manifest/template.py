"""Templates: Jinja behind an allow-list, with a price on every step. Only `template*` may import jinja2 in this room.

Each distinct text is read once. Names reach nothing but what the job's scope holds: no attribute of a Python object can
be named at all, so that there is nothing to escape through.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2 import Template as Compiled
from jinja2.defaults import DEFAULT_TESTS
from jinja2.filters import do_default
from jinja2.loaders import FunctionLoader
from jinja2.runtime import LoopContext, Macro, missing
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kling_batch.job import Json
from kling_batch.manifest import bounds, filters
from kling_batch.manifest.bounds import Budget, RefusedError
from kling_batch.manifest.template_guard import JOIN, LITERAL, SPEND, TESTS, MisplacedError, guard, tame

SOURCE = 50_000
"""The longest template, in characters."""
_INLINE = "<template>"
_LOOP = frozenset("first index index0 last length nextitem previtem revindex revindex0".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a template cannot be read or rendered.

    `file` is the included file where it was met, empty for the text itself; `line` counts from 1 there. `word` is what to
    point at, the whole line if it is empty. `known` are the names that could have been meant, where one is unknown.
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

    `names` are all that it mentions; `reads` is the dotted name that it is nothing but, if it is one; `native` says that
    it is one expression, which keeps its type. `file` is where its text came from, empty for a leaf.
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
        self._environment = _Environment(self._budget, include)
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
            _short_enough(text)
            tree = self._environment.parse(text, file or None, file or _INLINE)
            names = frozenset(node.name for node in tree.find_all(nodes.Name))
            reads, native = _single(tree) if not file else ((), False)
            code = self._environment.compile(tree, file or None, file or _INLINE)
            compiled = Compiled.from_code(self._environment, code, {})
        except Exception as error:  # noqa: BLE001 - as above
            return _fault(error, {}, file)
        open_ended = tree.find((nodes.Include, nodes.Import, nodes.FromImport)) is not None
        names |= {"*"} if open_ended else set()
        return Template(names=names, reads=reads, native=native, compiled=compiled, file=file)


def _short_enough(text: str) -> str:
    if len(text) > SOURCE:
        raise RefusedError("template-size", f"a template has at most {SOURCE} characters, and this has {len(text)}")
    return text


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


class _UndefinedNameError(RefusedError):
    def __init__(self, name: str, inside: object) -> None:
        nested = inside is not missing
        message = f"`{name}` is not an entry of {bounds.kind(inside)}" if nested else f"`{name}` is not defined"
        super().__init__("undefined-name", message, word=name)
        self.known = tuple(map(str, inside)) if isinstance(inside, Mapping) else () if nested else None


class _Missing(StrictUndefined):
    """An undefined name that remembers what it was looked up in."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = None) -> None:
        del exc
        known = (
            _UndefinedNameError(name, obj) if name is not None else RefusedError("undefined-name", hint or "undefined")
        )
        super().__init__(hint, obj, name, cast("Any", lambda _: known))


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = bounds.OPERATORS

    def __init__(self, budget: Budget, include: Callable[[str], str]) -> None:
        self._budget = budget
        super().__init__(undefined=_Missing, finalize=self._finalize, autoescape=False)
        self.loader = FunctionLoader(lambda name: (_short_enough(include(name)), name, lambda: True))
        self.globals = {}
        self.tests = {name: DEFAULT_TESTS[name] for name in TESTS}
        self.filters = {name: self._paid(function) for name, function in filters.FILTERS.items()}
        self.filters |= {JOIN: self._paid(filters.joined), LITERAL: self._paid(filters.literal), SPEND: budget.spend}
        self.filters |= {"d": do_default, "default": do_default}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        guard(tree)
        return tame(tree)

    def _paid(self, function: Callable[..., object]) -> Callable[..., object]:
        def paid(value: object, *others: object, **named: object) -> object:
            self._budget.spend(1 + (len(value) >> 3) if isinstance(value, str | list | dict | range) else 1)
            if isinstance(value, Undefined):
                str(value)
            return function(value, *others, **named)

        return paid

    def _finalize(self, value: object) -> str:
        text = value if type(value) is str else str(value) if isinstance(value, Undefined) else filters.shown(value)
        self._budget.spend(1 + (len(text) >> 3))
        return text

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an entry of a map, a figure of `loop`, or a macro of an imported file; nothing else has attributes."""
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else _Missing(None, obj, attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            str(obj)
        exported = vars(obj).get(attribute) if type(obj).__name__ == "TemplateModule" else None
        return exported if isinstance(exported, Macro) else _Missing(None, obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an entry of a map, or an item of a list or text; nothing else has items."""
        if isinstance(obj, Undefined):
            str(obj)
        try:
            if isinstance(obj, dict | list | tuple | str | range):
                return obj[argument]
        except (LookupError, TypeError):
            pass
        return _Missing(None, obj, str(argument))

    def call(self, context: Any, function: Any, *values: Any, **named: Any) -> Any:  # type: ignore[override]  # same places
        """Call one of our functions, or a macro, for a step; the guard has seen that there is nothing else to call."""
        del context
        self._budget.spend(1)
        if isinstance(function, Undefined) or not callable(function):
            raise RefusedError("template-call", f"{bounds.kind(function)} cannot be called")
        return function(*values, **named)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator within its bounds, for a step."""
        del context
        self._budget.spend(1)
        for operand in (left, right):
            if isinstance(operand, Undefined):
                str(operand)
        return bounds.calculate(operator, left, right)


def _fault(error: Exception, scope: Mapping[str, object], file: str) -> Fault:
    """Say what went wrong, in which file and line of a template."""
    where, line = _place(error.__traceback__)
    match error:
        case MisplacedError():
            line = error.line
        case TemplateSyntaxError():
            where, line = error.filename or "", error.lineno
        case _:
            pass
    inner = "" if where in ("", _INLINE) else where
    place = {"file": inner or file, "line": line}
    match error:
        case _UndefinedNameError():
            known = tuple(scope) if error.known is None else error.known
            return Fault(code=error.code, message=error.message, word=error.word, known=known, **place)  # type: ignore[arg-type]  # both keys fit
        case RefusedError():
            return Fault(code=error.code, message=error.message, word=error.word, remedy=error.remedy, **place)  # type: ignore[arg-type]  # as above
        case TemplateSyntaxError():
            return Fault(code="template-syntax", message=_lower(error.message or "not a template"), **place)  # type: ignore[arg-type]  # as above
        case RecursionError() | MemoryError() | SyntaxError():
            return Fault(code="template-depth", message="this template is nested too deep", **place)  # type: ignore[arg-type]  # as above
        case _:
            return Fault(code="template-value", message=_lower(str(error)) or type(error).__name__, **place)  # type: ignore[arg-type]  # as above


def _lower(sentence: str) -> str:
    return (sentence[:1].lower() + sentence[1:]).rstrip(".").replace("'", "`")


def _place(trace: TracebackType | None) -> tuple[str, int]:
    """Return the file and line of the innermost template in a traceback, from the table that jinja leaves in its code."""
    file, line = "", 1
    while trace is not None:
        table = trace.tb_frame.f_globals.get("debug_info")
        if isinstance(table, str):
            file = trace.tb_frame.f_code.co_filename
            pairs = (pair.split("=") for pair in table.split("&") if pair)
            line = max((int(of) for of, at in pairs if int(at) <= trace.tb_lineno), default=1)
        trace = trace.tb_next
    return file, line
