"""Two texts compared word by word, told as git does it: `[-gone-]` and `{+new+}`."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORDS = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|\s+|[^\w\s]")

Piece = tuple[str, str]  # `=`, `-` or `+`, and the text


def word_diff(before: str, now: str) -> tuple[Piece, ...]:
    """Return the pieces of both texts in order; where a language has no spaces each of its characters is a word."""
    return tuple(_pieces(_WORDS.findall(before), _WORDS.findall(now)))


def _pieces(before: list[str], now: list[str]) -> Iterator[Piece]:
    matcher = SequenceMatcher(a=before, b=now, autojunk=False)
    for _, start, end, since, until in matcher.get_opcodes():
        gone, new = "".join(before[start:end]), "".join(now[since:until])
        if gone == new:
            yield "=", gone
            continue
        if gone:
            yield "-", gone
        if new:
            yield "+", new


def marked(pieces: tuple[Piece, ...]) -> str:
    """Return the pieces as one text, what is gone and what is new between marks."""
    frames = {"=": ("", ""), "-": ("[-", "-]"), "+": ("{+", "+}")}
    return "".join(f"{frames[kind][0]}{text}{frames[kind][1]}" for kind, text in pieces)
