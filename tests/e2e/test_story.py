"""A campaign's whole life in one git repository, told in order, with what the service charged at each step."""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kling_batch.cli.main import main
from kling_batch.sandbox.server import Config, serve

pytestmark = pytest.mark.slow

MANIFEST = """\
version: 1
project: spring
run: {poll: {first: 0.1s, every: 1s}}
output: {root: outputs}
shots:
  hero:
    matrix: {lang: [de, en]}
    takes: 2
    request: {prompt: "a cup of coffee, {{ lang }}"}
  pour:
    matrix: {lang: [de, en]}
    request: {prompt: "milk poured, {{ lang }}"}
"""


@dataclass
class Team:
    """Two people with a checkout each, one service, and the words of the last command."""

    home: Path
    url: str
    chdir: Callable[[Path], None]
    read: Callable[[], tuple[str, str]]
    said: str = ""
    talk: str = ""

    def clone(self, name: str) -> None:
        """Sit down at somebody's checkout, made if it is not there."""
        if not (self.home / name).exists():
            git(self.home, "clone", "-q", "origin.git", name)
        self.chdir(self.home / name)

    def does(self, *words: str, code: int = 0) -> str:
        """Give a command, which has to end with that code; return what it printed."""
        ended = main(words)
        self.said, self.talk = self.read()
        assert ended == code, f"{words}: {ended}\n{self.said}{self.talk}"
        return self.said

    def planned(self) -> dict[str, int]:
        """Return how many jobs the plan does what with."""
        return dict(json.loads(self.does("plan", "spring.yaml", "--json"))["counts"])

    def charged(self) -> int:
        """Return how many tasks the service was paid for; none of them twice under one business id."""
        with urllib.request.urlopen(f"{self.url}/sandbox/ledger") as answer:  # noqa: S310 - our own sandbox on loopback
            told = json.load(answer)["by_business_id"]
        assert set(told.values()) <= {1}
        return len(told)

    def edits(self, before: str, after: str) -> None:
        """Change the manifest."""
        text = Path("spring.yaml").read_text()
        assert before in text
        Path("spring.yaml").write_text(text.replace(before, after))


def git(folder: Path, *words: str) -> str:
    """Return what git says; it has to succeed."""
    person = ("-c", "user.name=kim", "-c", "user.email=kim@example.org")
    done = subprocess.run(["git", *person, *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - git is where it is
    assert done.returncode == 0, f"git {words}: {done.stdout}{done.stderr}"
    return done.stdout


def commit(subject: str) -> None:
    git(Path(), "add", "-A")
    git(Path(), "commit", "-q", "-m", subject)


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Team]:
    for name in ("GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "CI"):
        monkeypatch.delenv(name, raising=False)
    with serve(Config(speed=2000, state=tmp_path / "service.jsonl")) as url:
        monkeypatch.setenv("TOAPIS_BASE_URL", url)
        monkeypatch.setenv("TOAPIS_API_KEY", "sk-test")
        git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
        yield Team(home=tmp_path, url=url, chdir=monkeypatch.chdir, read=lambda: tuple(capsys.readouterr()))


def test_a_campaign_lives_through_months_and_pays_for_each_video_once(team: Team) -> None:
    team.clone("ours")
    begun(team)
    edited_and_taken_back(team)
    shared(team)
    renamed(team)
    drawn_anew_and_pruned(team)
    file_lost(team)
    explained(team)
    lock_lost(team)


def begun(team: Team) -> None:
    Path("spring.yaml").write_text(MANIFEST)
    Path(".gitignore").write_text("/outputs/\n")

    team.does("run", "spring.yaml", "--yes", "--limit", "4", code=5)

    assert team.charged() == 4
    assert team.planned() == {"keep": 4, "create": 2}
    commit("run the hero")
    git(Path(), "push", "-q", "origin", "HEAD:main")


def edited_and_taken_back(team: Team) -> None:
    team.edits("a cup of coffee", "a mug of coffee")
    assert team.planned() == {"redo": 4, "create": 2}
    assert "a [-cup-]{+mug+} of coffee, de" in team.does("why", "spring.yaml", "hero/lang=de#1")

    team.does("run", "spring.yaml", "--yes", "hero/lang=de")
    assert team.charged() == 6
    assert len(list(Path("outputs/hero").glob("*~*.mp4"))) == 2

    team.edits("a mug of coffee", "a cup of coffee")
    assert team.planned() == {"restore": 2, "keep": 2, "create": 2}
    team.does("run", "spring.yaml", "--yes", "hero")
    team.edits("a cup of coffee", "a mug of coffee")
    assert team.planned() == {"restore": 2, "redo": 2, "create": 2}
    team.does("run", "spring.yaml", "--yes", "hero/lang=de")
    assert team.charged() == 6

    team.does("accept", "spring.yaml", "hero/lang=en", "--reason", "a cup is a mug")
    assert team.planned() == {"keep": 4, "create": 2}
    commit("say mug")


def shared(team: Team) -> None:
    team.clone("theirs")
    assert team.planned() == {"keep": 4, "create": 2}
    team.does("run", "spring.yaml", "--yes", "pour")
    assert team.charged() == 8
    commit("run the pour")
    git(Path(), "push", "-q", "origin", "HEAD:main")

    team.clone("ours")
    git(Path(), "pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    assert team.planned() == {"keep": 6}
    team.does("run", "spring.yaml", "--yes")
    assert team.charged() == 8


def renamed(team: Team) -> None:
    team.edits("  hero:", "  opener:")
    assert team.planned() == {"move": 4, "keep": 2}
    team.does("run", "spring.yaml", "--yes")
    assert sorted(path.name for path in Path("outputs/opener").glob("??-t?.mp4")) == [
        *("de-t1.mp4", "de-t2.mp4", "en-t1.mp4", "en-t2.mp4")
    ]
    commit("call it opener")

    team.does("mv", "spring.yaml", "pour", "milk")
    team.edits("  pour:", "  milk:")
    team.edits("milk poured", "milk is poured")
    assert team.planned() == {"keep": 4, "redo": 2}
    team.does("accept", "spring.yaml", "milk", "--reason", "grammar")
    assert team.planned() == {"keep": 4, "move": 2}
    team.does("run", "spring.yaml", "--yes")
    assert team.planned() == {"keep": 6}
    assert team.charged() == 8
    commit("call it milk")


def drawn_anew_and_pruned(team: Team) -> None:
    team.does("redo", "spring.yaml", "opener/lang=en#1", "--reason", "the hand is odd")
    assert "asked for anew: the hand is odd" in team.does("plan", "spring.yaml")
    assert team.charged() == 8
    team.does("run", "spring.yaml", "--yes")
    assert team.charged() == 9
    commit("draw one anew")

    results = {path: path.read_bytes() for path in Path("outputs").rglob("??-t?.mp4")}
    listed = json.loads(team.does("prune", "spring.yaml", "--json"))
    team.does("prune", "spring.yaml", "--yes")
    assert len(listed["files"]) == 3
    assert not list(Path("outputs").rglob("*~*.mp4"))
    assert len(list(Path(".kling-batch/trash").rglob("*.mp4"))) == 3
    assert {path: path.read_bytes() for path in Path("outputs").rglob("??-t?.mp4")} == results
    assert team.planned() == {"keep": 6}
    commit("prune")


def file_lost(team: Team) -> None:
    lost = Path("outputs/opener/en-t1.mp4")
    before = lost.read_bytes()
    lost.unlink()

    team.does("run", "spring.yaml", "--yes")
    team.does("verify", "spring.yaml", code=9)
    team.does("verify", "spring.yaml", "--fetch")

    assert lost.read_bytes() == before
    assert team.planned() == {"keep": 6}
    assert team.charged() == 9


def explained(team: Team) -> None:
    told = json.loads(team.does("which", "outputs/opener/en-t1.mp4", "--json"))

    assert (told["key"], told["is_result"], told["manifest"]) == ("opener/lang=en#1", True, "spring.yaml")
    assert told["request"]["prompt"] == "a mug of coffee, en"
    assert told["record"]["reason"] == "the hand is odd"
    assert told["commit"]["subject"] == "draw one anew"


def lock_lost(team: Team) -> None:
    Path("spring.lock.json").unlink()
    for path in Path(".kling-batch").glob("spring.journal.jsonl"):
        path.unlink()

    team.does("run", "spring.yaml", "--yes", code=6)
    assert "recover" in team.talk
    assert team.charged() == 9

    team.does("recover", "spring.yaml", "--yes")
    assert team.planned() == {"move": 2, "blocked": 1, "keep": 3, "orphan": 1}
    assert team.charged() == 9

    team.does("mv", "spring.yaml", "hero/lang=en#2", "opener/lang=en#2")
    team.does("accept", "spring.yaml", "opener/lang=en#2", "--reason", "a cup is a mug")
    team.does("run", "spring.yaml", "--yes")
    assert team.planned() == {"keep": 6}
    assert team.charged() == 9
    commit("recover the lock")
