"""Which takes people chose: `<manifest>.picks.yaml`, owned by people, edited by us one line at a time.

A picks file is read as pieces of its own text. An edit replaces or adds the one piece that it is about, so that what a
person wrote beside it, comments and order too, stays byte for byte, and git merges picks of different jobs.
"""

import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kling_batch.job import Json, Key
from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.document import Document, parse
from kling_batch.text.guard import UNSAFE
from kling_batch.text.node import Mapping as MappingNode
from kling_batch.text.render import did_you_mean, listed
from kling_batch.text.source import Source

SUFFIX = ".picks.yaml"
VIDEO_DIGITS = 12  # of a video's sha256
LONGEST_NOTE = 2000
NEW = """\
# Which takes were chosen, and why. `kling-batch review --serve` writes it, and so may you; commit it.
# One line a job: verdict is `pick` or `reject`, video the first 12 digits of the sha256 of the one that was looked at.
picks:
"""
_FIELDS = ("verdict", "note", "video")
_VERDICTS = ("pick", "reject")


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
    """Some whole lines of a picks file: those of one job, or, without a key what stands around them."""

    text: str
    key: Key | None = None


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
    found = (*told, *_faults(document))
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
    pieces = list(
        _without(picks.pieces, key)
        if is_empty
        else _with(picks.pieces, Piece(text=line(key, pick, picks.indent), key=key))
    )
    others = {each: said for each, said in picks.picks.items() if each != key}
    return replace(picks, picks=others if is_empty else {**others, key: pick}, pieces=tuple(pieces))


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
            message=f"nothing is known of {listed(found[:3])}{f' and {len(found) - 3} more' if found[3:] else ''}",
            place=place,
            help=f"did you mean `{near}`?" if near else "renamed jobs have their picks under the old name",
            severity=Severity.WARNING,
        ),
    )


def clean(note: str) -> str:
    """Return a note as a picks file can hold it: bounded, without characters that no text here may hold."""
    return UNSAFE.sub(" ", note)[:LONGEST_NOTE].strip()


def _pick(entry: Mapping[str, Json]) -> Pick:
    verdict, note, video = (entry.get(name) for name in _FIELDS)
    return Pick(verdict=Verdict(verdict) if verdict else None, note=str(note or ""), video=str(video or ""))


def _quoted(value: Json) -> str:
    """Return JSON on one line, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)


def _pieces(document: Document) -> Iterator[Piece]:
    """Yield the text in whole lines: those that a job's entry fills, and those between."""
    text, root = document.source.text, document.root
    assert isinstance(root, MappingNode)  # noqa: S101 - the faults see to it
    node = root.entries.get("picks")
    at = 0
    for key, (start, end) in _extents(text, node).items() if isinstance(node, MappingNode) else ():
        yield from _around(text[at:start])
        yield Piece(text=text[start:end], key=key)
        at = end
    yield from _around(text[at:])


def _around(text: str) -> tuple[Piece, ...]:
    return (Piece(text=text),) if text else ()


def _extents(text: str, node: MappingNode) -> dict[Key, tuple[int, int]]:
    """Return where the lines of each entry begin and end, by their place in the text."""
    found = {}
    for name in sorted(node.entries, key=lambda name: node.keys[name].start):
        start = text.rfind("\n", 0, node.keys[name].start) + 1
        filled = len(text[: max(node.entries[name].end, node.keys[name].end)].rstrip())
        end = text.find("\n", filled)
        found[Key(name)] = start, len(text) if end < 0 else end + 1
    return found


def _without(pieces: Sequence[Piece], key: Key) -> Iterator[Piece]:
    return (piece for piece in pieces if piece.key != key)


def _with(pieces: Sequence[Piece], new: Piece) -> Iterator[Piece]:
    """Yield the pieces with one in place of that of its job; a new one stands before the first greater key."""
    names, key = [piece.key or "" for piece in pieces], new.key or ""
    if key in names:
        at = names.index(key)
        yield from (*pieces[:at], new, *pieces[at + 1 :])
        return
    greater = next((at for at, name in enumerate(names) if name > key), None)
    last = max((at for at, name in enumerate(names) if name), default=len(names) - 1)
    at = last + 1 if greater is None else greater
    yield from (*map(_ended, pieces[:at]), new, *pieces[at:])


def _ended(piece: Piece) -> Piece:
    return piece if piece.text.endswith("\n") else replace(piece, text=f"{piece.text}\n")


def _faults(document: Document) -> Iterator[Diagnostic]:
    """Yield what keeps a picks file from being used, or from being edited line by line."""
    root = document.root
    assert isinstance(root, MappingNode)  # noqa: S101 - the parser sees to it
    for name in root.entries:
        if name != "picks":
            yield _unknown(document, (name,), name, ("picks",), "a picks file")
    match root.entries.get("picks"):
        case MappingNode() as node:
            yield from _layout(document, node)
            for key in node.entries:
                yield from _entry_faults(document, key, node.entries[key].value)
        case None if not root.entries:
            yield Diagnostic(
                code="no-picks",
                message="a picks file has the key `picks`",
                span=document.span(()),
                help='write `picks:`, and under it a line such as `"hero#1": {"verdict": "pick"}`',
            )
        case node if node is not None and node.value is not None:
            yield Diagnostic(
                code="wrong-type",
                message="`picks` is a mapping, one line a job",
                span=document.span(("picks",)),
                help='such as `"hero#1": {"verdict": "pick"}`',
            )
        case _:
            return


def _layout(document: Document, node: MappingNode) -> Iterator[Diagnostic]:
    """Yield a complaint where an entry does not begin its own line: such a file cannot be edited by lines."""
    text = document.source.text
    if not node.entries:
        yield Diagnostic(
            code="not-a-line",
            message="there is no room for lines in `{}`",
            span=document.span(("picks",)),
            help="write `picks:` alone",
        )
    for name, key in node.keys.items():
        is_here = node.start <= key.start < node.end  # a merge key brings entries from elsewhere
        if not is_here or text[text.rfind("\n", 0, key.start) + 1 : key.start].strip(" "):
            yield Diagnostic(
                code="not-a-line",
                message=f"the pick of `{name}` does not begin a line",
                span=document.key_span(("picks", name)),
                help="write each job on a line of its own, below `picks:`",
            )
            return


def _entry_faults(document: Document, key: str, entry: Json) -> Iterator[Diagnostic]:
    path = ("picks", key)
    if not isinstance(entry, dict):
        yield Diagnostic(
            code="wrong-type",
            message="what is said of a take is a mapping",
            span=document.span(path),
            help='such as `{"verdict": "pick", "note": "the best light"}`',
        )
        return
    for name, value in entry.items():
        if name not in _FIELDS:
            yield _unknown(document, (*path, name), name, _FIELDS, "a pick")
        elif name == "verdict" and value not in _VERDICTS:
            yield Diagnostic(
                code="unknown-verdict",
                message=f"`{value}` is no verdict",
                span=document.span((*path, name)),
                help=f"a verdict is {listed(_VERDICTS, last='or')}",
            )
        elif not isinstance(value, str):
            yield Diagnostic(
                code="wrong-type",
                message=f"`{name}` is text",
                span=document.span((*path, name)),
                help="put it in quotes",
            )


def _unknown(document: Document, path: tuple[str, ...], name: str, known: Sequence[str], thing: str) -> Diagnostic:
    near = did_you_mean(name, known)
    return Diagnostic(
        code="unknown-key",
        message=f"`{name}` is not a key of {thing}",
        span=document.key_span(path),
        label=f"did you mean `{near}`?" if near else "",
        help=f"{thing} has {'the keys' if len(known) > 1 else 'the key'} {listed(known)}",
    )
