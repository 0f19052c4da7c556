"""What may be a name: of axes, values, takes and shots in keys, and of output files on every system."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence

from kling_batch.job import Json
from kling_batch.text.plain import plain

LONGEST = 64
RESERVED = frozenset(
    ["axes", "env", "key", "loop", "pick", "project", "range", "self", "shot", "shuffle", "slug", "take", "vars"]
)
"""Names that mean something in templates already."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d):(?=\d)")


def name_fault(name: str) -> str | None:
    """Return why a text cannot be a name, or `None`: letters and digits of any script, `.`, `_`, `-`, at most 64."""
    if not name:
        return "is empty"
    if len(name) > LONGEST:
        return f"has {len(name)} characters, and a name has at most {LONGEST}"
    if wrong := [character for character in name if not _is_plain(character)]:
        return f"has {_shown(wrong[0])} in it, and a name has letters, digits, `.`, `_` and `-`"
    if not name.strip("."):
        return "is nothing but dots"
    return None


def _is_plain(character: str) -> bool:
    return character in "._-" or unicodedata.category(character)[0] in "LNM"


def _shown(character: str) -> str:
    return f"`{character}`" if character.isprintable() and character != " " else f"U+{ord(character):04X}"


def scalar_name(value: "Json") -> str:
    """Return the name of a scalar as a value of an axis: `16x9` for `16:9`, and `-` for what no name can have."""
    match value:
        case None | bool():
            text = {None: "null", True: "true", False: "false"}[value]
        case _:
            text = unicodedata.normalize("NFC", str(value))
    text = _BETWEEN_DIGITS.sub("x", text)
    return "".join(character if _is_plain(character) else "-" for character in text)


def folded(text: str) -> str:
    """Return what must not be the same for two names or paths: what file systems without case or accents would see."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def doubled(names: Iterable[str]) -> list[tuple[int, int]]:
    """Return the index of each name that some file system holds for an earlier one, with the index of that one."""
    return _repeated(list(map(folded, names)), {})


def _repeated(names: Sequence[str], seen: dict[str, int]) -> list[tuple[int, int]]:
    """Return the index of each name that was there before, with that of the first; note each one's first in `seen`."""
    pairs = [(index, seen.setdefault(name, index)) for index, name in enumerate(names)]
    return [(index, first) for index, first in pairs if index != first]


_FEW = 12


def shortened(names: Sequence[str]) -> str:
    """Return names for a sentence, each in backticks, the most of a long list only counted."""
    shown = [f"`{plain(name)}`" for name in names[:_FEW]]
    if len(names) > _FEW:
        shown.append(f"{len(names) - _FEW} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


PART_BYTES = 200
PATH_BYTES = 1024
_WINDOWS = re.compile(r"(con|prn|aux|nul|clock\$|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_OURS = re.compile(r".*\.(lock|picks|journal)\.jsonl?|kling-batch\.lock", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"|?*\\')


_ORDINARY = re.compile(
    r"(?i:(?:(?!con/|prn/|aux/|nul/|com\d|lpt\d)[a-z0-9_][a-z0-9_-]{0,63}/){0,4}"
    r"(?!con\.|prn\.|aux\.|nul\.|com\d|lpt\d)[a-z0-9_][a-z0-9._-]{0,190})\.mp4",
    re.ASCII,
)
"""What nearly every path is, and no system objects to: to ask all that follows costs five times as much."""


def output_fault(path: str) -> tuple[str, str] | None:
    """Return the code and the reason why a path cannot be an output's, or `None`; the same on every system."""
    if _ORDINARY.fullmatch(path):
        return None
    if not path.strip(" ./"):
        return "output-path", "is empty"
    if path.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:", path):
        return "output-path", "is not relative to the output root"
    if not path.endswith(".mp4"):
        return "output-name", "does not end in `.mp4`"
    if len(path.encode(errors="replace")) > PATH_BYTES:
        return "output-long", f"has more than {PATH_BYTES} bytes"
    return next((fault for part in path.split("/") if (fault := _part_fault(part))), None)


@functools.lru_cache(maxsize=1024)
def _part_fault(part: str) -> tuple[str, str] | None:
    if part in ("", ".", ".."):
        return "output-path", f"has the part `{part}`"
    if len(part.encode(errors="replace")) > PART_BYTES:
        return "output-long", f"has a part of more than {PART_BYTES} bytes"
    return _characters_fault(part) or _taken_fault(part)


def _characters_fault(part: str) -> tuple[str, str] | None:
    if part.isascii() and part.isprintable() and _FORBIDDEN.isdisjoint(part):
        return None
    if wrong := next((each for each in part if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")), None):
        return "output-name", f"has the invisible character U+{ord(wrong):04X} in it"
    if wrong := next((each for each in part if each in _FORBIDDEN), None):
        return "output-name", f"has `{wrong}` in it, which not every system can store"
    return None


def _taken_fault(part: str) -> tuple[str, str] | None:
    if part != part.strip(" ") or part.endswith("."):
        return "output-name", f"has the part `{part}`, which begins or ends in a space or ends in a dot"
    if _WINDOWS.fullmatch(part) or part.startswith((".", "-", "~", "$")) or _OURS.fullmatch(part):
        return "output-reserved", f"has the part `{part}`, a name that is taken or dangerous on some system"
    return None


def clashes(paths: Sequence[str]) -> list[tuple[int, int]]:
    """Return the indices of paths that cannot lie beside an earlier one, each with that one.

    Two paths clash if they are one to a file system without case, or if one is a folder on the way to the other.
    """
    seen: dict[str, int] = {}
    found = _repeated(list(map(folded, paths)), seen)
    files_above: dict[str, list[int]] = {}
    for whole, index in seen.items():
        folder = whole.rpartition("/")[0]
        if folder not in files_above:
            files_above[folder] = [seen[each] for each in _folders(folder) if each in seen]
        found.extend((index, above) for above in files_above[folder])
    return found


def _folders(folder: str) -> list[str]:
    """Return a folder and all that it lies in, the outermost first."""
    parts = folder.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
