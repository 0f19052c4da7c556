import subprocess
import sys
from pathlib import Path

from kling_batch.sandbox.facts import Upload
from kling_batch.sandbox.memory import Memory

FULL = """
import resource, sys
from pathlib import Path
from kling_batch.sandbox.facts import Upload
from kling_batch.sandbox.memory import Memory
with Memory(Path(sys.argv[1])) as memory:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    try:
        memory.keep([Upload(name="x" * 90)])
    except OSError as error:
        print(error.strerror)
"""


def test_facts_come_back_in_their_order(tmp_path: Path) -> None:
    facts = [Upload(name=str(number)) for number in range(3)]
    with Memory(tmp_path / "state") as memory:
        for fact in facts:
            memory.keep([fact])
        memory.keep([])

    with Memory(tmp_path / "state") as memory:
        assert list(memory.facts) == facts


def test_a_full_disk_leaves_no_half_line_behind(tmp_path: Path) -> None:
    with Memory(tmp_path / "state") as memory:
        memory.keep([Upload(name="a")])

    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "state")], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "No space left on device"
    with Memory(tmp_path / "state") as memory:
        assert memory.facts == (Upload(name="a"),)
