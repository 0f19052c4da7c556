"""Picks files: what they say, and edits that leave everything else as a person wrote it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.job import Key
from kling_batch.plan.picks import Pick, Picks, Verdict, clean, edited, line, parse_picks, renamed, strangers
from kling_batch.text.render import concise, render_all
from kling_batch.text.source import Source

BY_HAND = """\
# ours, please keep the order

picks:
  # the client wants this one
  zed/lang=de#1:
    verdict: pick   # said on Monday
    note: |
      long
      note

  # not these
  beta#2: {verdict: reject}
# the end"""

keys = st.from_regex(r"[a-z]{1,3}/lang=[a-zäλ]{1,3}#[12]", fullmatch=True).map(Key)
picks = st.builds(
    Pick,
    verdict=st.sampled_from([None, *Verdict]),
    note=st.text(max_size=30).map(clean),
    video=st.sampled_from(["", "0123456789ab"]),
)


def read(text: str) -> Picks:
    found, told = parse_picks(Source("spring.picks.yaml", text))
    assert found is not None, render_all(told)
    return found


def told(text: str) -> Sequence[str]:
    found, diagnostics = parse_picks(Source("spring.picks.yaml", text))
    assert found is None
    return [concise(each) for each in diagnostics]


@given(st.lists(st.tuples(keys, picks), max_size=8))
def test_what_was_said_is_what_is_read(edits: list[tuple[Key, Pick]]) -> None:
    file, last = Picks(), {}
    for key, pick in edits:
        file = edited(file, key, pick)
        last[key] = pick

    kept = {key: pick for key, pick in last.items() if pick.verdict or pick.note}
    assert read(file.text()).picks == kept
    assert read(file.text()) == file or not kept


@given(keys, picks)
def test_an_edit_leaves_every_other_line_byte_for_byte(key: Key, pick: Pick) -> None:
    before = read(BY_HAND)

    after = edited(before, key, pick).text()

    others = [each for each in after.splitlines() if each != line(key, pick).rstrip("\n")]
    assert others == BY_HAND.splitlines()
    assert read(after).picks == {**before.picks, **({key: pick} if pick.verdict or pick.note else {})}


def test_an_edit_of_what_a_person_wrote_takes_the_place_of_its_lines() -> None:
    after = edited(read(BY_HAND), Key("zed/lang=de#1"), Pick(verdict=Verdict.REJECT)).text()

    assert after == BY_HAND.replace(
        "  zed/lang=de#1:\n    verdict: pick   # said on Monday\n    note: |\n      long\n      note\n",
        '  # said on Monday\n  "zed/lang=de#1": {"verdict": "reject"}\n',
    )


def test_an_edit_keeps_the_comments_of_the_lines_that_it_replaces() -> None:
    text = 'picks:\n  a#1:  # first\n    # why\n    note: "no # comment"\n    verdict: pick  # last\n'

    once = edited(read(text), Key("a#1"), Pick(verdict=Verdict.REJECT))
    twice = edited(read(once.text()), Key("a#1"), Pick(verdict=Verdict.PICK)).text()

    assert once.text() == 'picks:\n  # first\n  # why\n  "a#1": {"verdict": "reject"}  # last\n'
    assert twice == once.text().replace("reject", "pick")


def test_a_new_line_does_not_come_between_a_job_and_the_comment_above_it() -> None:
    file = read("picks:\n  # about m\n  m#1: {verdict: pick}\n\n  # about z\n  z#1: {verdict: pick}\n")

    text = edited(edited(file, Key("a#1"), Pick(note="n")), Key("n#1"), Pick(note="n")).text()

    assert '  "a#1": {"note": "n"}\n  # about m\n  m#1' in text
    assert '\n\n  "n#1": {"note": "n"}\n  # about z\n  z#1' in text


FILES = (
    "picks:\n",
    "picks:",
    "picks: &all  # nothing yet",
    "---\npicks:\n# mine\n...\n# the end\n",
    "picks:\r\n  b#1: {verdict: pick}\r\n",
    "picks:\n  b#1:\n    note: |+\n      kept\n\n\n",
    "picks:\n  b#1:\n    note: >-\n      kept",
    "picks:\n  b#1: {verdict: pick,  # so\n    note: two\n      lines}\n  d#1: {}\n...\n",
    'picks:   # all\n      "b#1": {"verdict": "reject"}   # said\n',
    BY_HAND,
)


@given(st.sampled_from(FILES), keys | st.sampled_from([Key("a#1"), Key("b#1"), Key("d#1"), Key("beta#2")]), picks)
def test_whatever_a_person_wrote_an_edit_says_what_it_should_and_loses_no_comment(
    text: str, key: Key, pick: Pick
) -> None:
    before = read(text)

    after = edited(before, key, pick)

    is_gone = not (pick.verdict or pick.note)
    said = {each: old for each, old in before.picks.items() if each != key} | ({} if is_gone else {key: pick})
    assert read(after.text()).picks == after.picks == said
    lost = [] if is_gone and key in before.picks else ["# mine", "# so", "# said", "# the end", "# nothing yet"]
    assert all(comment in after.text() for comment in lost if comment in text)


def test_a_renamed_job_keeps_its_line_but_for_its_name() -> None:
    names = {Key("zed/lang=de#1"): Key("end/lang=de#1"), Key("beta#2"): Key("zed/lang=de#2"), Key("new#1"): Key("x#1")}

    text = renamed(read(BY_HAND), names).text()

    assert text == BY_HAND.replace("zed/lang=de#1", '"end/lang=de#1"').replace("beta#2", '"zed/lang=de#2"')


@given(st.sampled_from(FILES), keys)
def test_whatever_a_person_wrote_a_rename_changes_names_alone(text: str, key: Key) -> None:
    before = read(text)
    names = dict.fromkeys([*before.picks][:1], key)

    after = renamed(before, names)

    said = {names.get(old, old): pick for old, pick in before.picks.items()}
    assert read(after.text()).picks == after.picks == said
    assert renamed(after, names) == after


def test_what_is_said_of_the_new_name_already_stays() -> None:
    file = read("picks:\n  a#1: {verdict: pick}\n  b#1: {verdict: reject}\n")

    assert renamed(file, {Key("a#1"): Key("b#1")}) == file


def test_a_pick_that_is_taken_back_leaves_no_line() -> None:
    file = edited(Picks(), Key("a#1"), Pick(verdict=Verdict.PICK))

    assert edited(file, Key("a#1"), Pick(video="0123")) == Picks()


def test_new_lines_stand_in_the_order_of_their_keys_with_the_indent_of_the_file() -> None:
    file = read("picks:\n    b#1: {verdict: pick}\n")

    text = edited(edited(file, Key("c#1"), Pick(note="n")), Key("a#1"), Pick(note="n")).text()

    assert text == 'picks:\n    "a#1": {"note": "n"}\n    b#1: {verdict: pick}\n    "c#1": {"note": "n"}\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("picks: {a#1: {verdict: pick}}\n", "spring.picks.yaml:1:8: error[not-a-line]"),
        ("picks: {}\n", "spring.picks.yaml:1:8: error[not-a-line]"),
        ("picks: {\n  a#1: {verdict: pick}\n}\n", "spring.picks.yaml:1:8: error[not-a-line]"),
        ("picks: null\n", "spring.picks.yaml:1:8: error[not-a-line]"),
        ("picks: ~  # none\n", "spring.picks.yaml:1:8: error[not-a-line]"),
        ("pick:\n  a#1: {}\n", "spring.picks.yaml:1:1: error[unknown-key]"),
        ("picks: [a#1]\n", "spring.picks.yaml:1:8: error[wrong-type]"),
        ("picks:\n  a#1: pick\n", "spring.picks.yaml:2:8: error[wrong-type]"),
        ("picks:\n  a#1: {verdikt: pick}\n", "spring.picks.yaml:2:9: error[unknown-key]"),
        ("picks:\n  a#1: {verdict: yes}\n", "spring.picks.yaml:2:18: error[unknown-verdict]"),
        ("picks:\n  a#1: {verdict: [pick]}\n", "spring.picks.yaml:2:18: error[unknown-verdict]"),
        ("picks:\n  a#1: {note: 7}\n", "spring.picks.yaml:2:15: error[wrong-type]"),
        ("picks:\n  a#1: {note: x}\n  a#1: {note: y}\n", "spring.picks.yaml:3:3: error[duplicate-key]"),
        ("x: &x\n  a#1: {note: x}\npicks:\n  <<: *x\n", "spring.picks.yaml:1:1: error[unknown-key]"),
        ("", "spring.picks.yaml:1:1: error[empty-file]"),
        ("{}\n", "spring.picks.yaml:1:1: error[no-picks]"),
        ("picks:\n<<<<<<< ours\n  a#1: {}\n", "spring.picks.yaml:2:1: error[conflict-marker]"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_line_and_column(text: str, complaint: str) -> None:
    assert [each for each in told(text) if each.startswith(complaint)]


def test_a_pick_of_an_unknown_job_is_a_warning_that_names_the_nearest() -> None:
    file = edited(Picks(), Key("hero/lang=de#1"), Pick(verdict=Verdict.PICK))

    (warning,) = strangers(file, [Key("hero/lang=dk#1")], "spring.picks.yaml")

    assert warning.help == "did you mean `hero/lang=dk#1`?"
    assert strangers(file, [Key("hero/lang=de#1")], "spring.picks.yaml") == ()


def test_branches_that_pick_other_jobs_merge_where_both_have_the_neighbours(tmp_path: Path) -> None:
    def git(*words: str) -> int:
        return subprocess.run(["git", *words], cwd=tmp_path, check=False, capture_output=True).returncode  # noqa: S607 - git is found on the path

    file = Picks()
    for at in range(0, 20, 2):
        file = edited(file, Key(f"hero/n={at:02}#1"), Pick(note="seen"))
    path = tmp_path / "spring.picks.yaml"
    git("init", "-q", "-b", "main")
    git("config", "user.email", "somebody@example.org")
    git("config", "user.name", "somebody")
    path.write_text(file.text())
    git("add", "-A")
    git("commit", "-qm", "all")
    for branch, at in (("left", 2), ("right", 12)):
        git("checkout", "-qb", branch, "main")
        path.write_text(edited(file, Key(f"hero/n={at:02}#1"), Pick(verdict=Verdict.PICK)).text())
        git("commit", "-qam", branch)

    assert git("merge", "-q", "left") == 0

    merged = read(path.read_text()).picks
    assert [key for key, pick in merged.items() if pick.verdict] == ["hero/n=02#1", "hero/n=12#1"]
