"""Every combination and take of every shot becomes a job: rendered, checked, named."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from kling_batch.job import Job, Json, Key, Request, Spec, key_of, light, slug_of, spec_of
from kling_batch.manifest.bounds import RefusedError
from kling_batch.manifest.check import Checker, Finding, is_plain_prompt
from kling_batch.manifest.choose import Chooser
from kling_batch.manifest.draw import pick, shuffle
from kling_batch.manifest.filters import span
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.names import clashes, output_fault
from kling_batch.manifest.request import Filling, Form, read_form
from kling_batch.manifest.rules import Combination
from kling_batch.manifest.shots import DEFAULT_OUTPUT, Shot
from kling_batch.manifest.tally import Hit, Tally
from kling_batch.manifest.template import Fault, Templates
from kling_batch.manifest.tree import merge
from kling_batch.text.diagnostic import Severity
from kling_batch.text.document import Path
from kling_batch.text.plain import plain
from kling_batch.text.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all jobs of a manifest are rendered in; `given` is what `--var` set, `chooser` asks which are meant."""

    project: str
    env: Mapping[str, str]
    given: Mapping[str, "Json"]
    folder: Folder
    templates: Templates
    tally: Tally
    checker: Checker
    chooser: Chooser | None = None


def make_jobs(shots: Iterable[Shot], around: Surroundings) -> tuple[Job, ...]:
    """Return the jobs of all shots in order; what is wrong with any is in the tally."""
    made = [(job, shot) for shot in shots for job in _Shooting(shot, around).jobs()]
    for index, first in clashes([job.output for job, _ in made]):
        job, shot = made[index]
        other = made[first][0]
        message = f"`{plain(job.output)}` and `{plain(other.output)}`, of `{other.key}`, cannot both be files"
        remedy = "name every axis and `take` in `output.path`, with something between them"
        finding = Finding(code="output-clash", at=(), message=message, remedy=remedy)
        around.tally.finding(shot.output.path, finding, Hit(key=job.key))
    _tell_twins(made, around.tally)
    return tuple(job for job, _ in made)


def _tell_twins(made: Iterable[tuple[Job, Shot]], tally: Tally) -> None:
    """Warn of jobs that send what a job of another key sends; takes of one combination do so on purpose."""
    seen: dict[str, Job] = {}
    for job, shot in made:
        first = seen.setdefault(job.spec.hash, job)
        if (first.shot, first.axes) != (job.shot, job.axes):
            message = f"`{job.key}` sends exactly what `{first.key}` sends, and is paid for as well"
            remedy = "use every axis in the request, or ask for more `takes`"
            finding = Finding(code="same-request", at=(), message=message, remedy=remedy, severity=Severity.WARNING)
            tally.finding(shot.path, finding, Hit(key=job.key))


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What came of one request: what is wrong with its leaves and its values, and what is sent if nothing is."""

    faults: tuple[tuple[Path, Fault], ...]
    findings: tuple[Finding, ...] = ()
    sent: tuple[Request, Spec] | None = None


@dataclass(slots=True, kw_only=True)
class _Mould:
    """A form, and the request that its jobs share but for the prompt, once one of them was found to be right."""

    form: Form
    alike: Request | None = None


class _Shooting:
    """Makes the jobs of one shot; combinations with the same overrides share one mould."""

    def __init__(self, shot: Shot, around: Surroundings) -> None:
        self._shot = shot
        self._around = around
        self._axes = shot.matrix.axes
        self._vars = {name: variable.value for name, variable in shot.vars.items()}
        self._moulds: dict[tuple[int, ...], _Mould] = {}
        self._output = around.templates.compile(str(shot.output.value))
        self._takes = [(take, slug_of((), take), value) for take, value in shot.takes]
        self._by_name = sorted(range(len(self._axes)), key=lambda index: self._axes[index].name)

    def jobs(self) -> Iterator[Job]:
        expansion = self._shot.expansion
        for combination, overrides in zip(expansion.combinations, expansion.overrides, strict=True):
            mould, axes = self._mould(overrides), self._named(combination)
            form = mould.form
            shared = self._shared(combination)
            drawn: _Drawn | None = None
            stem, most = key_of(self._shot.name, axes, ""), slug_of(axes, "")
            for take, last, value in self._takes:
                key, slug = Key(stem + take), most + last
                scope = self._scope(shared, key, slug, value)
                hit = partial(Hit, key=key, axes=self._axes, combination=combination)
                if drawn is None or form.per_take:
                    drawn = self._draw(mould, scope)
                if drawn.faults or drawn.findings:
                    self._tell(drawn, form, hit())
                output = self._path(scope, hit)
                if self._around.chooser is not None:
                    self._around.chooser.ask(key, scope, hit().names)
                if drawn.sent is not None and output is not None:
                    yield Job(
                        key=key,
                        shot=self._shot.name,
                        axes=axes,
                        take=take,
                        slug=slug,
                        request=drawn.sent[0],
                        spec=drawn.sent[1],
                        output=output,
                    )

    def _mould(self, overrides: tuple[int, ...]) -> _Mould:
        if overrides not in self._moulds:
            request = self._shot.request
            for index in overrides:
                request = merge(request, self._shot.patches[index])
            request = merge(request, self._shot.last)
            form = read_form(request, self._around.templates, self._around.folder)
            self._moulds[overrides] = _Mould(form=form)
        return self._moulds[overrides]

    def _named(self, combination: Combination) -> tuple[tuple[str, str], ...]:
        return tuple(
            (self._axes[index].name, combination[index].name)
            for index in self._by_name
            if combination[index].name != self._axes[index].default
        )

    def _shared(self, combination: Combination) -> dict[str, object]:
        """Return the part of a scope that all takes of a combination have."""
        names = {axis.name: value.name for axis, value in zip(self._axes, combination, strict=True)}
        values = {axis.name: value.value for axis, value in zip(self._axes, combination, strict=True)}
        return {
            **self._vars,
            **values,
            **self._around.given,
            "shot": self._shot.name,
            "project": self._around.project,
            "axes": names,
            "env": self._env,
            "range": span,
        }

    @staticmethod
    def _scope(shared: dict[str, object], key: Key, slug: str, take: "Json") -> dict[str, object]:
        own = {"slug": slug, "take": take, "key": key, "pick": partial(pick, key), "shuffle": partial(shuffle, key)}
        return shared | own

    def _env(self, name: object, default: object = None) -> object:
        if name in _SECRETS:
            raise RefusedError("env-secret", f"`{name}` is a secret, and a request would carry it away", word="env")
        value = self._around.env.get(str(name), default)
        if value is None:
            remedy = f"set it, or give a default: `env('{name}', '...')`"
            raise RefusedError("env-missing", f"the environment has no `{name}`", remedy=remedy, word="env")
        return value

    def _draw(self, mould: _Mould, scope: dict[str, object]) -> _Drawn:
        """Return what a job asks for; where only its texts cannot be rendered, the rest is checked all the same."""
        form, filling = mould.form, Filling(self._around.templates, self._around.folder, scope)
        values = filling.request(form)
        faults = (*form.faults, *filling.faults)
        if mould.alike is not None and not faults and is_plain_prompt(prompt := values["prompt"]):
            request = mould.alike.with_prompt(prompt)
            return _Drawn(faults=(), sent=(request, spec_of(request)))
        if not filling.broken <= _TEXTS:
            return _Drawn(faults=faults)
        values.update(dict.fromkeys(filling.broken, "-"))
        request, found = self._around.checker.check(values, self._shot.allow)
        if not faults and not found and form.blanks.keys() == {"prompt"}:
            mould.alike = request
        wrong = bool(faults or found) and (bool(faults) or any(each.severity is Severity.ERROR for each in found))
        return _Drawn(faults=faults, findings=tuple(found), sent=None if wrong else (request, spec_of(request)))

    def _tell(self, drawn: _Drawn, form: Form, hit: Hit) -> None:
        for path, fault in drawn.faults:
            self._around.tally.fault(path, fault, hit)
        for finding in drawn.findings:
            self._around.tally.finding(self._mended_at(form, finding.at, hit.combination), finding, hit)

    def _mended_at(self, form: Form, at: Path, combination: Combination) -> "Path | Span":
        """Return where a rendered value is best mended: the axis value or variable that its leaf is, or the leaf."""
        reads = form.reads.get(at, ())
        if reads:
            for axis, value in zip(self._axes, combination, strict=True):
                if axis.name == reads[0]:
                    return value.row or (*(value.path or ()), *reads[1:])
            if reads[0] in self._shot.vars and reads[0] not in self._around.given:
                return (*self._shot.vars[reads[0]].path, *reads[1:])
        for length in range(len(at), 0, -1):
            for place, leaf in form.leaves.items():
                if place[:length] == at[:length]:
                    return leaf[: len(leaf) - (len(place) - length)]
        return (*self._shot.path, "request")

    def _path(self, scope: dict[str, object], hit: Callable[[], Hit]) -> str | None:
        """Return where a job's video goes, or `None` once what is wrong with the path is told."""
        tally, place = self._around.tally, self._shot.output.path
        made = self._rendered_path(scope, hit)
        if isinstance(made, Fault):
            tally.fault(place, made, hit())
            return None
        path = made if made.isascii() else unicodedata.normalize("NFC", made)
        if (wrong := output_fault(path)) is not None:
            message = f"the output path `{plain(path)[:120]}` {wrong[1]}"
            tally.finding(place, Finding(code=wrong[0], at=(), message=message, remedy=_PATHS), hit())
            return None
        return path

    def _rendered_path(self, scope: dict[str, object], hit: Callable[[], Hit]) -> str | Fault:
        if self._shot.output.value == DEFAULT_OUTPUT:
            return f"{scope['shot']}/{scope['slug']}.mp4"
        if isinstance(self._output, Fault):
            return self._output
        named = {
            axis.name: value.name
            for axis, value in zip(self._axes, hit().combination, strict=True)
            if not isinstance(value.value, dict | list) and axis.name not in self._around.given
        }
        made = self._around.templates.render(self._output, {**scope, **named})
        return made if isinstance(made, Fault) else str(made)


_TEXTS = frozenset(["prompt", "negative_prompt"])
_SECRETS = ("TOAPIS_API_KEY",)
_PATHS = "it names a file below the output root, on any system; the safe name of an axis' value is `axes.<axis>`"
