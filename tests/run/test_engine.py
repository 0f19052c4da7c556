"""Whole runs in virtual time: the engine's real code on both backends, against the sandbox's world."""

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest
from campaigns import Bench
from pretended import Pretended

import kling_batch
from kling_batch.errors import StateError
from kling_batch.events import Completed, Done, Doubted, Event, Held, Intended, LookUpJudged, Submitted, Told
from kling_batch.plan.record import State
from kling_batch.run import holding
from kling_batch.run.runner import Run, is_empty
from kling_batch.sandbox.task import Fate
from kling_batch.sandbox.terms import Terms
from kling_batch.sandbox.world import World

Trouble = Callable[[str, str], str]


def nth(operation: str, *words: str) -> Trouble:
    """Trouble the first requests of one operation, one word each."""
    script = list(words)

    def trouble(asked: str, _name: str) -> str:
        return script.pop(0) if asked == operation and script else ""

    return trouble


def service(trouble: Trouble = lambda _operation, _name: "", fate: Fate | None = None, **terms: object) -> Pretended:
    world = World(Terms(**terms))  # type: ignore[arg-type]  # a table of keyword arguments
    return Pretended(world, trouble=trouble, fate=lambda _body: fate)


def kinds(bench: Bench) -> Counter[str]:
    return Counter(type(event).__name__ for event in bench.events)


def states(bench: Bench) -> dict[str, State]:
    return {key: record.state for key, record in kling_batch.state(bench.campaign()).jobs.items()}


def test_every_job_becomes_a_verified_file_a_sidecar_and_a_record(bench: Bench, backend: str) -> None:
    bench.write(5)

    outcome = bench.run(backend=backend)

    assert (outcome.exit_code, outcome.counts) == (0, {State.DONE: 5})
    assert outcome.spent == Decimal("0.92")
    assert set(bench.charges().values()) == {1}
    for record in kling_batch.state(bench.campaign()).jobs.values():
        video = bench.folder / "out" / str(record.output)
        beside = json.loads(video.with_name(f"{video.name}.json").read_text())
        assert (video.stat().st_size, beside["task"]) == (record.bytes, record.task)
        assert beside["request"]["prompt"].startswith("a cup n")


def test_the_intent_is_told_before_the_submit_and_the_task_before_the_first_look(bench: Bench) -> None:
    bench.write(1)

    bench.run()

    order = [type(event) for event in bench.events if isinstance(event, Intended | Submitted | Completed | Done)]
    assert order == [Intended, Submitted, Completed, Done]


def test_a_second_run_submits_nothing_and_changes_no_byte_of_the_lock(bench: Bench, backend: str) -> None:
    bench.write(4)
    bench.run(backend=backend)
    lock = bench.campaign().places.lock.read_bytes()
    asked = len(bench.service.requests)

    empty = is_empty(bench.plan())
    outcome = bench.run(backend=backend)

    assert empty
    assert outcome.exit_code == 0
    assert bench.campaign().places.lock.read_bytes() == lock
    assert len(bench.service.requests) == asked


def test_the_first_submit_of_a_run_is_alone_and_proves_look_up(bench: Bench, backend: str) -> None:
    bench.write(6, run="posts: 4")

    bench.run(backend=backend)

    first = bench.service.posts[0]
    assert LookUpJudged(model="kling-v2-6", proven=True) in bench.events
    assert bench.service.requests.count(f"look {first}") == 1
    assert bench.service.most_on_wire > 1


def test_no_more_tasks_are_in_flight_than_the_manifest_allows(bench: Bench) -> None:
    bench.write(9, run="posts: 4")
    running, most = set(), 0

    def count(event: Event, _run: Run) -> None:
        nonlocal most
        match event:
            case Submitted(key=key):
                running.add(key)
            case Done(key=key):
                running.discard(key)
        most = max(most, len(running))

    bench.run(on_event=count)

    assert most == 4


@pytest.mark.parametrize("word", ["paid-lost", "paid-500", "paid-html", "no-id", "409"])
def test_a_submit_of_unknown_outcome_is_found_by_its_business_id_and_paid_once(
    bench: Bench, backend: str, word: str
) -> None:
    bench.write(4)
    bench.service = service(nth("submit", "", word))

    outcome = bench.run(backend=backend)

    assert outcome.exit_code == 0
    assert sorted(bench.charges().values()) == [1, 1, 1, 1]


def test_a_lost_submit_is_sent_once_more_under_the_same_id_where_absence_is_proven(bench: Bench, backend: str) -> None:
    bench.write(3)
    bench.service = service(nth("submit", "", "lost"))

    outcome = bench.run(backend=backend)

    again = [own for own, times in Counter(bench.service.posts).items() if times > 1]
    assert outcome.exit_code == 0
    assert len(again) == 1
    assert set(bench.charges().values()) == {1}


@pytest.mark.parametrize(
    ("manifest", "options"), [("budget: 0.368", {}), ("", {"limit": 2}), ("", {"budget": Decimal("0.368")})]
)
def test_a_submit_sent_again_is_counted_once_where_no_more_may_be_bought(
    bench: Bench, manifest: str, options: dict[str, object]
) -> None:
    bench.write(2, run=manifest)
    bench.service = service(nth("submit", "", "lost"))

    outcome = bench.run(**options)

    assert (outcome.exit_code, outcome.counts, outcome.submits) == (0, {State.DONE: 2}, 2)


def test_without_proof_an_unsure_job_is_held_told_and_never_sent_again(bench: Bench, backend: str) -> None:
    bench.write(4)
    bench.service = service(nth("submit", "", "paid-lost"), business_ids="echoed")

    first = bench.run(backend=backend)
    posts = list(bench.service.posts)
    second = bench.run(backend=backend)

    assert (first.exit_code, second.exit_code) == (6, 6)
    assert first.counts == {State.DONE: 3, State.UNSURE: 1}
    assert bench.service.posts == posts
    assert set(bench.charges().values()) == {1}


def test_a_service_that_is_away_ends_a_run_of_unsure_jobs_and_leaves_them_unsure(bench: Bench, backend: str) -> None:
    bench.write(1)
    bench.service = service(nth("submit", "paid-lost"), business_ids="ignored")
    bench.run(backend=backend)
    bench.service.trouble = lambda _operation, _name: "lost"

    outcome = bench.run(backend=backend)

    assert (outcome.exit_code, outcome.counts) == (6, {State.UNSURE: 1})


def test_look_up_that_was_proven_on_another_model_proves_nothing(bench: Bench) -> None:
    bench.write(1)
    bench.run()
    places = bench.campaign().places
    proven = bench.plan().look_up

    places.journal.unlink()
    places.lock.write_text(places.lock.read_text().replace('"model":"kling-v2-6"', '"model":"kling-v1"'))

    assert (proven, bench.plan().look_up) == (True, False)


def test_an_unsure_canary_is_settled_before_anything_else_is_sent(bench: Bench) -> None:
    bench.write(3)
    bench.service = service(nth("submit", "paid-lost"))

    outcome = bench.run()

    settled = next(at for at, event in enumerate(bench.events) if isinstance(event, Submitted))
    intents = [at for at, event in enumerate(bench.events) if isinstance(event, Intended)]
    assert outcome.exit_code == 0
    assert intents[0] < settled < intents[1]


def test_an_unsure_job_of_an_earlier_run_is_settled_once_look_up_is_proven(bench: Bench) -> None:
    bench.write(1)
    bench.service = service(nth("submit", "paid-lost"))
    fates = [Fate(visible_after=50.0)]
    bench.service.fate = lambda _body: fates.pop() if fates else None
    assert bench.run().counts == {State.UNSURE: 1}

    bench.write(3)
    outcome = bench.run()

    assert (outcome.exit_code, outcome.counts) == (0, {State.DONE: 3})
    assert set(bench.charges().values()) == {1}


def test_three_unsure_outcomes_in_a_row_stop_the_run_if_all_three_are_left_unsure(bench: Bench, backend: str) -> None:
    bench.write(12)
    bench.service = service(nth("submit", "", *["paid-lost"] * 11), business_ids="ignored")

    outcome = bench.run(backend=backend)

    assert outcome.exit_code == 6
    assert outcome.counts[State.UNSURE] <= 3 + 1
    assert outcome.counts[State.PENDING] >= 7


def test_a_throttled_submit_waits_as_long_as_it_was_told_and_is_paid_once(bench: Bench, backend: str) -> None:
    bench.write(2)
    bench.service = service(nth("submit", "429"))

    outcome = bench.run(backend=backend)

    assert outcome.exit_code == 0
    assert set(bench.charges().values()) == {1}
    assert len(bench.service.posts) == 3


def test_a_long_pause_that_the_service_asks_for_is_told_once(bench: Bench, backend: str) -> None:
    bench.write(4)
    bench.service = service(nth("submit", "", "429-long", "429-long"))

    outcome = bench.run(backend=backend)

    assert (outcome.exit_code, len(bench.service.posts)) == (0, 4 + 2)
    told = [event.message for event in bench.events if isinstance(event, Told)]
    assert told == ["the service asks to wait 90 s: HTTP 429: trouble"]


def test_a_service_that_cannot_be_reached_leaves_every_job_pending(bench: Bench, backend: str) -> None:
    bench.write(3)
    bench.service = service(lambda operation, _name: "unsent" if operation == "submit" else "")

    outcome = bench.run(backend=backend)

    assert (outcome.exit_code, outcome.counts) == (8, {State.PENDING: 3})
    assert kinds(bench)["Intended"] == 0


@pytest.mark.parametrize("word", ["401", "402"])
def test_the_account_stops_submitting_while_what_is_paid_for_is_collected(
    bench: Bench, backend: str, word: str
) -> None:
    bench.write(6)
    bench.service = service(nth("submit", "", word, word, word, word, word))

    outcome = bench.run(backend=backend)

    assert outcome.exit_code == 8
    assert outcome.counts == {State.DONE: 1, State.PENDING: 5}
    assert len(bench.service.posts) <= 3


def test_a_wrong_key_costs_one_request(bench: Bench) -> None:
    bench.write(50)
    bench.service = service(lambda operation, _name: "401" if operation == "submit" else "")

    outcome = bench.run()

    assert (outcome.exit_code, len(bench.service.posts)) == (8, 1)
    assert len(outcome.reasons) == 1


@pytest.mark.parametrize("word", ["lost", "500", "429"])
def test_looks_that_go_wrong_never_fail_a_task(bench: Bench, backend: str, word: str) -> None:
    bench.write(2)
    bench.service = service(nth("look", *[word] * 6))

    outcome = bench.run(backend=backend)

    assert (outcome.exit_code, outcome.counts) == (0, {State.DONE: 2})


def test_a_transient_failure_is_tried_again_under_a_new_attempt(bench: Bench) -> None:
    bench.write(1)
    fates = [Fate(code="generation_failed", message="upstream overload"), None]
    bench.service.fate = lambda _body: fates.pop(0)

    outcome = bench.run()

    record = next(iter(kling_batch.state(bench.campaign()).jobs.values()))
    assert (outcome.exit_code, record.attempt) == (0, 2)
    assert [each.attempt for each in record.attempts] == [1]
    assert record.attempts[0].spent == 0


def test_a_rejected_job_fails_at_once_and_the_others_go_on(bench: Bench) -> None:
    bench.write(3)
    bench.service.fate = lambda body: Fate(code="x", message="content policy") if "n1" in str(body["prompt"]) else None

    outcome = bench.run()
    again = bench.run()

    assert (outcome.exit_code, outcome.counts) == (4, {State.DONE: 2, State.FAILED: 1})
    assert again.exit_code == 4
    assert len(bench.service.posts) == 3


def test_failed_jobs_in_a_row_stop_submitting(bench: Bench) -> None:
    bench.write(9, run="max_failures: 2")
    bench.service.fate = lambda _body: Fate(code="x", message="content policy")

    outcome = bench.run()

    assert outcome.exit_code == 5
    assert outcome.counts[State.PENDING] >= 3


@pytest.mark.parametrize("word", ["cut", "ignored-range"])
def test_a_download_that_breaks_off_is_resumed(bench: Bench, backend: str, word: str) -> None:
    bench.write(1)
    bench.service = service(nth("download", "cut", word))

    outcome = bench.run(backend=backend)

    starts = [int(each.split()[2]) for each in bench.service.requests if each.startswith("download")]
    assert outcome.exit_code == 0
    assert starts[0] == 0
    assert all(start > 0 for start in starts[1:])


def test_a_refused_link_is_asked_for_anew(bench: Bench) -> None:
    bench.write(1)
    bench.service = service(nth("download", "403"))

    outcome = bench.run()

    assert (outcome.exit_code, outcome.counts) == (0, {State.DONE: 1})


def test_an_error_page_in_the_place_of_a_video_never_becomes_a_file(bench: Bench) -> None:
    bench.write(1)
    bench.service = service(lambda operation, _name: "html" if operation == "download" else "")

    outcome = bench.run()

    assert (outcome.exit_code, outcome.counts) == (5, {State.SUBMITTED: 1})
    assert not list((bench.folder / "out").rglob("*.mp4"))


def test_a_video_spoilt_by_what_was_put_after_its_first_part_is_fetched_again_from_the_start(bench: Bench) -> None:
    bench.write(1)
    bench.service = service(nth("download", *("cut", "html") * 2))

    outcome = bench.run()

    assert (outcome.exit_code, outcome.counts) == (0, {State.DONE: 1})
    assert not list((bench.folder / "out").rglob("*.suspect"))


def test_a_damaged_video_is_kept_as_suspect_and_never_bought_again(bench: Bench) -> None:
    bench.write(1)
    bench.service = service(lambda operation, _name: "damaged" if operation == "download" else "")

    outcome = bench.run()
    again = bench.run()

    assert (outcome.exit_code, outcome.counts) == (4, {State.FAILED: 1})
    assert [path.suffix for path in (bench.folder / "out").rglob("*") if path.is_file()] == [".suspect"]
    assert again.exit_code == 4
    assert len(bench.service.posts) == 1


def test_a_task_past_the_deadline_is_left_submitted_and_found_done_by_the_next_run(bench: Bench) -> None:
    bench.write(1, run="deadline: 30s")
    bench.service.fate = lambda _body: Fate(seconds=70.0)

    first = bench.run()
    second = bench.run()

    assert (first.exit_code, first.counts) == (5, {State.SUBMITTED: 1})
    assert (second.exit_code, second.counts) == (0, {State.DONE: 1})
    assert len(bench.service.posts) == 1


@pytest.mark.parametrize(
    ("manifest", "options", "bought"),
    [("budget: 0.40", {}, 2), ("retries: 1", {"budget": Decimal("0.2")}, 1), ("retries: 1", {"limit": 3}, 3)],
    ids=["run.budget", "--budget", "--limit"],
)
def test_no_run_buys_more_than_it_may(bench: Bench, manifest: str, options: dict[str, object], bought: int) -> None:
    bench.write(5)
    text = bench.manifest.read_text().replace("retries: 1", manifest)
    bench.manifest.write_text(text)

    outcome = bench.run(**options)

    assert (outcome.exit_code, len(bench.service.posts)) == (5, bought)
    assert outcome.counts == {State.DONE: bought, State.PENDING: 5 - bought}


def test_the_campaign_budget_holds_over_several_runs(bench: Bench) -> None:
    bench.write(5, run="budget: 0.40")

    bench.run()
    bench.run()

    assert len(bench.service.posts) == 2


def test_too_little_balance_is_told_before_the_first_submit(bench: Bench) -> None:
    bench.write(5)
    bench.service = service(balance_usd=0.5)

    bench.run()

    told = [event.message for event in bench.events if isinstance(event, Told)]
    assert any("$0.5" in message for message in told)


def test_a_signal_lets_what_is_on_the_wire_end_and_leaves_the_rest(bench: Bench, backend: str) -> None:
    bench.write(6)

    def interrupt(event: Event, run: Run) -> None:
        if isinstance(event, Intended) and kinds(bench)["Intended"] == 2:
            run.engine.stop("interrupted")

    outcome = bench.run(backend=backend, on_event=interrupt)
    resumed = bench.run(backend=backend)

    assert outcome.exit_code == 130
    assert outcome.counts[State.UNSURE] == 0
    assert outcome.counts[State.SUBMITTED] >= 1
    assert (resumed.exit_code, resumed.counts) == (0, {State.DONE: 6})
    assert set(bench.charges().values()) == {1}


def test_a_second_signal_ends_at_once_and_leaves_at_most_the_posts_in_flight_unsure(bench: Bench, backend: str) -> None:
    bench.write(6)

    def interrupt(event: Event, run: Run) -> None:
        if isinstance(event, Intended) and kinds(bench)["Intended"] == 2:
            run.engine.stop("interrupted")
            run.engine.abort()

    outcome = bench.run(backend=backend, on_event=interrupt)
    resumed = bench.run(backend=backend)

    assert outcome.exit_code == 130
    assert outcome.counts[State.UNSURE] <= 2
    assert (resumed.exit_code, resumed.counts) == (0, {State.DONE: 6})
    assert set(bench.charges().values()) == {1}


def test_a_plan_that_is_no_longer_true_is_refused_before_anything_is_sent(bench: Bench) -> None:
    bench.write(2)
    stale = bench.plan()
    bench.run()
    posts = len(bench.service.posts)

    with pytest.raises(StateError, match="not what it was"):
        bench.run_plan(stale)

    assert len(bench.service.posts) == posts


def test_outputs_without_lock_and_journal_stop_the_run_and_name_recover(bench: Bench) -> None:
    bench.write(2)
    bench.run()
    places = bench.campaign().places
    places.lock.unlink()
    places.journal.unlink()
    bench.write(3)
    posts = len(bench.service.posts)

    with pytest.raises(StateError) as error:
        bench.run()

    assert "recover" in error.value.help
    assert len(bench.service.posts) == posts


def test_a_missing_lock_is_rebuilt_from_the_journal(bench: Bench) -> None:
    bench.write(3)
    bench.run()
    lock = bench.campaign().places.lock
    text = lock.read_bytes()
    lock.unlink()

    holding.catch_up(bench.campaign())

    assert lock.read_bytes() == text
    assert bench.run().counts == {State.DONE: 3}
    assert len(bench.service.posts) == 3


def test_a_file_that_nobody_knows_is_never_overwritten_and_nothing_is_bought_for_its_place(bench: Bench) -> None:
    bench.write(2)
    foreign = bench.folder / "out" / "hero" / "n0-t1.mp4"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")

    outcome = bench.run()

    assert outcome.exit_code == 4
    assert foreign.read_bytes() == b"mine"
    assert len(bench.service.posts) == 1


def test_an_edited_prompt_is_bought_anew_and_the_old_file_is_kept_by_its_checksum(bench: Bench) -> None:
    bench.write(1)
    bench.run()
    old = next(iter(kling_batch.state(bench.campaign()).jobs.values()))
    text = bench.manifest.read_text()

    bench.manifest.write_text(text.replace("a cup", "a bowl"))
    outcome = bench.run()

    new = next(iter(kling_batch.state(bench.campaign()).jobs.values()))
    kept = bench.folder / "out" / "hero" / f"n0-t1~{str(old.sha256)[:6]}.mp4"
    assert outcome.exit_code == 0
    assert kept.is_file()
    assert new.sha256 != old.sha256
    assert [each.task for each in new.past] == [old.task]


def test_a_reverted_edit_restores_the_old_file_for_nothing(bench: Bench) -> None:
    bench.write(1)
    text = bench.manifest.read_text()
    bench.run()
    old = next(iter(kling_batch.state(bench.campaign()).jobs.values()))
    bench.manifest.write_text(text.replace("a cup", "a bowl"))
    bench.run()

    bench.manifest.write_text(text)
    outcome = bench.run()

    now = next(iter(kling_batch.state(bench.campaign()).jobs.values()))
    assert (outcome.exit_code, len(bench.service.posts)) == (0, 2)
    assert (now.task, now.output) == (old.task, old.output)
    assert is_empty(bench.plan())


def test_jobs_whose_paths_were_swapped_in_flight_never_share_a_file(bench: Bench) -> None:
    bench.write(2, run="deadline: 30s")
    text = bench.manifest.read_text()
    names = text + "    vars: {place: {n0: a, n1: b}}\n    output: {path: '{{ place[axes.n] }}.mp4'}\n"
    bench.manifest.write_text(names)
    bench.service.fate = lambda _body: Fate(seconds=70.0)
    assert bench.run().counts == {State.SUBMITTED: 2}

    bench.manifest.write_text(names.replace("n0: a, n1: b", "n0: b, n1: a"))
    outcome = bench.run()

    shas = [record.sha256 for record in kling_batch.state(bench.campaign()).jobs.values()]
    files = sorted(path.name for path in (bench.folder / "out").rglob("*.mp4"))
    assert (outcome.exit_code, outcome.counts) == (0, {State.DONE: 2})
    assert len(set(shas)) == 2
    assert files == ["a.mp4", "b.mp4"]


def test_a_renamed_shot_moves_its_videos_for_nothing(bench: Bench) -> None:
    bench.write(2)
    bench.run()

    bench.manifest.write_text(bench.manifest.read_text().replace("hero:", "star:"))
    outcome = bench.run()

    assert (outcome.exit_code, len(bench.service.posts)) == (0, 2)
    assert sorted(path.name for path in (bench.folder / "out" / "star").glob("*.mp4")) == ["n0-t1.mp4", "n1-t1.mp4"]
    assert is_empty(bench.plan())


def test_local_images_are_uploaded_once_each_before_the_intent(bench: Bench) -> None:
    bench.write(3)
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00\x00\x00\x02\x00\x08\x02\x00\x00\x00"
    (bench.folder / "cup.png").write_bytes(png + bytes(64))
    bench.manifest.write_text(
        bench.manifest.read_text().replace(
            'prompt: "', 'image_with_roles: [{url: cup.png, role: first_frame}], prompt: "'
        )
    )

    outcome = bench.run()

    assert outcome.exit_code == 0
    assert bench.service.requests.count("upload cup.png") == 1
    assert bench.service.requests.index("upload cup.png") == 1


def test_a_task_of_another_job_stops_the_run_for_a_human(bench: Bench) -> None:
    bench.write(4)
    seen: list[str] = []
    honest = bench.service._submitted

    async def same_task(body: dict[str, object], trouble: str) -> object:
        answer = await honest(body, trouble)  # type: ignore[arg-type]  # a body is JSON
        seen.append(answer.task)  # type: ignore[union-attr]  # this service accepts everything
        return type(answer)(task=seen[0])  # type: ignore[call-arg]  # as above

    bench.service._submitted = same_task  # type: ignore[method-assign, assignment]  # a service that mixes tasks up

    outcome = bench.run()

    assert outcome.exit_code == 6
    assert outcome.counts[State.UNSURE] >= 1


def test_what_a_run_leaves_is_told_with_the_reason(bench: Bench) -> None:
    bench.write(2)

    outcome = bench.run(limit=1)

    held = [event for event in bench.events if isinstance(event, Held)]
    assert [event.why for event in held] == ["the limit of 1 submits is reached"]
    assert list(outcome.left.values()) == ["the limit of 1 submits is reached"]


def test_a_doubt_is_told_with_its_reason(bench: Bench) -> None:
    bench.write(2)
    bench.service = service(nth("submit", "", "paid-500"))

    bench.run()

    doubts = [event for event in bench.events if isinstance(event, Doubted)]
    assert [doubt.why for doubt in doubts] == ["HTTP 500: oops"]
