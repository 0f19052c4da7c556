"""A manifest held against its JSON Schema. The only door to jsonschema and referencing; nothing is ever fetched."""

import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

from kling_batch.job import Json
from kling_batch.manifest.breach import Breach, complaints
from kling_batch.manifest.secret import find_secrets
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Document

_MOST = 100


def schema_text(name: Literal["manifest", "lock"]) -> str:
    """Return a JSON Schema as it is shipped: in the wheel inside the package, in a checkout beside it."""
    package = Path(__file__).parent.parent
    folder = next(each for each in (package / "schemas", package.parent / "schemas") if each.is_dir())
    return (folder / f"{name}.schema.json").read_text(encoding="utf-8")


def check(document: Document) -> tuple[Diagnostic, ...]:
    """Return every place where a manifest is not what its schema says, in the order of the text, each once."""
    shown, found = find_secrets(document)
    told = {_place(each): each for each in found}
    for error in itertools.islice(_validator().iter_errors(document.value), _MOST):
        for each in complaints(shown, _breach(error)):
            told.setdefault(_place(each), each)
    mistyped = {each.span for each in told.values() if each.code == "wrong-type"}
    clear = (each for each in told.values() if each.code == "wrong-type" or each.span not in mistyped)
    return tuple(sorted(clear, key=_place))


@cache
def _validator() -> Validator:
    """Return the validator: every number type is what it says, and a reference out of the schema finds nothing."""
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    strict = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call] # the stubs lack it
    registry: Registry[Any] = Registry()
    return cast("Validator", strict(json.loads(schema_text("manifest")), registry=registry))


def _place(told: Diagnostic) -> tuple[str, int, str]:
    return (told.span.source.name, told.span.start, told.code) if told.span else ("", 0, told.code)


def _breach(error: ValidationError) -> Breach:
    assert isinstance(error.schema, dict)  # noqa: S101 - only `false` breaks a rule without having one
    return Breach(
        rule=str(error.validator),
        path=tuple(error.absolute_path),
        value=cast("Json", error.instance),
        wanted=error.validator_value,
        schema=error.schema,
        is_name="propertyNames" in error.absolute_schema_path,
    )
