"""The filters that templates have: those of Jinja that a prompt needs, written so that each is bounded and repeatable.

There is no `random`, no `attr`, nothing that pads or formats; `int` and `float` refuse what is no number, where Jinja's
own would quietly make it 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from kling_batch.manifest.bounds import ITEMS, RefusedError, kind, size, text_of


def shown(value: object) -> str:
    """Return a scalar as it stands in a text; raises `RefusedError` for what has no single form there."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            raise RefusedError(
                "template-value",
                f"{kind(value)} cannot stand in a text",
                remedy="use an entry of it (`{{ lang.greet }}`), a filter such as `join`, or `default('...', true)`",
            )


def _items(value: object) -> list[object]:
    match value:
        case list() | tuple() | range() | str():
            return list(value)
        case Mapping():
            return list(value)
        case _:
            raise RefusedError("template-value", f"{kind(value)} is not a list")


def _text(function: Callable[[str], str]) -> Callable[[object], str]:
    return lambda value: function(shown(value))


def _replace(value: object, old: object, new: object) -> str:
    text, search, other = shown(value), shown(old), shown(new)
    text_of(len(text) + text.count(search) * (len(other) - len(search)))
    return text.replace(search, other)


def _join(value: object, between: object = "", attribute: str | None = None) -> str:
    parts = _items(value)
    if attribute is not None:
        parts = [_entry(part, attribute) for part in parts]
    texts = [shown(part) for part in parts]
    separator = shown(between)
    text_of(sum(map(len, texts)) + len(separator) * max(len(texts) - 1, 0))
    return separator.join(texts)


def _entry(value: object, name: str) -> object:
    if isinstance(value, Mapping) and name in value:
        entry: object = value[name]
        return entry
    raise RefusedError("template-value", f"an item has no entry `{name}`", word=name)


def _number(value: object, make: Callable[[str], int] | Callable[[str], float], what: str) -> int | float:
    try:
        return make(shown(value).strip())
    except ValueError as error:
        raise RefusedError("template-value", f"`{shown(value)[:40]}` is not {what}") from error


def _round(value: object, digits: int = 0) -> int | float:
    if not isinstance(value, int | float):
        raise RefusedError("template-value", f"{kind(value)} cannot be rounded")
    return round(value, digits) if digits else round(value)


def _sorted(value: object) -> list[object]:
    items = _items(value)
    try:
        return sorted(items)  # type: ignore[type-var]  # what cannot be compared is refused just below
    except TypeError as error:
        raise RefusedError("template-value", "these items cannot be put in order") from error


def _unique(value: object) -> list[object]:
    return [*{shown(item): item for item in reversed(_items(value))}.values()][::-1]


def _length(value: object) -> int:
    if not isinstance(value, Sequence | Mapping):
        raise RefusedError("template-value", f"{kind(value)} has no length")
    return len(value)


def _pick_out(value: object, index: int) -> object:
    items = _items(value)
    if not items:
        raise RefusedError("template-value", "the list is empty")
    return items[index]


def _pairs(value: object) -> list[tuple[object, object]]:
    if not isinstance(value, Mapping):
        raise RefusedError("template-value", f"{kind(value)} is not a map")
    return list(value.items())


def span(*bounds: int) -> range:
    """Return the whole numbers between bounds, as Python's `range`; raises `RefusedError` past `ITEMS`."""
    try:
        numbers = range(*bounds)
        length = len(numbers)
    except (TypeError, ValueError, OverflowError) as error:
        raise RefusedError("template-value", f"`range` takes whole numbers: {error}", word="range") from error
    if length > ITEMS:
        raise RefusedError("template-size", f"`range` of {length} numbers, more than {ITEMS}", word="range")
    return numbers


def joined(parts: Iterable[object]) -> str:
    """Return what `~` makes of its operands."""
    return _join(list(parts))


def literal(items: list[object] | tuple[object, ...] | dict[object, object]) -> object:
    """Return a list or map written in a template as it is; raises `RefusedError` where it has grown too large."""
    size(items)
    return items


FILTERS: Mapping[str, Callable[..., object]] = {
    "abs": lambda value: abs(_number(value, float, "a number")) if not isinstance(value, int) else abs(value),
    "capitalize": _text(str.capitalize),
    "count": _length,
    "first": lambda value: _pick_out(value, 0),
    "float": lambda value: _number(value, float, "a number"),
    "int": lambda value: int(value) if isinstance(value, float) else _number(value, int, "a whole number"),
    "items": _pairs,
    "join": _join,
    "last": lambda value: _pick_out(value, -1),
    "length": _length,
    "list": _items,
    "lower": _text(str.lower),
    "replace": _replace,
    "reverse": lambda value: value[::-1] if isinstance(value, str) else _items(value)[::-1],
    "round": _round,
    "sort": _sorted,
    "string": shown,
    "title": _text(str.title),
    "trim": _text(str.strip),
    "unique": _unique,
    "upper": _text(str.upper),
}
"""By name, without `default`, which has to see undefined values and stays Jinja's own."""
