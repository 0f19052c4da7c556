"""Processes of a benchmark: the service on one core, a subject on the other, each gone when its block ends."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LONGEST = 900  # seconds that a subject may take


@contextmanager
def service(pem: str = "", **options: float) -> Iterator[str]:
    """Give the address of a service of its own; the options are those of `service.py`."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    words += [f"--pem={pem}"] if pem else []
    command = [sys.executable, HERE / "service.py", "--core=0", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield f"http{'s' if pem else ''}://127.0.0.1:{int(child.stdout.readline())}"
        finally:
            child.kill()


@contextmanager
def certificate() -> Iterator[str]:
    """Give the path of a key and a certificate for 127.0.0.1 in one file, made by `openssl`."""
    with tempfile.TemporaryDirectory(prefix="kling-bench-") as folder:
        pem = Path(folder) / "service.pem"
        words = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1")
        name = ("-addext", "subjectAltName=IP:127.0.0.1")
        command = [shutil.which("openssl") or "openssl", "req", *words, *name, "-keyout", pem, "-out", pem]
        subprocess.run(command, capture_output=True, check=True)
        yield str(pem)


def subject(module: str, name: str, **options: Any) -> dict[str, Any]:
    """Run one subject in a process of its own, and return its figures."""
    command = [sys.executable, HERE / f"{module}.py", name, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, env=environment(), check=False)
    if done.returncode:
        raise RuntimeError(f"{module} {name}: {done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def environment() -> dict[str, str]:
    """Return the environment of every process that is measured: no colors, no proxies, bytecode kept.

    An installer compiles what it installs. A checkout under `PYTHONDONTWRITEBYTECODE` would be compiled at every start,
    and its peers would not.
    """
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"NO_COLOR": "1"}
