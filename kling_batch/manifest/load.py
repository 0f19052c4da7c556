"""From a manifest's text to its jobs: parse, hold against the schema, expand, render, check; each stage tells all."""

from collections.abc import Mapping

from kling_batch.manifest.model import Manifest, Read
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.source import Source


def load(
    source: Source, *, read: Read, env: Mapping[str, str], variables: Mapping[str, str]
) -> tuple[Manifest | None, tuple[Diagnostic, ...]]:
    """Return the manifest with its jobs, and every diagnostic of the first stage that found an error.

    `source` is the manifest's decoded text, `env` what templates may ask for with `env()`, `variables` what `--var`
    gave. The manifest is `None` exactly if there is an error among the diagnostics; warnings come with a manifest.
    """
    raise NotImplementedError
