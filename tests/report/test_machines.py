"""What other programs read: SARIF for code scanning, JUnit for a CI, CSV for a spreadsheet."""

import csv
import io
import xml.etree.ElementTree as ET
from decimal import Decimal

from kling_batch.events import Failure
from kling_batch.job import Key, SpecHash
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.record import Record, State
from kling_batch.report.junit import statuses_junit
from kling_batch.report.sarif import complaints_sarif
from kling_batch.report.status import Status, status_csv
from kling_batch.report.together import stacked
from kling_batch.text.diagnostic import Diagnostic, Severity
from kling_batch.text.source import Source, Span

SOURCE = Source("films/a b.yaml", "version: 1\nproject: 映画 x\n")


def change(key: str, state: State, action: Action = Action.KEEP, message: str = "") -> Change:
    failure = Failure(kind="rejected", code="policy", message=message) if message else None
    record = Record(spec=SpecHash("v1:0"), parts=("a", "-", "b", "-"), state=state, failure=failure, spent=Decimal(1))
    return Change(key=Key(key), action=action, because="as it is", record=record)


def status(*changes: Change) -> Status:
    orphans = tuple(each for each in changes if each.action is Action.ORPHAN)
    jobs = tuple(each for each in changes if each.action is not Action.ORPHAN)
    return Status(manifest="films/a.yaml", lock="l", jobs=jobs, orphans=orphans, billed=Decimal(3), left=Decimal(0))


def test_a_complaint_has_its_rule_level_and_place() -> None:
    span = Span(source=SOURCE, start=SOURCE.text.index("x"), end=SOURCE.text.index("x") + 1)
    told = complaints_sarif(
        [
            Diagnostic(code="bad", message="this is wrong", span=span, help="write y"),
            Diagnostic(code="odd", message="odd\x1b[0m", place="films/b.yaml", severity=Severity.WARNING),
            Diagnostic(code="bad", message="everywhere"),
        ],
        "1.2",
    )

    run = told["runs"][0]
    first, second, third = run["results"]
    assert told["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"] == [{"id": "bad"}, {"id": "odd"}]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("bad", 0, "error")
    assert first["message"]["text"] == "this is wrong; write y"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "films/a%20b.yaml"
    assert place["region"] == {"startLine": 2, "startColumn": 13, "endLine": 2, "endColumn": 14}
    assert (second["level"], second["message"]["text"]) == ("warning", "odd\\x1b[0m")
    assert "region" not in second["locations"][0]["physicalLocation"]
    assert "locations" not in third


def test_nothing_to_complain_about_is_a_run_without_results() -> None:
    assert complaints_sarif([], "1")["runs"][0]["results"] == []


def test_an_option_of_the_command_line_is_no_file() -> None:
    span = Span(source=Source("--where", "lagn"), start=0, end=4)

    told = complaints_sarif([Diagnostic(code="undefined-name", message="m", span=span)], "1")

    assert "locations" not in told["runs"][0]["results"][0]


def test_a_job_is_a_test_case() -> None:
    text = statuses_junit(
        [
            status(
                change("hero/n=1#1", State.DONE),
                change("hero/n=2#1", State.FAILED, message="no \x00\ud800violence & <b>"),
                change("hero/n=3#1", State.UNSURE),
                change("pour#1", State.PENDING),
                change("gone#1", State.DONE, Action.ORPHAN),
            )
        ]
    )

    suite = ET.fromstring(text)[0]  # noqa: S314 - our own text
    done, failed, unsure, pending = suite
    assert suite.attrib == {"name": "films/a.yaml", "tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert (done.get("classname"), done.get("name"), len(done)) == ("hero", "hero/n=1#1", 0)
    assert failed[0].attrib == {"message": "no violence & <b> (policy)", "type": "rejected"}
    assert (unsure[0].tag, unsure[0].get("type")) == ("error", "unsure")
    assert pending[0].tag == "skipped"


def test_a_status_is_a_table_without_formulas() -> None:
    text = status_csv(
        status(change("hero#1", State.FAILED, message="=HYPERLINK(1)"), change("x#1", State.DONE, Action.ORPHAN))
    )

    first, second = csv.DictReader(io.StringIO(text))
    assert (first["key"], first["state"], first["usd"], first["orphan"]) == ("hero#1", "failed", "1", "false")
    assert (first["error_class"], first["error_message"]) == ("rejected", "'=HYPERLINK(1)")
    assert (second["orphan"], second["task"]) == ("true", "")


def test_tables_are_stacked_under_all_their_columns() -> None:
    text = stacked([("a.yaml", 'key,lang\nx,"de\nat"\n'), ("b.yaml", "key,look\ny,warm\n")])

    assert list(csv.DictReader(io.StringIO(text))) == [
        {"manifest": "a.yaml", "key": "x", "lang": "de\nat", "look": ""},
        {"manifest": "b.yaml", "key": "y", "lang": "", "look": "warm"},
    ]
    assert stacked([("a.yaml", "key\nx\n")]) == "key\nx\n"
