"""`--where`, an expression that says of each job whether it is meant, over the names that its templates have."""

from collections.abc import Mapping

from kling_batch.job import Key
from kling_batch.manifest.faults import locate, meant
from kling_batch.manifest.template import Fault, Template, Templates
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.plain import plain
from kling_batch.text.source import Source, Span

PLACE = "--where"


class _Named(dict[str, object]):
    """An axis value with fields, which is also equal to its name: `lang == 'de'` and `lang.greet == 'Hallo'`."""

    def __init__(self, name: str, value: dict[str, object]) -> None:
        super().__init__(value)
        self._name = name

    def __eq__(self, other: object) -> bool:
        return self._name == other if isinstance(other, str) else dict(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class Chooser:
    """Asks one expression of every job. A name that only other shots have is no fault: such a job is not meant."""

    def __init__(self, expression: str, templates: Templates) -> None:
        self._source = Source(PLACE, expression)
        self._templates = templates
        self._template = templates.compile("{{" + expression + "}}")
        if isinstance(self._template, Template) and not self._template.native:
            self._template = Fault(code="template-syntax", message="this is one expression, without braces")
        self._unknown: dict[str, Fault] = {}
        self._known: set[str] = set()
        self._fault = self._template if isinstance(self._template, Fault) else None
        self._answered = False
        self._chosen: set[Key] = set()

    @property
    def chosen(self) -> frozenset[Key]:
        """The jobs for which the expression is true."""
        return frozenset(self._chosen)

    def ask(self, key: Key, scope: Mapping[str, object], names: Mapping[str, str]) -> None:
        """Ask of one job; `names` are those of its axis values."""
        self._known |= scope.keys()
        if self._fault is not None or isinstance(self._template, Fault):
            return
        named = {axis: _Named(name, value) for axis, name in names.items() if isinstance(value := scope[axis], dict)}
        answer = self._templates.render(self._template, {**scope, **named})
        match answer:
            case Fault(code="undefined-name", word=word):
                self._unknown.setdefault(word, answer)
            case Fault():
                self._fault = answer
            case _:
                self._answered = True
                if answer:
                    self._chosen.add(key)

    def told(self) -> tuple[Diagnostic, ...]:
        """Return what is wrong with the expression, once every job was asked."""
        fault = self._fault or self._stray()
        if fault is None:
            return ()
        start, end = locate(self._source.text, fault.line, fault.word)
        label, remedy = meant(fault)
        span = Span(source=self._source, start=start, end=max(end, start + 1))
        return (
            Diagnostic(
                code=fault.code, message=plain(fault.message), span=span, label=label, help=remedy or fault.remedy
            ),
        )

    def _stray(self) -> Fault | None:
        """Return the fault of a name that no job has."""
        if not isinstance(self._template, Template):
            return None
        strays = sorted(self._template.names - self._known - {"*"})
        if strays:
            known = tuple(name for name in self._known if name not in {"env", "pick", "shuffle", "range"})
            message = f"`{strays[0]}` is a name of no job"
            return Fault(code="undefined-name", message=message, word=strays[0], known=known)
        return next(iter(self._unknown.values()), None) if not self._answered else None
