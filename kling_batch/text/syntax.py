"""What the YAML parser could not read, said in words about the text: what stands there, and what would be right.

The parser tells a problem of its own grammar. Which mistake makes it is known from what people write: a table, first
match wins, from the parser's words and the character they point at. The words are those of libyaml, with those of
PyYAML's own parser beside them where they differ.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from kling_batch.text.compose import TOO_DEEP
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.plain import plain
from kling_batch.text.source import Source, Span

_TEMPLATE = re.compile(r"(?:^|[:\-,\[?])\s*(\{[{%#][^\n]*)")
_KEY = re.compile(r"\s*(?:- +)*([^\s'\"#\[{&*!|>-][^:]*): ")
_INDICATORS = ("@", "`", "%")
_QUOTE = 'quote it: `"..."`, or put the text below a `|`'


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The parser's own report: the problem and where it shows, what was being read and where that began."""

    source: Source
    problem: str
    at: int
    context: str
    since: int

    @property
    def character(self) -> str:
        """The character that the problem shows at, empty at the end of the text."""
        return self.source.text[self.at : self.at + 1]

    @property
    def line(self) -> str:
        """The line that the problem shows on."""
        return self.source.line(self.source.position(self.at)[0])

    def told(self, code: str, message: str, start: int, end: int, label: str = "", help: str = "") -> Diagnostic:  # noqa: A002 - the field's name
        """Return a diagnostic about the text between two offsets."""
        span = Span(source=self.source, start=start, end=end)
        return Diagnostic(code=code, message=message, span=span, label=label, help=help)


def explain(trouble: Trouble) -> Diagnostic:
    """Return the parser's report as a diagnostic."""
    for problem, reading in _READINGS:
        if problem in trouble.problem and (found := reading(trouble)):
            return found
    return trouble.told("yaml-syntax", f"YAML cannot read this: {plain(trouble.problem)}", trouble.at, trouble.at + 1)


def _template(trouble: Trouble) -> Diagnostic | None:
    column = trouble.source.position(trouble.at)[1] - 1
    found = _TEMPLATE.search(trouble.line)
    if found is None or found.start(1) > column:
        return None
    start = trouble.at - column + found.start(1)
    message = "a value that begins with `{` is a mapping, not a template"
    return trouble.told("unquoted-template", message, start, start + 2, "quote it", 'quote templates: `"{{ name }}"`')


def _tab(trouble: Trouble) -> Diagnostic | None:
    if trouble.character != "\t":
        return None
    end = trouble.at + len(trouble.source.text[trouble.at :]) - len(trouble.source.text[trouble.at :].lstrip("\t"))
    return trouble.told(
        "tab-indentation",
        "YAML takes no tab here",
        trouble.at,
        end,
        "write spaces",
        "indent with spaces; an editor can be told to insert them",
    )


def _special(trouble: Trouble) -> Diagnostic | None:
    return _unquoted(trouble, trouble.at) if trouble.character in _INDICATORS else None


def _block_in_brackets(trouble: Trouble) -> Diagnostic:
    message = f"inside of brackets no text begins with `{plain(trouble.character)}`"
    return trouble.told("unquoted-text", message, trouble.at, trouble.at + 1, help='quote it: `"..."`')


def _colon_in_brackets(trouble: Trouble) -> Diagnostic:
    message = "inside of brackets a text that ends with `:` has to be quoted"
    return trouble.told("unquoted-text", message, trouble.at, trouble.at + 1, help='quote it: `"..."`')


def _directive(trouble: Trouble) -> Diagnostic:
    start = trouble.source.text.rfind("%", 0, trouble.at + 1)
    return trouble.told(
        "yaml-syntax", "this YAML directive means nothing here", start, start + 1, help="remove the line"
    )


def _nameless(trouble: Trouble) -> Diagnostic:
    """Explain an anchor or an alias without a name: a text that begins with `&` or `*`."""
    return _unquoted(trouble, trouble.since)


def _unquoted(trouble: Trouble, at: int) -> Diagnostic:
    character = trouble.source.text[at]
    shown = "a backtick" if character == "`" else f"`{character}`"
    return trouble.told(
        "unquoted-text", f"a text cannot begin with {shown} unless it is quoted", at, at + 1, help=_QUOTE
    )


def _tag(trouble: Trouble) -> Diagnostic | None:
    if "a tag" not in trouble.context and "tag handle" not in trouble.problem:
        return None
    at = trouble.source.text.rfind("!", 0, trouble.at + 1)
    help_ = "a manifest is data and runs nothing; quote a text that begins with `!`"
    return trouble.told("foreign-tag", "this is not a tag that means anything here", at, at + 1, help=help_)


def _no_node(trouble: Trouble) -> Diagnostic:
    if not trouble.character:
        help_ = "what they hold is separated by `,` and ends with `]` or `}`"
        return trouble.told("unclosed-bracket", "the text ends inside of brackets", trouble.at, trouble.at, help=help_)
    message = f"nothing can begin with `{plain(trouble.character)}` here"
    return trouble.told("unquoted-text", message, trouble.at, trouble.at + 1, help=_QUOTE)


def _second_colon(trouble: Trouble) -> Diagnostic | None:
    found = _KEY.match(trouble.line)
    if found is None or ": " not in f"{trouble.line[found.end() :]} ":
        return None
    message = "a text that holds `: ` has to be quoted"
    return trouble.told(
        "unquoted-text", message, trouble.at, trouble.at + 1, help=f'quote it: `{plain(found[1])}: "..."`'
    )


def _misplaced(trouble: Trouble) -> Diagnostic:
    start, end = _words(trouble)
    return trouble.told(
        "bad-indentation",
        "this line does not fit the lines above it",
        start,
        end,
        help="keys of one mapping, and items of one list, begin at the same column",
    )


def _words(trouble: Trouble) -> tuple[int, int]:
    """Return where the words of the line begin, and where the problem is on it at the latest."""
    start = trouble.at - trouble.source.position(trouble.at)[1] + 1
    first = start + len(trouble.line) - len(trouble.line.lstrip())
    return first, max(trouble.at, first + 1)


def _after_quote(trouble: Trouble) -> Diagnostic | None:
    before = trouble.source.text[: trouble.at].rstrip(" ")
    if not before.endswith(("'", '"')) or "\n" in trouble.source.text[len(before) : trouble.at]:
        return None
    opening = _opening(before)
    first, last = trouble.source.position(opening)[0], trouble.source.position(len(before) - 1)[0]
    if first != last:
        message = f"this `{before[-1]}` is closed only on line {last}, by the next quote"
        return trouble.told("unclosed-quote", message, opening, opening + 1, help=_closing(before[-1]))
    return trouble.told(
        "unquoted-text",
        "a quoted text ends at its second quote, and something follows",
        trouble.at,
        trouble.at + 1,
        help=_INNER_QUOTES,
    )


_INNER_QUOTES = "quote the whole text; inside of single quotes a quote is written `''`, inside of double ones `\\\"`"


def _opening(text: str) -> int:
    """Return where the quoted text begins that a text ends with; a quote inside of it is escaped or doubled."""
    quote, at = text[-1], len(text) - 1
    while (at := text.rfind(quote, 0, at)) > 0:
        if quote == "'" and text[at - 1] == "'":
            at -= 1
        elif not (quote == '"' and text[at - 1] == "\\"):
            break
    return max(at, 0)


def _closing(quote: str) -> str:
    inner = "''" if quote == "'" else '\\"'
    return f"end the text with `{quote}`; inside of it a `{quote}` is written `{inner}`"


def _unclosed_quote(trouble: Trouble) -> Diagnostic:
    quote = trouble.source.text[trouble.since]
    message = f"this `{quote}` has no second one"
    return trouble.told("unclosed-quote", message, trouble.since, trouble.since + 1, help=_closing(quote))


def _unclosed_bracket(trouble: Trouble) -> Diagnostic:
    opening = trouble.source.text[trouble.since]
    closing = "]" if opening == "[" else "}"
    opened, told = trouble.source.position(trouble.since)[0], trouble.source.position(trouble.at)[0]
    if opened != told or not trouble.character:
        return trouble.told(
            "unclosed-bracket",
            f"this `{opening}` has no `{closing}`",
            trouble.since,
            trouble.since + 1,
            help=f"what it holds is separated by `,` and ends with `{closing}`",
        )
    return trouble.told(
        "unclosed-bracket",
        f"here `,` or `{closing}` is missing",
        trouble.at,
        trouble.at + 1,
        help="quote a text that holds `,`, `[`, `]`, `{` or `}`",
    )


def _escape(trouble: Trouble) -> Diagnostic:
    start = trouble.source.text.rfind("\\", 0, trouble.at + 1)
    shown = plain(trouble.source.text[start : start + 2])
    help_ = "write `\\\\` for a backslash, or use single quotes, in which it is a character like any other"
    if "Unicode" in trouble.problem:
        help_ = "write the character itself; a `\\u` escape cannot be half of a surrogate pair"
    return trouble.told("bad-escape", f"`{shown}` begins no character here", start, start + 2, help=help_)


def _no_colon(trouble: Trouble) -> Diagnostic:
    line = trouble.source.line(trouble.source.position(trouble.since)[0])
    length = min(len(line), trouble.source.text.find("\n", trouble.since) - trouble.since)
    return trouble.told(
        "missing-colon",
        "this is neither a key nor part of the value above",
        trouble.since,
        trouble.since + max(length, 1),
        help="write `name: value`; indent what goes on a line above it",
    )


def _block_header(trouble: Trouble) -> Diagnostic:
    return trouble.told(
        "unquoted-text",
        "behind `|` and `>` the line ends; the text begins below",
        trouble.at,
        trouble.at + 1,
        help=_QUOTE,
    )


def _list_in_line(trouble: Trouble) -> Diagnostic:
    return trouble.told(
        "unquoted-text",
        "a list does not begin on the line of its key",
        trouble.at,
        trouble.at + 1,
        help="put each `- item` on a line of its own, write `[a, b]`, or quote a text that begins with `-`",
    )


def _too_deep(trouble: Trouble) -> Diagnostic:
    """Explain what libyaml 0.2.6 and newer gives up at by itself; older ones go on, and `compose` tells the same."""
    return trouble.told("too-deep", TOO_DEEP, trouble.at, trouble.at + 1)


_READINGS: tuple[tuple[str, Callable[[Trouble], Diagnostic | None]], ...] = (
    ("maximum nesting depth", _too_deep),
    ("", _template),
    ("found a tab character", _tab),
    ("cannot start any token", _tab),
    ("cannot start any token", _special),
    ("cannot start any token", _block_in_brackets),
    ("unexpected ':'", _colon_in_brackets),
    ("directive", _directive),
    ("incompatible YAML document", _directive),
    ("mapping values are not allowed", _second_colon),
    ("mapping values are not allowed", _misplaced),
    ("sequence entries are not allowed", _list_in_line),
    ("unexpected end of stream", _unclosed_quote),
    ("unexpected document indicator", _unclosed_quote),
    ("expected ',' or", _unclosed_bracket),
    ("escape", _escape),
    ("hexdecimal", _escape),
    ("could not find expected ':'", _no_colon),
    ("comment or line break", _block_header),
    ("a comment or a line break", _block_header),
    ("chomping or indentation", _block_header),
    ("expected alphabetic or numeric character", _nameless),
    ("", _tag),
    ("node content", _no_node),
    ("did not find expected key", _after_quote),
    ("expected <block end>", _after_quote),
    ("did not find expected key", _misplaced),
    ("did not find expected '-' indicator", _misplaced),
    ("expected <block end>", _misplaced),
    ("<document start>", _misplaced),
)
