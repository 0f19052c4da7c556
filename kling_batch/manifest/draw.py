"""Choices that a job makes by itself: drawn by its key, so that every run, machine and order of jobs draws the same."""

import hashlib
from collections.abc import Sequence

from kling_batch.job import Key, canonical
from kling_batch.manifest.bounds import RefusedError, kind


def _lot(key: Key, item: object) -> bytes:
    return hashlib.sha256(canonical([key, item])).digest()


def pick(key: Key, items: object) -> object:
    """Return one item of a list. An item that is added later changes only the jobs that come to draw it."""
    return max(_drawable("pick", items), key=lambda item: _lot(key, item))


def shuffle(key: Key, items: object) -> list[object]:
    """Return all items of a list in the order that this job draws."""
    return sorted(_drawable("shuffle", items), key=lambda item: _lot(key, item))


def _drawable(name: str, items: object) -> Sequence[object]:
    match items:
        case list() | tuple() | range() if items:
            return items
        case list() | tuple() | range():
            raise RefusedError("template-value", f"`{name}` has nothing to draw from", word=name)
        case _:
            raise RefusedError("template-value", f"`{name}` takes a list, and this is {kind(items)}", word=name)
