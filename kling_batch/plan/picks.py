"""Which takes people chose: `<manifest>.picks.yaml`, owned by people, edited by us one line at a time.

A picks file is read as pieces of its own text. An edit replaces or adds the one piece that it is about, so that what a
person wrote beside it, comments and order too, stays byte for byte, and git merges picks of different jobs.
"""

import enum
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kling_batch.job import Json, Key
from kling_batch.plan.pickfaults import FIELDS, faults
from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.document import Document, parse
from kling_batch.text.guard import UNSAFE
from kling_batch.text.node import Mapping as MappingNode
from kling_batch.text.render import did_you_mean, listed
from kling_batch.text.source import Source

VIDEO_DIGITS = 12  # of a video's sha256
LONGEST_NOTE = 2000
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_BEHIND = re.compile(r"[ \t]+#.*")
_ABOVE = re.compile(r"(?:^[ \t]*#.*\n)+\Z", re.MULTILINE)  # comment lines with nothing between them and what follows
NEW = """\
# Which takes were chosen, and why. `kling-batch review --serve` writes it, and so may you; commit it.
# One line a job: verdict is `pick` or `reject`, video the first 12 digits of the sha256 of the one that was looked at.
picks:
"""


class Verdict(enum.Enum):
    """What a person thinks of a take."""

    PICK = "pick"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """What was said of one take; without a verdict it is a note alone. `video` is empty where nobody wrote it."""

    verdict: Verdict | None = None
    note: str = ""
    video: str = ""

    def is_of(self, sha256: str | None) -> bool:
        """Say whether the video that was looked at is the one with this checksum."""
        return not self.video or bool(sha256 and sha256.startswith(self.video))


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some whole lines of a picks file: those of one job, or, without a key, what stands around them.

    `comments` are those that a person wrote among the lines of a job, the last one behind its last line (`behind`).
    `name` is where in the text the job's key begins and ends.
    """

    text: str
    key: Key | None = None
    name: tuple[int, int] = (0, 0)
    comments: tuple[str, ...] = ()
    behind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """A picks file: what it says of each job, its text in pieces, and how far its entries are indented."""

    picks: Mapping[Key, Pick] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = (Piece(text=NEW),)
    indent: str = "  "

    def text(self) -> str:
        """Return the file."""
        return "".join(piece.text for piece in self.pieces)


def parse_picks(source: Source) -> tuple[Picks | None, tuple[Diagnostic, ...]]:
    """Return what a picks file says, or every reason why it cannot be used."""
    document, told = parse(source)
    if document is None:
        return None, told
    found = (*told, *faults(document))
    if found:
        return None, found
    value = document.value
    assert isinstance(value, dict)  # noqa: S101 - the parser sees to it
    entries = value.get("picks") or {}
    assert isinstance(entries, dict)  # noqa: S101 - the faults above see to it
    picks = {Key(key): _pick(entry) for key, entry in entries.items() if isinstance(entry, dict)}
    pieces = tuple(_pieces(document))
    first = next((piece.text for piece in pieces if piece.key), "  ")
    return Picks(picks=picks, pieces=pieces, indent=first[: len(first) - len(first.lstrip(" "))]), ()


def edited(picks: Picks, key: Key, pick: Pick) -> Picks:
    """Return the file with what is said of one job now; an empty pick takes its line away."""
    is_empty = pick == replace(Pick(), video=pick.video)
    at = len(picks.indent)
    new = Piece(text=line(key, pick, picks.indent), key=key, name=(at, at + len(_quoted(key))))
    pieces = list(_without(picks.pieces, key) if is_empty else _with(picks.pieces, new, picks.indent))
    others = {each: said for each, said in picks.picks.items() if each != key}
    return replace(picks, picks=others if is_empty else {**others, key: pick}, pieces=tuple(pieces))


def renamed(picks: Picks, names: Mapping[Key, Key]) -> Picks:
    """Return the file with jobs under new names, each where it stood; what is said of a new name already stays."""
    new = {key: to for key, to in names.items() if key in picks.picks and to not in picks.picks}
    pieces = tuple(_under(each, new[each.key]) if each.key in new else each for each in picks.pieces)
    return replace(picks, picks={new.get(key, key): pick for key, pick in picks.picks.items()}, pieces=pieces)


def _under(piece: Piece, key: Key) -> Piece:
    start, end = piece.name
    name = _quoted(key)
    return replace(
        piece, text=f"{piece.text[:start]}{name}{piece.text[end:]}", key=key, name=(start, start + len(name))
    )


def line(key: Key, pick: Pick, indent: str = "  ") -> str:
    """Return the one line that a job has in a picks file that we wrote."""
    told: dict[str, Json] = {"verdict": pick.verdict.value} if pick.verdict else {}
    told |= {name: text for name, text in (("note", pick.note), ("video", pick.video)) if text}
    return f"{indent}{_quoted(key)}: {_quoted(told)}\n"


def strangers(picks: Picks, known: Sequence[Key], place: str) -> tuple[Diagnostic, ...]:
    """Return a warning about picks of jobs that neither manifest nor lock knows, if there are any."""
    names = frozenset(known)
    found = [key for key in picks.picks if key not in names]
    if not found:
        return ()
    near = did_you_mean(found[0], known)
    return (
        Diagnostic(
            code="unknown-pick",
            message=f"nothing is known of {_some(found)}",
            place=place,
            help=f"did you mean `{near}`?" if near else "take it out, or give it the name of a job",
            severity=Severity.WARNING,
        ),
    )


def overtaken(picks: Picks, results: Mapping[Key, str | None], place: str) -> tuple[Diagnostic, ...]:
    """Return a warning about picks of videos that are not the result any more; `results` are sha256 sums."""
    found = [
        key
        for key, pick in picks.picks.items()
        if pick.verdict is Verdict.PICK and key in results and not pick.is_of(results[key])
    ]
    if not found:
        return ()
    return (
        Diagnostic(
            code="overtaken-pick",
            message=f"another video has taken the place of the one that was picked: {_some(found)}",
            place=place,
            help="look at the new one, and pick it or another; until then the pick holds nothing back",
            severity=Severity.WARNING,
        ),
    )


def _some(keys: Sequence[Key]) -> str:
    return f"{listed(keys[:3])}{f' and {len(keys) - 3} more' if keys[3:] else ''}"


def clean(note: str) -> str:
    """Return a note as a picks file can hold it: bounded, without characters that no text here may hold."""
    return UNSAFE.sub(" ", note)[:LONGEST_NOTE].strip()


def _pick(entry: Mapping[str, Json]) -> Pick:
    verdict, note, video = (entry.get(name) for name in FIELDS)
    return Pick(verdict=Verdict(verdict) if verdict else None, note=str(note or "").strip(), video=str(video or ""))


def _quoted(value: Json) -> str:
    """Return JSON on one line, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)


def _pieces(document: Document) -> Iterator[Piece]:
    """Yield the text in whole lines: those that a job's entry fills, and those between.

    Where there is no entry yet, the first piece ends with the line of `picks:`, for there the first one will stand.
    """
    text, root = document.source.text, document.root
    assert isinstance(root, MappingNode)  # noqa: S101 - the faults see to it
    node = root.entries.get("picks")
    if not isinstance(node, MappingNode):
        at = _line_end(text, root.keys["picks"].end)
        yield from (Piece(text=text[:at]), *_around(text[at:]))
        return
    at = 0
    for key, entry in sorted(node.entries.items(), key=lambda each: node.keys[each[0]].start):
        start = text.rfind("\n", 0, node.keys[key].start) + 1
        filled = start + len(text[start : max(entry.end, node.keys[key].end)].rstrip())
        end = _line_end(text, filled)
        yield from _around(text[at:start])
        behind = _BEHIND.fullmatch(text[filled:end].rstrip())
        assert isinstance(entry, MappingNode)  # noqa: S101 - the faults see to it
        comments = tuple(_comments(text, entry, node.keys[key].end, filled))
        yield Piece(
            text=text[start:end],
            key=Key(key),
            name=(node.keys[key].start - start, node.keys[key].end - start),
            comments=comments,
            behind=behind[0] if behind else "",
        )
        at = end
    yield from _around(text[at:])


def _comments(text: str, entry: MappingNode, start: int, end: int) -> Iterator[str]:
    """Yield the comments between the scalars of an entry, where alone there can be any."""
    scalars = {(each.start, each.end) for each in (*entry.keys.values(), *entry.entries.values())}
    for first, last in (*sorted(each for each in scalars if each[0] >= start), (end, end)):
        yield from (found[0].strip() for found in _COMMENT.finditer(text, start, max(start, first)))
        start = max(start, last)


def _around(text: str) -> tuple[Piece, ...]:
    return (Piece(text=text),) if text else ()


def _line_end(text: str, at: int) -> int:
    """Return where the line ends in which a place lies, its line break included."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _without(pieces: Sequence[Piece], key: Key) -> Iterator[Piece]:
    return (piece for piece in pieces if piece.key != key)


def _with(pieces: Sequence[Piece], new: Piece, indent: str) -> Iterator[Piece]:
    """Yield the pieces with one in place of that of its job; a new one stands before the first greater key."""
    names, key = [piece.key or "" for piece in pieces], new.key or ""
    if key in names:
        at = names.index(key)
        old = pieces[at]
        yield from (*pieces[:at], *_around("".join(f"{indent}{comment}\n" for comment in old.comments)))
        yield from (replace(new, text=f"{new.text[:-1]}{old.behind}\n", behind=old.behind), *pieces[at + 1 :])
        return
    greater = next((at for at, name in enumerate(names) if name > key), None)
    last = max((at for at, name in enumerate(names) if name), default=0)
    before = pieces[: last + 1 if greater is None else greater]
    yield from (*map(_ended, before[:-1]), *_parted(_ended(before[-1]), new, is_followed=greater is not None))
    yield from pieces[len(before) :]


def _parted(before: Piece, new: Piece, *, is_followed: bool) -> Iterator[Piece]:
    """Yield a new piece behind another, but above the comment lines at its end if those are about what follows."""
    about = _ABOVE.search(before.text) if is_followed and not before.key else None
    at = about.start() if about else len(before.text)
    yield from (*_around(before.text[:at]), new, *_around(before.text[at:])) if about else (before, new)


def _ended(piece: Piece) -> Piece:
    return piece if piece.text.endswith("\n") else replace(piece, text=f"{piece.text}\n")
