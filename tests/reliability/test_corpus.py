"""Every bad manifest through the real command; see `corpus.py`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_every_bad_manifest_is_told_where_and_why_within_bounds_and_leads_to_nothing() -> None:
    script = Path(__file__).with_name("corpus.py")

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"^(\d+) bad manifests, (\d+) runs, (\d+) codes", done.stdout, re.MULTILINE)
    assert told is not None, done.stdout
    manifests, runs, codes = map(int, told.groups())
    assert manifests >= 200
    assert runs == 2 * manifests
    assert codes >= 90
