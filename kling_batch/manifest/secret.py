"""Credentials and addresses that have no business in a manifest: told by their key, never by what they are."""

import re
from collections.abc import Iterator
from dataclasses import replace

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Document, Path
from kling_batch.text.layers import Layered, layered
from kling_batch.text.source import Source

_KEYS = frozenset({"apikey", "authorization", "bearer", "token", "accesstoken", "secretkey", "password"})
_ADDRESSES = frozenset({"baseurl", "apibase", "apiurl"})
_LOOKS_LIKE_A_KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{16,}")


def find_secrets(document: Document) -> tuple[Document, tuple[Diagnostic, ...]]:
    """Return a complaint for each credential and each service address in a manifest, and a document without them.

    In that document's source every such value is masked, so that no diagnostic about the same line shows it.
    """
    if isinstance(document, Layered):
        pairs = [find_secrets(layer) for layer in document.layers]
        return layered(tuple(layer for layer, _ in pairs)), tuple(each for _, told in pairs for each in told)
    found = list(_walk(document.value, ()))
    if not found:
        return document, ()
    text = document.source.text
    for path in found:
        span = document.span(path)
        hidden = re.sub(r"\S", "*", text[span.start : span.end])
        text = text[: span.start] + hidden + text[span.end :]
    masked = replace(document, source=Source(document.source.name, text))
    return masked, tuple(_complaint(masked, path) for path in found)


def is_secret(key: str) -> bool:
    """Say whether a key is one for credentials or for the service's address, however it is spelt."""
    return _folded(key) in _KEYS | _ADDRESSES or _folded(key).endswith("apikey")


def _folded(key: str) -> str:
    return re.sub(r"[-_.\s]", "", key).casefold()


def _walk(value: Json, path: Path) -> Iterator[Path]:
    match value:
        case dict():
            for key, each in value.items():
                if is_secret(key):
                    yield (*path, key)
                else:
                    yield from _walk(each, (*path, key))
        case list():
            for at, each in enumerate(value):
                yield from _walk(each, (*path, at))
        case str() if _LOOKS_LIKE_A_KEY.search(value):
            yield path
        case _:
            pass


def _complaint(document: Document, path: Path) -> Diagnostic:
    key = path[-1] if path and isinstance(path[-1], str) else ""
    span = document.key_span(path)
    if _folded(key) in _ADDRESSES:
        return Diagnostic(
            code="address-in-manifest",
            message=f"`{key}` has no place in a manifest: it would choose where the key is sent",
            span=span,
            help="the service's address comes from `TOAPIS_BASE_URL`, never from a manifest",
        )
    return Diagnostic(
        code="secret-in-manifest",
        message=f"`{key}` has no place in a manifest, which is committed and read by many"
        if is_secret(key)
        else "this looks like an API key, in a file that is committed and read by many",
        span=span,
        help="the key comes from `TOAPIS_API_KEY`, never from a manifest; make a new one if this was committed",
    )
