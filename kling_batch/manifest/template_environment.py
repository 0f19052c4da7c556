"""The environment that templates run in: Jinja's sandbox, with no attribute of any Python object left to name."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.filters import do_default
from jinja2.loaders import FunctionLoader
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import missing

from kling_batch.manifest import bounds, filters
from kling_batch.manifest.bounds import Budget, RefusedError
from kling_batch.manifest.template_guard import JOIN, LITERAL, SPEND, TESTS, guard, tame

SOURCE = 50_000
"""The longest template, in characters."""
_LOOP = frozenset(["first", "index", "index0", "last", "length", "nextitem", "previtem", "revindex", "revindex0"])


def short_enough(text: str) -> str:
    """Return a template's text as it is; raises `RefusedError` where it is past `SOURCE`."""
    if len(text) > SOURCE:
        raise RefusedError("template-size", f"a template has at most {SOURCE} characters, and this has {len(text)}")
    return text


class UndefinedNameError(RefusedError):
    """A name that is not there. `known` are the names that are, `None` where those are the scope's."""

    def __init__(self, name: str, inside: object) -> None:
        nested = inside is not missing
        message = f"`{name}` is not an entry of {bounds.kind(inside)}" if nested else f"`{name}` is not defined"
        super().__init__("undefined-name", message, word=name)
        self.known = tuple(map(str, inside)) if isinstance(inside, Mapping) else () if nested else None


class _Missing(StrictUndefined):
    """An undefined name that remembers what it was looked up in."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: object = missing, name: str | None = None, exc: object = None
    ) -> None:
        del exc
        known = (
            UndefinedNameError(name, obj) if name is not None else RefusedError("undefined-name", hint or "undefined")
        )
        super().__init__(hint, obj, name, cast("Any", lambda _: known))


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja as manifests have it: every step paid for out of `budget`, files only through `include`."""

    intercepted_binops = bounds.OPERATORS

    def __init__(self, budget: Budget, include: Callable[[str], str]) -> None:
        self._budget = budget
        super().__init__(undefined=_Missing, finalize=self._finalize, autoescape=False, optimized=False)
        self.loader = FunctionLoader(lambda name: (short_enough(include(name)), name, lambda: True))
        self.globals = {}
        self.tests = {name: JINJA_TESTS[name] for name in TESTS}
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
        if type(value) is str:
            text = value
        else:
            text = str(value) if type(value) is int or isinstance(value, Undefined) else filters.shown(value)
        budget = self._budget
        budget.left -= 1 + (len(text) >> 3)
        if budget.left < 0:  # else this is `spend`, written out: it runs for every value of every job
            budget.spend(0)
        return text

    def getattr(self, obj: object, attribute: str) -> object:
        """Return an entry of a map, a figure of `loop`, or a macro of an imported file; nothing else has attributes."""
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else _Missing(None, obj, attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            str(obj)
        exported = vars(obj).get(attribute) if type(obj).__name__ == "TemplateModule" else None
        return exported if isinstance(exported, Macro) else _Missing(None, obj, attribute)

    def getitem(self, obj: object, argument: Any) -> object:  # noqa: ANN401 - an index or a key
        """Return an entry of a map, or an item of a list or text; nothing else has items."""
        if isinstance(obj, Undefined):
            str(obj)
        try:
            if isinstance(obj, dict | list | tuple | str | range):
                return obj[argument]
        except (LookupError, TypeError):
            pass
        return _Missing(None, obj, str(argument))

    def call(self, context: object, function: object, *values: object, **named: object) -> object:
        """Call one of our functions, or a macro, for a step; the guard has seen that there is nothing else to call."""
        del context
        named.pop("_loop_vars", None)  # what jinja's own `call` takes for functions that ask for the context
        named.pop("_block_vars", None)
        self._budget.spend(1)
        if isinstance(function, Undefined) or not callable(function):
            raise RefusedError("template-call", f"{bounds.kind(function)} cannot be called")
        return function(*values, **named)

    def call_binop(self, context: object, operator: str, left: object, right: object) -> object:
        """Apply an operator within its bounds, for a step."""
        del context
        self._budget.spend(1)
        for operand in (left, right):
            if isinstance(operand, Undefined):
                str(operand)
        return bounds.calculate(operator, left, right)
