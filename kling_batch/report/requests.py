"""The expanded jobs of a manifest, as people and programs read them: YAML, JSON, CSV, and the curl of each request."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence

from kling_batch.job import Job, Json, Key
from kling_batch.report.table import comma_separated
from kling_batch.text.plain import plain

REQUEST_FIELDS = (
    *("model", "mode", "duration", "aspect_ratio", "audio", "watermark", "prompt", "negative_prompt"),
    *("reference_images", "image_with_roles"),
)

NO_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""What some version of YAML reads as something else than the word."""


def job_json(job: Job, usd: str | None) -> dict[str, Json]:
    """Return a job as a JSON object; `usd` is its expected price as a decimal string, `None` where unknown."""
    return {
        "key": job.key,
        "shot": job.shot,
        "axes": dict(job.axes),
        "take": job.take,
        "output": job.output,
        "spec": job.spec.hash,
        "usd": usd,
        "request": job.request.body(),
    }


def jobs_yaml(jobs: Sequence[Json]) -> str:
    """Return JSON values as YAML to be read by people: texts of several lines as blocks, the rest as JSON has it."""
    return "".join(line + "\n" for line in _items(jobs, "")) if jobs else "[]\n"


def _items(values: Sequence[Json], indent: str) -> Iterator[str]:
    for value in values:
        lines = list(_value(value, indent + "  "))
        first = lines[0].removeprefix(indent + "  ")
        yield f"{indent}- {first}"
        yield from lines[1:]


def _value(value: Json, indent: str) -> Iterator[str]:
    """Yield the lines of a value that stands by itself, each with its indent."""
    match value:
        case dict() if value:
            for name, each in value.items():
                yield from _entry(name, each, indent)
        case list() if value:
            yield from _items(value, indent)
        case _:
            yield indent + _scalar(value)


def _entry(name: str, value: Json, indent: str) -> Iterator[str]:
    match value:
        case dict() | list() if value:
            yield f"{indent}{_name(name)}:"
            yield from _value(value, indent + "  ")
        case str() if _is_block(value):
            yield f"{indent}{_name(name)}: {'|' if value.endswith(chr(10)) else '|-'}"
            yield from (f"{indent}  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
        case _:
            yield f"{indent}{_name(name)}: {_scalar(value)}"


def _name(name: str) -> str:
    is_word = name.isascii() and name.replace("_", "a").isalpha() and name.lower() not in NO_WORDS
    return name if is_word else _scalar(name)


def _is_block(text: str) -> bool:
    lines = text.removesuffix("\n").split("\n")
    return len(lines) > 1 and lines[0][:1] not in {"", " "} and bool(lines[-1]) and all(map(str.isprintable, lines))


def _scalar(value: Json) -> str:
    """Return a scalar as JSON, which is YAML but for what is not printable, and for pairs of surrogates."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)


def jobs_csv(jobs: Sequence[Job], prices: Mapping[Key, str | None]) -> str:
    """Return jobs as CSV, a column for each axis and each field of the request; lists stand in it as JSON."""
    axes = list(dict.fromkeys(axis for job in jobs for axis, _ in job.axes))
    header = ["key", "shot", "take", *axes, "output", "spec", "usd", *REQUEST_FIELDS]
    return comma_separated(header, (_row(job, axes, prices.get(job.key)) for job in jobs))


def _row(job: Job, axes: Sequence[str], usd: str | None) -> list[str]:
    values, body = dict(job.axes), job.request.body()
    named = [values.get(axis, "") for axis in axes]
    return [
        *(job.key, job.shot, job.take, *named, job.output, job.spec.hash, usd or ""),
        *(_cell(body.get(name)) for name in REQUEST_FIELDS),
    ]


def _cell(value: Json) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def jobs_curl(jobs: Sequence[Job], base_url: str) -> str:
    """Return a shell command for each job's request; the key stays a variable of the shell that runs it."""
    return "\n".join(_curl(job, base_url) for job in jobs)


def _curl(job: Job, base_url: str) -> str:
    local = [image.url for image in job.request.images if image.sha256]
    notes = [f"# {plain(job.key)}: this pays for a video that no lock knows of"]
    notes += [f"# upload {plain(path)} first, and put its address in its place" for path in local]
    body = json.dumps(job.request.body(), ensure_ascii=False)
    lines = [
        f"curl --fail-with-body -sS {shlex.quote(base_url + '/videos/generations')}",
        '-H "Authorization: Bearer $TOAPIS_API_KEY"',
        "-H 'Content-Type: application/json'",
        f"--data-raw {shlex.quote(body)}",
    ]
    return "\n".join([*notes, " \\\n  ".join(lines), ""])
