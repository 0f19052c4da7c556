"""The gallery as data and as a page, without a browser: what a card tells, and that no text gets out of its place."""

import dataclasses
import html
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kling_batch.events import Failure
from kling_batch.job import Job, Json, Key, SpecHash, TaskId
from kling_batch.plan.diff import Action, Change
from kling_batch.plan.picks import Pick, Picks, Verdict
from kling_batch.plan.record import Record, State
from kling_batch.report.cards import Card, Views, cards
from kling_batch.report.gallery import Gallery, as_text, document, page, policy
from kling_batch.report.patterns import patterns

Golden = Callable[[str, str], None]
MakeJob = Callable[..., Job]
MakeChange = Callable[..., Change]
REJECTED = Failure(kind="rejected", code="content_policy", message="not this")
SENT: Mapping[str, Json] = {
    "prompt": "a copper kettle",
    "mode": "pro",
    "duration": 10,
    "reference_images": ["https://files.example/a.png?signature=secret"],
}


def record(job: Job, state: State = State.DONE, **given: object) -> Record:
    values: dict[str, object] = {
        "spec": job.spec.hash,
        "parts": job.spec.parts,
        "state": state,
        "task": TaskId("tsk_vid_1"),
        "output": job.output if state is State.DONE else None,
        "sha256": "ab" * 32 if state is State.DONE else None,
        "seconds": 5.04 if state is State.DONE else None,
        "spent": Decimal("0.184"),
    }
    return Record(**{**values, **given})  # type: ignore[arg-type]  # passed through as given


def views(sidecar: Mapping[str, Json] | None = None) -> Views:
    return Views(
        sidecar=lambda _: sidecar,
        video=lambda record: f"../{record.output}" if record.output else None,
        poster=lambda record: f"posters/{record.sha256[:16]}.jpg" if record.sha256 else None,
    )


def gallery(*shown: Card, **given: object) -> Gallery:
    values: dict[str, object] = {
        "project": "spring",
        "manifest": "spring.yaml",
        "cards": shown,
        "picks": Picks(),
        "picks_name": "spring.picks.yaml",
        "spent": Decimal("0.552"),
    }
    return Gallery(**{**values, **given})  # type: ignore[arg-type]  # passed through as given


def failed(make_job: MakeJob, kind: str = "rejected", **axes: str) -> Change:
    job = make_job("hero", **axes)
    failure = dataclasses.replace(REJECTED, kind=kind) if kind else None
    return Change(
        key=job.key,
        action=Action.BLOCKED,
        because="rejected",
        job=job,
        record=record(job, State.FAILED, failure=failure),
    )


def kept(make_job: MakeJob, shot: str = "hero", **axes: str) -> Change:
    job = make_job(shot, **axes)
    return Change(key=job.key, action=Action.KEEP, because="unchanged", job=job, record=record(job))


def test_a_gallery_is_this_document(make_job: MakeJob, make_change: MakeChange, golden: Golden) -> None:
    done = kept(make_job, lang="de", ratio="16x9")
    old = SpecHash("v1:" + "0" * 64)
    job = make_job("hero", lang="en", ratio="16x9")
    earlier = record(job, spec=old, generation=2, output="hero/en~abab.mp4")
    redo = Change(
        key=job.key,
        action=Action.REDO,
        because="prompt changed",
        job=job,
        record=record(job, State.SUBMITTED, task=TaskId("tsk_vid_2"), past=(earlier,)),
    )
    orphan = make_job("gone", lang="fr")
    changes = [
        done,
        redo,
        make_change(Action.CREATE, lang="fr"),
        failed(make_job, lang="it"),
        Change(key=orphan.key, action=Action.ORPHAN, because="not in the manifest", record=record(orphan)),
    ]
    picks = {done.key: Pick(verdict=Verdict.PICK, note="the steam", video="ababababab")}

    shown = gallery(*cards(changes, picks, views({"spec": old, "request": dict(SENT)})))

    golden("gallery.json", json.dumps(document(shown), indent=1) + "\n")


def test_a_video_is_shown_with_the_prompt_that_made_it(make_job: MakeJob) -> None:
    job, old = make_job("hero"), SpecHash("v1:" + "0" * 64)
    change = Change(key=job.key, action=Action.REDO, because="prompt changed", job=job, record=record(job, spec=old))

    (known,) = cards([change], {}, views({"spec": old, "request": dict(SENT)}))
    (unknown,) = cards([change], {}, views({"spec": "v1:another", "request": dict(SENT)}))

    assert known.draw is not None
    assert unknown.draw is not None
    assert (known.draw.prompt, known.is_current) == ("a copper kettle", False)
    assert unknown.draw.prompt == ""


def test_no_address_of_an_image_gets_into_a_page(make_job: MakeJob) -> None:
    job, old = make_job("hero"), SpecHash("v1:" + "0" * 64)
    change = Change(key=job.key, action=Action.KEEP, because="", job=job, record=record(job, spec=old))

    shown = gallery(*cards([change], {}, views({"spec": old, "request": dict(SENT)})))

    assert "signature" not in page(shown)


def test_what_all_rejections_share_is_said_and_what_every_job_has_is_not(make_job: MakeJob) -> None:
    changes = [failed(make_job, product="knife", lang=lang, ratio="16x9") for lang in ("de", "en", "fr")]
    changes += [kept(make_job, product="kettle", lang=lang, ratio="16x9") for lang in ("de", "en")]

    assert list(map(str, patterns(cards(changes, {}, views())))) == [
        "all 3 rejections have product=knife, and no job with it came through"
    ]


def test_what_most_failures_share_is_said_where_it_makes_failing_likelier(make_job: MakeJob) -> None:
    changes = [failed(make_job, "transient", product="knife", lang=f"l{number}") for number in range(3)]
    changes += [failed(make_job, "transient", product="kettle", lang="l0")]
    changes += [kept(make_job, product="kettle", lang=f"l{number}") for number in range(1, 9)]
    changes += [kept(make_job, product="knife", lang="l8")]

    assert list(map(str, patterns(cards(changes, {}, views())))) == ["3 of 4 transient failures have product=knife"]


def test_failures_that_share_nothing_are_counted(make_job: MakeJob) -> None:
    changes = [failed(make_job, product="knife", lang="de"), failed(make_job, product="kettle", lang="en")]
    changes += [failed(make_job, "", product="pan", lang="fr"), kept(make_job, product="pan", lang="de")]

    assert list(map(str, patterns(cards(changes, {}, views())))) == ["2 rejections", "1 failure"]


def test_a_shot_can_be_what_failures_share(make_job: MakeJob) -> None:
    changes = [failed(make_job, lang="de"), failed(make_job, lang="en"), kept(make_job, "pour", lang="de")]

    assert list(map(str, patterns(cards(changes, {}, views())))) == [
        "all 2 rejections have shot=hero, and no job with it came through"
    ]


@given(st.text())
def test_no_text_ends_the_element_that_holds_it_or_acts_on_a_reader(text: str) -> None:
    told = as_text({"text": text})

    assert json.loads(told) == {"text": text}
    assert re.search("[<>&\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\x00-\x1f\x7f-\x9f]", told) is None
    told.encode()


def test_markup_in_the_name_of_a_project_stays_text() -> None:
    told = page(gallery(project="</title><script>alert(1)</script>"))

    assert "<title>&lt;/title&gt;&lt;script&gt;" in told
    assert told.count("<script") == 2


def test_the_policy_of_a_page_names_nobody(golden: Golden) -> None:
    told = html.unescape(page(gallery()))

    assert f'content="{policy(is_served=False)}"' in told
    rules = {
        is_served: re.sub("sha256-[^']+", "sha256-...", policy(is_served=is_served)) for is_served in (True, False)
    }
    golden("gallery-policy.txt", f"served: {rules[True]}\n\non disk: {rules[False]}\n")


def test_a_key_without_a_job_still_has_its_axes() -> None:
    orphan = Change(
        key=Key("hero/lang=de,ratio=16x9#wide"),
        action=Action.ORPHAN,
        because="not in the manifest",
        record=Record(spec=SpecHash("v1:1"), parts=("-", "-", "-", "-")),
    )

    (card,) = cards([orphan], {}, views())

    assert (card.shot, card.axes, card.take) == ("hero", (("lang", "de"), ("ratio", "16x9")), "wide")
