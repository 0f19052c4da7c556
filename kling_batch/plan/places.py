"""Where a value stands in a JSON text. Slow, and only asked once something is wrong."""

import json
import re
from collections.abc import Iterator

_GAP = re.compile(r"[ \t\r\n,:]*")
_decode = json.JSONDecoder().raw_decode


def find(text: str, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Return start and end of the value at a path, or of its nearest parent that is there; the text is valid JSON."""
    at = _skip(text, 0)
    for step in path:
        values = {name: value for name, _, value in _members(text, at)}
        at = values.get(step, at)
    return at, _end(text, at)


def find_key(text: str, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Return start and end of the key that leads to a path."""
    parent, _ = find(text, path[:-1])
    keys = {name: key for name, key, _ in _members(text, parent)}
    start = keys[path[-1]]
    return start, _end(text, start)


def doubled_keys(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each key that its object has already, with start and end, in the order of the text."""
    yield from _doubled(text, _skip(text, 0))


def _doubled(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    seen = set()
    for name, key, value in _members(text, at):
        if isinstance(name, str) and name in seen:
            yield name, key, _end(text, key)
        seen.add(name)
        yield from _doubled(text, value)


def _members(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """Yield the name, the start of the key and the start of the value of each member of the object or array at `at`.

    An item of an array is named by its number, its key is the item itself.
    """
    if text[at] not in "{[":
        return
    named = text[at] == "{"
    position, number = _skip(text, at + 1), 0
    while text[position] not in "}]":
        key, name = position, number
        if named:
            label, position = _decode(text, position)
            position = _skip(text, position)
            yield str(label), key, position
        else:
            yield name, key, position
        position, number = _skip(text, _end(text, position)), number + 1


def _end(text: str, at: int) -> int:
    return int(_decode(text, at)[1])


def _skip(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at
