"""Two git revisions of a manifest held beside each other."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Git = Callable[..., str]
Golden = Callable[[str, str], None]

MANIFEST = """\
version: 1
project: spring
run: {poll: {first: 0.1s, every: 1s}}
shots:
  hero:
    matrix: {lang: {from: langs.csv, key: lang}}
    request: {prompt: {from: hero.j2}}
  pour:
    takes: 2
    request: {prompt: a pour}
"""


def call(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout  # noqa: S607 - git is where the machine has it


@pytest.fixture
def git(folder: Path) -> Git:
    """Commit a manifest in a folder, with a table and a prompt beside it, and run git there."""
    (folder / "films").mkdir()
    (folder / "films/spring.yaml").write_text(MANIFEST)
    (folder / "films/langs.csv").write_text("lang\nde\nen\n")
    (folder / "films/hero.j2").write_text("a cup, {{ lang.lang }}")
    (folder / ".gitignore").write_text("outputs*/\n")
    call(folder, "init", "-q", "-b", "main")
    call(folder, "add", "-A")
    call(folder, "commit", "-qm", "first")
    return lambda *words: call(folder, *words)


def edit(folder: Path) -> None:
    """Add a language, reword the prompt, rename a shot with its output, and take away a take."""
    (folder / "films/langs.csv").write_text("lang\nde\nen\nfr\n")
    (folder / "films/hero.j2").write_text("two cups, {{ lang.lang }}")
    (folder / "films/spring.yaml").write_text(MANIFEST.replace("  pour:\n    takes: 2", "  flow:\n    takes: 1"))


@pytest.mark.usefixtures("git")
def test_what_is_not_committed_is_held_against_head(command: Command, folder: Path, golden: Golden) -> None:
    edit(folder)

    said = command("diff", "films/spring.yaml")

    assert (said.code, said.err) == (0, "")
    golden("diff.txt", said.out)


@pytest.mark.usefixtures("git")
def test_only_some_of_what_differs_is_told_by_newer_and_by_older_keys(command: Command, folder: Path) -> None:
    edit(folder)

    def told(*words: str) -> list[str]:
        return [
            each["key"] for each in json.loads(command("diff", "films/spring.yaml", "--json", *words).out)["changes"]
        ]

    assert told("--only", "hero/lang=fr") == ["hero/lang=fr#1"]
    assert told("--only", "pour") == ["flow#1", "pour#2"]
    assert told("--state", "done") == []
    assert told("--sample", "1", "--by", "shot") == told("--sample", "1", "--by", "shot")
    assert len(told("--sample", "1")) == 1
    assert told("--shard", "1/2") + told("--shard", "2/2") != told()
    assert sorted(told("--shard", "1/2") + told("--shard", "2/2")) == sorted(told())


@pytest.mark.usefixtures("git")
def test_a_selector_that_means_nothing_that_differs_is_a_slip(command: Command, folder: Path) -> None:
    edit(folder)

    assert command("diff", "films/spring.yaml", "--only", "herp").code == 2


def test_two_commits_are_compared_without_a_look_at_the_working_tree(
    command: Command, folder: Path, git: Git, golden: Golden
) -> None:
    edit(folder)
    git("commit", "-qam", "second")
    for name in ("spring.yaml", "langs.csv", "hero.j2"):
        (folder / "films" / name).write_text("\0 no such thing")

    said = command("diff", "films/spring.yaml", "HEAD~1", "HEAD", "--format", "md")

    assert said.code == 0
    golden("diff.md", said.out)


def test_what_the_newer_lock_has_is_not_paid_for_again(
    command: Command, process: Command, folder: Path, git: Git
) -> None:
    edit(folder)
    run = process("run", "films/spring.yaml", "--sandbox", "--yes")
    git("add", "-A")
    git("commit", "-qm", "second, with its lock")
    (folder / "films/spring.sandbox.lock.json").unlink()

    said = json.loads(command("diff", "films/spring.yaml", "HEAD~1", "HEAD", "--sandbox", "--json").out)

    assert run.code == 0
    assert said["usd"] == "0"
    assert said["counts"] == {"changed": 2, "created": 1, "moved": 1, "orphaned": 1}
    assert {each["because"] for each in said["changes"] if each["change"] == "created"} == {"new; done"}
    assert said["waiting"] == {"jobs": 0, "usd": "0"}


@pytest.mark.usefixtures("git")
def test_nothing_changed_is_said_with_what_waits(command: Command) -> None:
    said = command("diff", "films/spring.yaml", "HEAD")

    assert said.out == (
        "Diff HEAD..working tree: no job is another one.\n"
        "Besides, 4 jobs of before would be paid for in the next run ($0.74).\n"
    )


def test_a_manifest_that_is_new_is_all_created(command: Command, folder: Path, git: Git) -> None:
    (folder / "films/autumn.yaml").write_text(MANIFEST.replace("spring", "autumn"))
    told = json.loads(command("diff", "films/autumn.yaml", "--json").out)
    git("add", "-A")
    git("commit", "-qm", "second")
    gone = json.loads(command("diff", "films/autumn.yaml", "HEAD", "HEAD~1", "--json").out)

    assert (told["counts"], told["usd"]) == ({"created": 4}, "0.736")
    assert (gone["counts"], gone["usd"]) == ({"orphaned": 4}, "0")
    assert command("diff", "films/winter.yaml", "HEAD", "HEAD~1").code == 2


def test_a_manifest_that_went_away_is_told_where_its_folder_is_named(command: Command, folder: Path, git: Git) -> None:
    films = folder / "films"
    (films / "autumn.yaml").write_text(MANIFEST.replace("spring", "autumn"))
    git("add", "-A")
    git("commit", "-qm", "second")
    (films / "spring.yaml").unlink()

    here = json.loads(command("diff", "films", "--json").out)["manifests"]
    alone = json.loads(command("diff", "films/spring.yaml", "HEAD", "--json").out)
    git("commit", "-aqm", "third")
    (films / "winter.yaml").write_text(MANIFEST.replace("spring", "winter"))
    commits = json.loads(command("diff", "films", "HEAD~1", "HEAD", "--json").out)["manifests"]
    born = json.loads(command("diff", "films", "--json").out)["manifests"]

    told = [(each["manifest"], each["counts"]) for each in here]
    assert told == [("films/autumn.yaml", {}), ("films/spring.yaml", {"orphaned": 4})]
    assert alone["counts"] == {"orphaned": 4}
    assert [(each["manifest"], each["counts"]) for each in commits] == told
    assert [(each["manifest"], each["counts"]) for each in born] == [told[0], ("films/winter.yaml", {"created": 4})]


def test_a_manifest_that_was_renamed_is_held_against_itself(command: Command, folder: Path, git: Git) -> None:
    git("mv", "films/spring.yaml", "films/may.yaml")
    edit(folder)
    (folder / "films/spring.yaml").replace(folder / "films/may.yaml")

    told = json.loads(command("diff", "films", "--json").out)

    assert told["counts"] == {"changed": 2, "created": 1, "moved": 1, "orphaned": 1}


def test_a_revision_in_the_place_of_a_manifest_is_told(command: Command, git: Git) -> None:
    del git

    said = command("diff", "HEAD", "films")

    assert said.code == 2
    assert "`HEAD` is no manifest" in said.err
    assert "manifests come first, and revisions after them" in said.err


def test_several_manifests_are_compared_each_under_its_name(command: Command, folder: Path, git: Git) -> None:
    (folder / "films/autumn.yaml").write_text(MANIFEST.replace("spring", "autumn"))
    git("add", "-A")
    git("commit", "-qm", "second")

    told = json.loads(command("diff", "films", "HEAD~1", "HEAD", "--json").out)["manifests"]
    mark = command("diff", "films", "HEAD~1", "--format", "md").out
    text = command("diff", "films/autumn.yaml", "films/spring.yaml", "HEAD~1").out

    assert [(each["manifest"], each["counts"]) for each in told] == [
        ("films/autumn.yaml", {"created": 4}),
        ("films/spring.yaml", {}),
    ]
    assert mark.startswith("`films/autumn.yaml`\n\n### Diff HEAD")
    assert "\n`films/spring.yaml`\n\n### Diff HEAD" in mark
    assert text.startswith("films/autumn.yaml\n\n+")


def test_a_mistake_in_a_commit_is_told_with_its_place_there(command: Command, folder: Path, git: Git) -> None:
    (folder / "films/hero.j2").write_text("{{ nobody }}")
    git("commit", "-qam", "second")
    (folder / "films/hero.j2").write_text("a cup")

    said = command("diff", "films/spring.yaml")

    assert said.code == 2
    assert "HEAD:films/hero.j2:1:4" in said.err


def test_a_link_in_a_commit_is_not_followed(command: Command, folder: Path, git: Git) -> None:
    (folder / "films/hero.j2").unlink()
    (folder / "films/hero.j2").symlink_to("langs.csv")
    git("add", "-A")
    git("commit", "-qm", "second")

    said = command("diff", "films/spring.yaml", "HEAD~1", "HEAD")

    assert said.code == 2
    assert "no plain file" in said.err


def test_a_lock_that_is_damaged_in_a_commit_ends_with_6(command: Command, folder: Path, git: Git) -> None:
    (folder / "films/spring.lock.json").write_text("{")
    git("add", "-A")
    git("commit", "-qm", "second")

    said = command("diff", "films/spring.yaml", "HEAD~1", "HEAD")

    assert said.code == 6
    assert "HEAD:spring.lock.json" in said.err


def test_a_shallow_clone_says_what_it_lacks(command: Command, folder: Path, git: Git) -> None:
    edit(folder)
    git("commit", "-qam", "second")
    git("clone", "-q", "--depth", "1", folder.as_uri(), "shallow")

    said = command("diff", "shallow/films/spring.yaml", "HEAD~1")

    assert said.code == 2
    assert "`HEAD~1` is not in this shallow clone" in said.err
    assert "fetch-depth: 0" in said.err


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize("names", [["no-such"], ["--", "-x"], ["HEAD", "HEAD", "HEAD"], ["HEAD:films"]])
def test_a_revision_that_is_none_is_refused(command: Command, names: list[str]) -> None:
    said = command("diff", "films/spring.yaml", *names)

    assert said.code == 2
    assert said.out == ""


def test_no_repository_is_told(command: Command) -> None:
    said = command("diff", "spring.yaml")

    assert said.code == 2
    assert "is in no git repository" in said.err


def test_a_file_of_git_lfs_is_read_from_this_clone(command: Command, folder: Path, git: Git) -> None:
    prompt = b"a cup out of the large file storage"
    digest = hashlib.sha256(prompt).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(prompt)}\n"
    (folder / "films/hero.j2").write_text(pointer)
    git("commit", "-qam", "second")

    without = command("diff", "films/spring.yaml", "HEAD~1", "HEAD")
    kept = folder / ".git/lfs/objects" / digest[:2] / digest[2:4] / digest
    kept.parent.mkdir(parents=True)
    kept.write_bytes(prompt)
    within = command("diff", "films/spring.yaml", "HEAD~1", "HEAD", "--json")

    assert (without.code, within.code) == (2, 0)
    assert "git lfs fetch" in without.err
    assert json.loads(within.out)["counts"] == {"changed": 2}


def test_without_git_that_is_told(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    said = command("diff", "spring.yaml")

    assert said.code == 2
    assert "git cannot be run" in said.err
