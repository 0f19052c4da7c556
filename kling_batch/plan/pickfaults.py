"""What keeps a picks file from being used, or from being edited line by line."""

from collections.abc import Iterator, Sequence

from kling_batch.job import Json
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Document
from kling_batch.text.node import Mapping as MappingNode
from kling_batch.text.node import Scalar
from kling_batch.text.render import did_you_mean, listed

FIELDS = ("verdict", "note", "video")
VERDICTS = ("pick", "reject")


def faults(document: Document) -> Iterator[Diagnostic]:
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
        case Scalar(value=None) as node if node.start < node.end:
            yield Diagnostic(
                code="not-a-line",
                message="there is no room for lines behind a written-out null",
                span=document.span(("picks",)),
                help="write `picks:` alone",
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
    if text.startswith("{", node.start):
        yield Diagnostic(
            code="not-a-line",
            message="there is no room for lines in braces",
            span=document.span(("picks",)),
            help="write `picks:` alone, and below it each job on a line of its own",
        )
        return
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
        if name not in FIELDS:
            yield _unknown(document, (*path, name), name, FIELDS, "a pick")
        elif name == "verdict" and value not in VERDICTS:
            yield Diagnostic(
                code="unknown-verdict",
                message=f"`{value}` is no verdict",
                span=document.span((*path, name)),
                help=f"a verdict is {listed(VERDICTS, last='or')}",
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
