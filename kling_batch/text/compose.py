"""Events become nodes, from the leaves up and without recursion; every bound is kept before anything is built.

Aliases share the node that they name. What they would expand to is counted arithmetically: a node's size is the sum of
its parts, so nine lines that mean a thousand million values are refused after nine additions.
"""

import re
from dataclasses import dataclass, field

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.entries import mapping
from kling_batch.text.guard import UNSAFE, unsafe
from kling_batch.text.inner import stretch
from kling_batch.text.node import Node, Scalar, Sequence
from kling_batch.text.plain import plain
from kling_batch.text.scalar import resolve
from kling_batch.text.source import Source, Span

MAX_DEPTH = 64
TOO_DEEP = f"more than {MAX_DEPTH} levels of nesting"
MAX_NODES = 200_000
MAX_ANCHORS = 1_000
MAX_FAULTS = 100

_CORE = "tag:yaml.org,2002:"
_TAGS = {"!", *(_CORE + name for name in ("str", "int", "float", "bool", "null", "map", "seq"))}
_NAMES: dict[type, str] = {int: "int", float: "float", bool: "bool", type(None): "null", str: "str"}
_PROPERTIES = re.compile(r"(?:[&!][^\s\[\]{},]*(?:\s|#.*)*)*")
_TAG = re.compile(r"![^\s\[\]{},]*")


@dataclass(slots=True)
class _Open:
    """A collection that is not closed yet; a mapping's children are keys and values by turns."""

    start: int
    anchor: str | None
    is_mapping: bool
    is_template: bool
    children: list[Node] = field(default_factory=list)


class Composer:
    """Takes the events of one document, in order; `root` is its node, `faults` what is wrong with it.

    Once it `is_over`, a bound is broken and no further event may come.
    """

    def __init__(self, source: Source) -> None:
        self.root: Node | None = None
        self.faults: list[Diagnostic] = []
        self.is_over = False
        self._source = source
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # `None` while the anchored node is still open
        self._anchored = 0
        self._nodes = 0
        self._templates: set[int] = set()

    def keep(self, *faults: Diagnostic) -> None:
        """Take complaints; a text with very many is not read to its end."""
        self.faults.extend(faults[: MAX_FAULTS - len(self.faults)])
        self.is_over = self.is_over or len(self.faults) >= MAX_FAULTS

    def open(self, start: int, *, is_mapping: bool, is_flow: bool, anchor: str | None, tag: str | None) -> None:
        """Begin a list or a mapping, at the offset of its properties; `is_flow` if it stands in brackets."""
        start = self._content(start, len(self._source.text), anchor, tag)
        if len(self._open) >= MAX_DEPTH:
            self._stop("too-deep", TOO_DEEP, start)
        self._count(1, start)
        if tag not in {None, "!", _CORE + ("map" if is_mapping else "seq")}:
            self._tell_tag(tag or "", start, "map" if is_mapping else "seq")
        is_template = is_flow and is_mapping and self._is_template(start)
        self._open.append(_Open(start=start, anchor=anchor, is_mapping=is_mapping, is_template=is_template))

    def close(self, end: int | None) -> None:
        """End the innermost list or mapping; `end` is the offset behind its bracket, `None` for one without."""
        done = self._open.pop()
        last = end if end is not None else max((each.end for each in done.children[-1:]), default=done.start)
        if done.is_mapping:
            node, faults = mapping(self._source, (done.start, last), done.children, self._templates)
            self.keep(*(() if done.is_template else faults))
            self._add(node, done.anchor)
        else:
            self._add(_sequence(done, last), done.anchor)

    def scalar(self, start: int, end: int, text: str, *, style: str, anchor: str | None, tag: str | None) -> None:
        """Take a leaf: where it stands, its properties included, and its text without quotes."""
        start = self._content(start, end, anchor, tag)
        self._count(1, start)
        value = self._value(start, end, text, None if tag is None and style else tag or "")
        node = Scalar(start, end, style, text, value)
        if style == '"' and (found := UNSAFE.search(text)):
            at = stretch(self._source.text, node, found.start(), 1)
            self.keep(unsafe(self._span(*at), found[0]))
        self._add(node, anchor)

    def alias(self, start: int, end: int, name: str) -> None:
        """Take a `*name`: the node that `&name` stands before, shared and not copied."""
        node = self._anchors.get(name)
        if node is None:
            self._tell_alias(start, end, name)
            node = Scalar(start, end, "", "", None)
        self._count(node.size, start)
        if len(self._open) + node.height > MAX_DEPTH:
            self._stop("too-deep", f"`*{plain(name)}` makes more than {MAX_DEPTH} levels of nesting", start)
        self._add(node, None)

    def _span(self, start: int, end: int) -> Span:
        return Span(source=self._source, start=start, end=end)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node

    def _content(self, start: int, end: int, anchor: str | None, tag: str | None) -> int:
        """Take note of an anchor, refuse a foreign tag, and return the offset behind them."""
        if anchor is None and tag is None:
            return start
        if anchor is not None:
            self._anchors[anchor] = None
            self._anchored += 1
            if self._anchored > MAX_ANCHORS:
                self._stop("too-many-anchors", f"more than {MAX_ANCHORS:,} anchors", start)
        if tag is not None and tag not in _TAGS:
            self._tell_foreign(tag, start)
        properties = _PROPERTIES.match(self._source.text, start, end)
        return properties.end() if properties else start

    def _value(self, start: int, end: int, text: str, tag: str | None) -> Json:
        """Return what a leaf means; `tag` is `None` where quotes made it text and empty where nothing is said."""
        if tag in {None, "!", _CORE + "str"}:
            return text
        try:
            value = resolve(text)
        except OverflowError:
            fault = Diagnostic(
                code="number-out-of-range",
                message="the number is not finite, or takes more than 64 bits",
                span=self._span(start, end),
                help="quote it if it is a name and not a number",
            )
            self.keep(fault)
            return 0
        kind = _NAMES[type(value)]
        if tag == _CORE + "float" and isinstance(value, int):
            return float(value)
        if tag in _TAGS and tag != _CORE + kind:
            self._tell_tag(tag or "", start, kind)
        return value

    def _stop(self, code: str, message: str, start: int, help: str = "") -> None:  # noqa: A002 - the field's own name
        self.keep(Diagnostic(code=code, message=message, span=self._span(start, start + 1), help=help))
        self.is_over = True

    def _count(self, more: int, start: int) -> None:
        self._nodes += more
        if self._nodes > MAX_NODES and not self.is_over:
            message = f"more than {MAX_NODES:,} keys and values, what aliases repeat counted too"
            self._stop("too-many-nodes", message, start, "keep long lists in a data file that an axis is read `from`")

    def _tell_foreign(self, tag: str, start: int) -> None:
        at = _TAG.search(self._source.text, start)
        fault = Diagnostic(
            code="foreign-tag",
            message=f"`{plain(tag.replace(_CORE, '!!'))}` is not a tag that means anything here",
            span=self._span(*at.span()) if at else self._span(start, start + 1),
            help="a manifest is data and runs nothing; quote a text that begins with `!`",
        )
        self.keep(fault)

    def _tell_tag(self, tag: str, start: int, kind: str) -> None:
        if tag in _TAGS:
            message = f"`{tag.replace(_CORE, '!!')}` does not fit: this is `!!{kind}`"
            self.keep(Diagnostic(code="wrong-tag", message=message, span=self._span(start, start + 1)))

    def _is_template(self, start: int) -> bool:
        """Say whether a mapping is an unquoted `{{ name }}`, to YAML a mapping in a mapping, and tell it once."""
        text = self._source.text
        is_inner = start - 1 in self._templates
        if not is_inner and not text.startswith("{{", start):
            return False
        self._templates.add(start)
        if is_inner:
            return True
        line = text[start:].split("\n", 1)[0]
        end = start + line.find("}}") + 2
        fault = Diagnostic(
            code="unquoted-template",
            message="a value that begins with `{` is a mapping, not a template",
            span=self._span(start, max(end, start + 2)),
            label="quote it",
            help='quote templates: `"{{ name }}"`',
        )
        self.keep(fault)
        return True

    def _tell_alias(self, start: int, end: int, name: str) -> None:
        shown = plain(name)
        is_open = name in self._anchors
        fault = Diagnostic(
            code="recursive-alias" if is_open else "unknown-alias",
            message=f"`*{shown}` stands inside what `&{shown}` names" if is_open else f"no value is named `&{shown}`",
            span=self._span(start, end),
            help="" if is_open else f"write `&{shown}` before a value above, or quote the text",
        )
        self.keep(fault)


def _sequence(done: _Open, end: int) -> Sequence:
    size = 1 + sum(each.size for each in done.children)
    height = 1 + max((each.height for each in done.children), default=0)
    return Sequence(done.start, end, done.children, [each.value for each in done.children], size, height)
