"""Text from outside made fit to be shown: nothing in it acts on a terminal, and its width in cells is known."""

import unicodedata

_JOINERS = "\u200c\u200d"  # they shape Persian words and emoji, and do nothing to a terminal
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_SKIN = range(0x1F3FB, 0x1F400)


def plain(text: str) -> str:
    """Return the text on one line, with controls, bidi marks, invisible characters and lone surrogates as escapes."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character
    if character in _SHORT:
        return _SHORT[character]
    point = ord(character)
    if point < 0x100:  # noqa: PLR2004 - what `\x` can hold
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"  # noqa: PLR2004 - what `\u` can hold


def cells(text: str) -> list[int]:
    """Return how many terminal cells each character of a plain text fills: 2 for CJK and emoji, 0 for what combines."""
    widths = []
    joined = False
    for character in text:
        widths.append(0 if joined else _cell(character))
        joined = character == "\u200d"
    return widths


def _cell(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"} or ord(character) in _SKIN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
