"""Variables: what a manifest declares, and what `--var` puts in their place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kling_batch.job import Json
from kling_batch.manifest.complaints import Complaints
from kling_batch.manifest.names import RESERVED, shortened
from kling_batch.manifest.tree import mapping
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Path
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean

_PLACE = "--var"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What a variable is, and where it is written."""

    value: "Json"
    path: Path


def variables(value: "Json", path: Path) -> dict[str, Variable]:
    """Return what a `vars:` map at a path declares."""
    return {name: Variable(value=item, path=(*path, name)) for name, item in mapping(value).items()}


def check_names(value: "Json", path: Path, complaints: Complaints) -> None:
    """Tell of declared variables that would hide what a template has already."""
    for name in mapping(value):
        if name in RESERVED:
            complaints.at_key((*path, name), "variable-name", f"`{name}` means something in templates already")


def override(
    document: "Json", given: Mapping[str, str], profile: "dict[str, Json]"
) -> tuple[dict[str, "Json"], tuple[Diagnostic, ...]]:
    """Return the values that `--var` gives to variables declared there or in a profile, each of the declared type."""
    declared = {**dict(_declared(document)), **mapping(profile.get("vars"))}
    values: dict[str, Json] = {}
    told = []
    for name, text in given.items():
        if name not in declared:
            told.append(_unknown(name, list(declared)))
            continue
        try:
            values[name] = _typed(text, declared[name])
        except ValueError as error:
            told.append(
                Diagnostic(code="variable-type", message=f"`{plain(name)}={plain(text)[:60]}`: {error}", place=_PLACE)
            )
    return values, tuple(told)


def _declared(document: "Json") -> Iterator[tuple[str, "Json"]]:
    whole = mapping(document)
    for shot in mapping(whole.get("shots")).values():
        yield from mapping(mapping(shot).get("vars")).items()
    yield from mapping(whole.get("vars")).items()


def _unknown(name: str, declared: list[str]) -> Diagnostic:
    meant = did_you_mean(name, declared)
    known = f"declared are {shortened(declared)}" if declared else "declare it under `vars:`"
    message = f"`{plain(name)}` is not a variable of this manifest"
    return Diagnostic(
        code="unknown-variable",
        message=message,
        place=_PLACE,
        help=f"did you mean `{meant}`? {known}" if meant else known,
    )


def _typed(text: str, declared: "Json") -> "Json":
    match declared:
        case bool():
            if text not in ("true", "false"):
                raise ValueError("it is declared as true or false")
            return text == "true"
        case int():
            return _number(text, int, "it is declared as a whole number")
        case float():
            return _number(text, float, "it is declared as a number")
        case dict() | list():
            raise ValueError("it is declared as a map or list, which a command line cannot give")
        case _:
            return text


def _number(text: str, make: type[int] | type[float], complaint: str) -> "Json":
    try:
        return make(text)
    except ValueError:
        raise ValueError(complaint) from None
