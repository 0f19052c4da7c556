"""Diagnostics for programs."""

from kling_batch.report.complaints import complaints_github, complaints_json
from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.source import Source, Span

SOURCE = Source("manifests/dawn.yaml", "shots:\n  promt: x\n")
UNKNOWN = Diagnostic(
    code="unknown-key",
    message="`promt` is not a key",
    span=Span(source=SOURCE, start=9, end=14),
    label="did you mean `prompt`?",
    help="100 %",
)
PLACED = Diagnostic(code="empty", message="nothing\nhere", place="a,b:c.yaml", severity=Severity.WARNING)
BARE = Diagnostic(code="empty", message="nothing")


def test_the_json_has_the_place_counted_from_one() -> None:
    assert complaints_json([UNKNOWN, BARE]) == [
        {
            "code": "unknown-key",
            "severity": "error",
            "message": "`promt` is not a key",
            "file": "manifests/dawn.yaml",
            "line": 2,
            "column": 3,
            "label": "did you mean `prompt`?",
            "help": "100 %",
        },
        {
            "code": "empty",
            "severity": "error",
            "message": "nothing",
            "file": None,
            "line": None,
            "column": None,
            "label": "",
            "help": "",
        },
    ]


def test_github_gets_one_escaped_command_a_line() -> None:
    assert complaints_github([UNKNOWN, PLACED, BARE]).splitlines() == [
        (
            "::error file=manifests/dawn.yaml,line=2,col=3,title=unknown-key::"
            "`promt` is not a key; did you mean `prompt`?; 100 %25"
        ),
        r"::warning file=a%2Cb%3Ac.yaml,title=empty::nothing\nhere",
        "::error title=empty::nothing",
    ]
