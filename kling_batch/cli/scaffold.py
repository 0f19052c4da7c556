"""Verbs to begin with: `init` writes a manifest, `schema` prints what editors read, `completion` what shells read."""

import re
from pathlib import Path

import rich_click as click
from click.shell_completion import get_completion_class

from kling_batch.cli import terminal
from kling_batch.errors import UsageError

SCHEMA = "kling-batch.schema.json"
IGNORED = ("/outputs/", "*.sandbox.lock.json")
MANIFEST = """\
# yaml-language-server: $schema=SCHEMA
version: 1
project: PROJECT                     # part of every task's id at the service; set it once
vars: {brand: Aurora}
request:                             # what every shot starts from: the fields of the API
  mode: std                          # std is 720p, pro is 1080p
  duration: 5                        # 5 or 10 seconds
run:
  budget: 5.00                       # USD that this campaign may cost
shots:
  hero:
    matrix:                          # 2 x 2 jobs; only here does a list multiply
      ratio: [16:9, 9:16]
      light: [warm morning, cold evening]
    request:
      prompt: A kettle by {{ brand }} on a kitchen table, {{ light }} light, slow push in
      aspect_ratio: "{{ ratio }}"
"""


@click.command(epilog="Example: kling-batch init manifests/spring.yaml")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default="manifests/first.yaml")
def init(path: Path) -> int:
    """Write a small manifest to start from, with its schema for editors and the lines that git should ignore.

    PATH is manifests/first.yaml if it is not given. A file that is there already is never overwritten.
    """
    from kling_batch import store  # noqa: PLC0415 - `--help` need not wait for it
    from kling_batch.manifest.schema import schema_text  # noqa: PLC0415 - jsonschema is slow to import

    if path.exists():
        raise UsageError(f"`{path}` is there already", help="name another file; nothing was written")
    path.parent.mkdir(parents=True, exist_ok=True)
    schema, ignore = path.parent / SCHEMA, path.parent / ".gitignore"
    project = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-") or "first"
    store.write_atomic(path, MANIFEST.replace("SCHEMA", SCHEMA).replace("PROJECT", project).encode())
    if not schema.exists():
        store.write_atomic(schema, schema_text("manifest").encode())
    already = ignore.read_text(encoding="utf-8").splitlines() if ignore.exists() else []
    missing = [line for line in IGNORED if line not in already]
    if missing:
        store.write_atomic(ignore, "".join(f"{line}\n" for line in [*already, *missing]).encode())
    terminal.out(f"wrote {path}\ntry it without a key: kling-batch run {path} --sandbox")
    return 0


@click.command(epilog="Example: kling-batch schema manifest > manifest.schema.json")
@click.argument("name", type=click.Choice(["manifest", "lock"]), default="manifest")
def schema(name: str) -> int:
    """Print the JSON Schema of manifests, or of locks."""
    from kling_batch.manifest.schema import schema_text  # noqa: PLC0415 - jsonschema is slow to import

    terminal.out(schema_text("lock" if name == "lock" else "manifest"))
    return 0


@click.command(epilog='Example: eval "$(kling-batch completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script of a shell, to be read by it when it starts."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choice holds only shells that click knows
    script = kind(context.find_root().command, {}, "kling-batch", "_KLING_BATCH_COMPLETE")
    terminal.out(script.source())
    return 0
