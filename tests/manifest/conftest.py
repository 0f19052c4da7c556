"""What the tests of this room share: a manifest's text loaded as a command would, beside a folder of files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kling_batch.job import Job
from kling_batch.manifest.load import load
from kling_batch.manifest.model import Manifest
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.render import render_all
from kling_batch.text.source import Source

Loaded = tuple[Manifest | None, tuple[Diagnostic, ...]]
Load = Callable[..., Loaded]
Jobs = Callable[..., tuple[Job, ...]]
Told = Callable[..., tuple[str, ...]]

FILES = Path(__file__).parent / "golden" / "files"


def read_below(folder: Path) -> Callable[[str], bytes]:
    """Read as the shell does: files of one folder, no links, nothing that is no regular file."""

    def read(path: str) -> bytes:
        whole = folder / path
        if whole.is_symlink():
            raise PermissionError(1, "it is a symbolic link")
        return whole.read_bytes()

    return read


@pytest.fixture(scope="session")
def load_text() -> Load:
    """Load a manifest's text, with `files` in memory in place of the golden folder if any are given."""

    def load_one(
        text: str,
        *,
        name: str = "manifests/spring.yaml",
        env: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        files: Mapping[str, bytes | str] | None = None,
        folder: Path = FILES,
        profile: str = "",
        where: str = "",
    ) -> Loaded:
        def read(path: str) -> bytes:
            if files is None:
                return read_below(folder)(path)
            if path not in files:
                raise FileNotFoundError(2, "No such file or directory")
            content = files[path]
            return content.encode() if isinstance(content, str) else content

        return load(
            Source(name, text), read=read, env=env or {}, variables=variables or {}, profile=profile, where=where
        )

    return load_one


@pytest.fixture(scope="session")
def jobs_of(load_text: Load) -> Jobs:
    """Return the jobs of a manifest that has to be good."""

    def jobs(text: str, **how: object) -> tuple[Job, ...]:
        manifest, told = load_text(text, **how)
        assert manifest is not None, render_all(told)
        return manifest.jobs

    return jobs


@pytest.fixture(scope="session")
def codes_of(load_text: Load) -> Told:
    """Return the codes of what is said about a manifest."""

    def codes(text: str, **how: object) -> tuple[str, ...]:
        return tuple(each.code for each in load_text(text, **how)[1])

    return codes
