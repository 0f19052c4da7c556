"""JSON held against the frozen types that it describes: what is unknown or of another type is told with its place."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from typing import Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from kling_batch.errors import UsageError
from kling_batch.job import Json

Kind = TypeVar("Kind")


def read(kind: type[Kind], value: Json, place: str) -> Kind:
    """Return the value of that type which some JSON describes; raises `UsageError` with the place that does not fit."""
    return cast("Kind", _read(kind, value, place))


def _read(hint: object, value: Json, place: str) -> object:  # noqa: PLR0911 - one return a kind of type
    if is_dataclass(hint):
        return _record(cast("type[object]", hint), value, place)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None and type(None) in inner else _either(inner, value, place)
    if origin is Literal:
        return _one_of(inner, value, place)
    if origin is tuple and isinstance(value, list):
        return tuple(_read(inner[0], each, f"{place}[{number}]") for number, each in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {name: _read(inner[1], each, f"{place}.{name}") for name, each in value.items()}
    if hint is float and type(value) is int:
        return float(value)
    if hint in (str, int, float, bool) and type(value) is hint:
        return value
    raise UsageError(f"`{place}` is not {_name(hint)}")


def _either(kinds: tuple[object, ...], value: Json, place: str) -> object:
    """Read a union: `Json` takes anything, otherwise the one kind beside `None`."""
    others = [kind for kind in kinds if kind is not type(None)]
    literals = [choice for kind in others if get_origin(kind) is Literal for choice in get_args(kind)]
    if literals:
        return _one_of(tuple(literals), value, place)
    return _read(others[0], value, place) if len(others) == 1 else value


def _one_of(choices: tuple[object, ...], value: Json, place: str) -> object:
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise UsageError(f"`{place}` is not one of {', '.join(f'`{choice}`' for choice in choices)}")
    return value


def _record(kind: type[object], value: Json, place: str) -> object:
    if not isinstance(value, dict):
        raise UsageError(f"`{place}` is not an object")
    hints = get_type_hints(kind)
    for name in value:
        if name not in hints:
            near = get_close_matches(name, hints, n=1)
            hint = (
                f"did you mean `{near[0]}`?" if near else f"it has the keys {', '.join(f'`{each}`' for each in hints)}"
            )
            raise UsageError(f"`{name}` is not a key of `{place}`", help=hint)
    for each in fields(kind):  # type: ignore[arg-type]  # the caller has asked `is_dataclass`
        if each.default is MISSING and each.default_factory is MISSING and each.name not in value:
            raise UsageError(f"`{place}` has no `{each.name}`")
    return kind(**{name: _read(hints[name], each, f"{place}.{name}") for name, each in value.items()})


def _name(hint: object) -> str:
    match get_origin(hint) or hint:
        case kind if kind is tuple:
            return "a list"
        case kind if kind is Mapping:
            return "an object"
        case kind if kind is str:
            return "text"
        case kind if kind is bool:
            return "true or false"
        case _:
            return "a number"
