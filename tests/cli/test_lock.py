"""The verbs of `lock`, and locks that git has left in conflict."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.plan.lockfile import format as format_lock
from kling_batch.plan.lockfile import parse
from kling_batch.text.source import Source

Command = Callable[..., "Said"]  # noqa: F821 - `Said` lives in the conftest, which tests may not import
Golden = Callable[[str, str], None]

LANGS = ("de", "en")


def record(lang: str, state: str = "pending", **more: object) -> dict[str, object]:
    output = f"hero/{lang}-t1.mp4"
    return {
        "spec": "v1:" + f"{LANGS.index(lang):064x}",
        "parts": ["a", "-", "b", "-"],
        "state": state,
        "output": output,
    } | more


def done(lang: str, task: str) -> dict[str, object]:
    more = {"generation": 1, "attempt": 1, "business_id": f"kb1-{lang}", "task": task, "spent": "0.184"}
    return record(lang, "done", sha256="0" * 64, bytes=1, seconds=5.0, **more)


def text(service: str = "https://toapis.com", **records: dict[str, object]) -> str:
    jobs = {f"hero/lang={lang}#1": each for lang, each in records.items()}
    whole = {"version": 1, "project": "spring", "service": service, "jobs": jobs}
    lock, told = parse(Source("spring.lock.json", json.dumps(whole)))
    assert lock is not None, told
    return format_lock(lock)


def conflict(ours: str, theirs: str) -> str:
    head, _, rest = ours.partition("\n")
    return f"{head}\n<<<<<<< HEAD\n{rest}=======\n{theirs.partition(chr(10))[2]}>>>>>>> topic\n"


@pytest.fixture
def repository(folder: Path) -> Callable[..., str]:
    """Make the project a git repository, and run git in it."""

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - git is where the machine has it
        return done.stdout + done.stderr

    git("init", "-q", "-b", "main")
    return git


def test_check_is_content_with_a_whole_lock(command: Command, folder: Path) -> None:
    (folder / "spring.lock.json").write_text(text(de=record("de"), en=done("en", "tsk_1")))

    said = command("lock", "check", "spring.yaml")

    assert (said.code, said.out, said.err) == (0, "ok: 1 lock, 2 records\n", "")


def test_check_tells_what_a_run_would_mend(command: Command, folder: Path, golden: Golden) -> None:
    unsure = record("de", "unsure", generation=1, attempt=1, business_id="kb1-x")
    (folder / "spring.lock.json").write_text(text(de=unsure).replace("{", "{ ", 1))

    said = command("lock", "check", "spring.yaml")

    assert (said.code, said.out) == (3, "")
    golden("lock-check.txt", said.err)


def test_check_tells_that_there_is_no_lock(command: Command) -> None:
    said = command("lock", "check", "spring.yaml")

    assert said.code == 3
    assert "lock-missing" in said.err


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", text().replace("spring", "autumn").encode(), conflict(text(de=record("de")), text()).encode()],
)
def test_check_ends_with_6_for_a_lock_that_is_damaged(command: Command, folder: Path, content: bytes) -> None:
    (folder / "spring.lock.json").write_bytes(content)

    said = command("lock", "check", "spring.yaml")

    assert said.code == 6
    assert (folder / "spring.lock.json").read_bytes() == content


def test_check_tells_programs_about_every_lock(command: Command, folder: Path) -> None:
    (folder / "autumn.yaml").write_text((folder / "spring.yaml").read_text())
    (folder / "spring.lock.json").write_text(text(de=record("de"), en=record("en")))
    (folder / "autumn.lock.json").write_text("")

    said = command("lock", "check", "spring.yaml", "autumn.yaml", "--json")

    spring, autumn = json.loads(said.out)["locks"]
    assert said.code == 6
    assert spring == {"manifest": "spring.yaml", "lock": "spring.lock.json", "ok": True, "problems": []}
    assert [each["code"] for each in autumn["problems"]] == ["lock-empty"]


def test_fmt_writes_the_one_form_and_nothing_else(command: Command, folder: Path) -> None:
    lock = folder / "spring.lock.json"
    good = text(de=record("de"), en=done("en", "tsk_1"))
    lock.write_bytes(b"\xef\xbb\xbf" + json.dumps(json.loads(good), indent=2).replace("\n", "\r\n").encode())

    assert command("lock", "fmt", "spring.yaml", "--check").code == 3
    assert lock.read_bytes().startswith(b"\xef\xbb\xbf")
    assert command("lock", "fmt", "spring.yaml").out == "wrote spring.lock.json\n"
    assert lock.read_text() == good

    before = lock.stat().st_mtime_ns
    assert command("lock", "fmt", "spring.yaml").out == ""
    assert command("lock", "fmt", "spring.yaml", "--check").code == 0
    assert lock.stat().st_mtime_ns == before


def test_fmt_makes_no_lock_where_there_is_none(command: Command, folder: Path) -> None:
    assert command("lock", "fmt", "spring.yaml").code == 0
    assert not (folder / "spring.lock.json").exists()


def test_a_plan_reads_through_a_conflict_and_writes_nothing(command: Command, folder: Path) -> None:
    lock = folder / "spring.lock.json"
    ours = text(de=done("de", "tsk_1"), en=record("en"))
    lock.write_text(conflict(ours, text(de=record("de"), en=done("en", "tsk_2"))))
    before = lock.read_bytes()

    said = command("status", "spring.yaml", "--json")

    assert said.code == 0
    assert [job["task"] for job in json.loads(said.out)["jobs"]] == ["tsk_1", "tsk_2"]
    assert "lock-healed" in said.err
    assert lock.read_bytes() == before


def test_fmt_writes_what_was_healed(command: Command, folder: Path) -> None:
    lock = folder / "spring.lock.json"
    lock.write_text(conflict(text(de=done("de", "tsk_1")), text(de=done("de", "tsk_2"))))

    said = command("lock", "fmt", "spring.yaml")

    assert said.code == 0
    assert "paid-twice" in said.err
    assert [each["task"] for each in json.loads(lock.read_text())["jobs"]["hero/lang=de#1"]["also"]] == ["tsk_2"]


def test_a_key_that_nobody_can_decide_ends_with_6(command: Command, folder: Path) -> None:
    lock = folder / "spring.lock.json"
    lock.write_text(conflict(text(de=done("de", "tsk_1")), text(en=done("en", "tsk_1"))))
    before = lock.read_bytes()

    for words in (("plan", "spring.yaml"), ("lock", "fmt", "spring.yaml"), ("run", "spring.yaml", "--yes")):
        said = command(*words)

        assert said.code == 6
        assert "`hero/lang=de#1`" in said.err
        assert lock.read_bytes() == before


def test_a_lock_of_many_megabytes_is_read(command: Command, folder: Path) -> None:
    lock = json.loads(text(de=record("de"), en=record("en")))
    lock["jobs"]["hero/lang=de#1"]["warnings"] = ["x" * 6_000_000]
    (folder / "spring.lock.json").write_text(json.dumps(lock))

    assert command("status", "spring.yaml").code == 0


def test_merge_writes_into_ours(command: Command, folder: Path) -> None:
    base = text(de=record("de"), en=record("en"))
    ours, theirs = text(de=done("de", "tsk_1"), en=record("en")), text(de=done("de", "tsk_2"), en=done("en", "tsk_3"))
    for name, content in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text(content)

    said = command("lock", "merge", "base", "ours", "theirs", "--path", "spring.lock.json")

    merged = json.loads((folder / "ours").read_text())["jobs"]
    assert said.code == 0
    assert "task `tsk_2` is the second one, for $0.184" in said.err
    assert [record["task"] for record in merged.values()] == ["tsk_1", "tsk_3"]


@pytest.mark.parametrize("theirs", ["{", text().replace("spring", "autumn"), text(en=done("en", "tsk_1"))])
def test_merge_leaves_both_sides_where_nothing_is_certain(command: Command, folder: Path, theirs: str) -> None:
    (folder / "base").write_text("")
    (folder / "ours").write_text(text(de=done("de", "tsk_1")))
    (folder / "theirs").write_text(theirs)

    said = command("lock", "merge", "base", "ours", "theirs")

    left = (folder / "ours").read_text()
    assert said.code == 1
    assert "cannot be" in said.err or "error[" in said.err
    assert "<<<<<<< ours" in left
    assert "tsk_1" in left


def test_install_lets_git_merge_by_key(process: Command, repository: Callable[..., str], folder: Path) -> None:
    lock = folder / "spring.lock.json"
    lock.write_text(text())
    first = process("lock", "install")
    again = process("lock", "install")
    repository("add", "-A")
    repository("commit", "-qm", "base")
    repository("checkout", "-qb", "topic")
    lock.write_text(text(de=done("de", "tsk_1")))
    repository("commit", "-qam", "topic")
    repository("checkout", "-q", "main")
    lock.write_text(text(en=done("en", "tsk_2")))
    repository("commit", "-qam", "main")

    said = repository("merge", "--no-edit", "topic")

    assert (first.code, again.out) == (0, "nothing to do\n")
    assert (folder / ".gitattributes").read_text() == "*.lock.json merge=kling-batch\n"
    assert "CONFLICT" not in said
    assert lock.read_text() == text(de=done("de", "tsk_1"), en=done("en", "tsk_2"))


def test_uninstall_takes_out_what_install_put_in(
    command: Command, repository: Callable[..., str], folder: Path
) -> None:
    (folder / ".gitattributes").write_text("*.mp4 binary\n")
    before = repository("config", "--local", "--list")

    command("lock", "install")
    said = command("lock", "install", "--uninstall")

    assert said.code == 0
    assert (folder / ".gitattributes").read_text() == "*.mp4 binary\n"
    assert repository("config", "--local", "--list") == before
    assert command("lock", "install", "--uninstall").out == "nothing to do\n"


@pytest.mark.usefixtures("repository")
def test_attributes_that_are_only_ours_go_with_it(command: Command, folder: Path) -> None:
    command("lock", "install")
    (folder / ".gitattributes").unlink()

    assert ".gitattributes" in command("lock", "install").out
    assert command("lock", "install", "--uninstall").code == 0
    assert not (folder / ".gitattributes").exists()


def test_without_kling_batch_the_driver_leaves_gits_own_conflict(
    command: Command, repository: Callable[..., str], folder: Path
) -> None:
    lock = folder / "spring.lock.json"
    lock.write_text(text())
    command("lock", "install")
    driver = repository("config", "merge.kling-batch.driver").strip()
    repository("config", "merge.kling-batch.driver", driver.replace("python", "no-python"))
    repository("add", "-A")
    repository("commit", "-qm", "base")
    repository("checkout", "-qb", "topic")
    lock.write_text(text(de=done("de", "tsk_1")))
    repository("commit", "-qam", "topic")
    repository("checkout", "-q", "main")
    lock.write_text(text(en=done("en", "tsk_2")))
    repository("commit", "-qam", "main")

    said = repository("merge", "--no-edit", "topic")

    assert "CONFLICT" in said
    assert "tsk_1" in lock.read_text()
    assert "tsk_2" in lock.read_text()


def test_install_wants_a_repository(command: Command) -> None:
    said = command("lock", "install")

    assert said.code == 2
    assert "is in no git repository" in said.err


@pytest.mark.parametrize("verb", ["lock", "lock check", "lock fmt", "lock merge", "lock install", "diff"])
def test_help_shows_how_it_is_used(command: Command, golden: Golden, verb: str) -> None:
    said = command(*verb.split(), "--help")

    assert said.code == 0
    assert "Example: kling-batch" in said.out
    golden(f"help-{verb.replace(' ', '-')}.txt", "\n".join(line.rstrip() for line in said.out.splitlines()) + "\n")
