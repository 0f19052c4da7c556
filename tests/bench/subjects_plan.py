"""A plan of many jobs: the product's, and the least that plain Python can do for the same requests."""

import hashlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import campaign
from jinja2 import Environment, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from measured import measured, work

import kling_batch
from kling_batch.manifest.template import Template, Templates
from kling_batch.plan.diff import Action

PROMPT = """\
{{ brand }}: {{ lang.greet }} - {{ product.name }}, {{ grade }} light, on a table by the window, take {{ take }}.
{% for color in product.colors %}A {{ color }} ribbon lies beside it. {% endfor %}
{% if grade == "warm" %}Late sun{% else %}Morning fog{% endif %}, {{ product.name | upper }} in focus."""


def prepare(place: str, jobs: int, *, files: bool = False, sandbox: bool = False) -> dict[str, Any]:
    """Leave a campaign that is done in a folder."""
    manifest = campaign.write(Path(place), jobs)
    campaign.finish(manifest, files=files, sandbox=sandbox)
    return {"made": jobs}


def product(place: str) -> dict[str, Any]:
    """Load a manifest and hold it against a lock in which all of it is done, on another machine."""
    with measured() as figures:
        loaded = kling_batch.load(Path(place) / "bench.yaml", base_url="http://127.0.0.1:9")
        changes = kling_batch.plan(loaded).changes
    kept = sum(change.action is Action.KEEP for change in changes)
    return {"wall": figures.wall, "cpu": figures.cpu, "made": kept}


def floor(jobs: int) -> dict[str, Any]:
    """Multiply, render, check, hash and compare with a table: one loop, no spans, no paths, no lock file."""
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    template = environment.from_string(campaign.PROMPT)
    side = [f"v{number}" for number in range(campaign.AXIS)]
    takes = range(1, max(1, jobs // campaign.AXIS**3) + 1)
    known: dict[str, str] = {}
    with measured() as figures:
        new = 0
        for animal, city, style, take in itertools.product(side, side, side, takes):
            values = {"animal": animal, "city": city, "style": style, "take": take}
            prompt = template.render(values)
            request = {"model": "kling-v2-6", "prompt": prompt, "mode": "std", "duration": 5, "aspect_ratio": "16:9"}
            if not (1 <= len(prompt) <= 2500 and request["duration"] in (5, 10) and request["mode"] in ("std", "pro")):
                raise ValueError(request)
            text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            new += known.get("/".join(map(str, values.values()))) != hashlib.sha256(text.encode()).hexdigest()
    return {"wall": figures.wall, "cpu": figures.cpu, "made": new}


def lock(place: str) -> dict[str, Any]:
    """Read the lock file as JSON, and no more."""
    with measured() as figures:
        read = json.loads((Path(place) / "bench.lock.json").read_bytes())
    return {"wall": figures.wall, "cpu": figures.cpu, "made": len(read["jobs"])}


def bounded(jobs: int) -> dict[str, Any]:
    """Render a prompt for each job as a manifest's are: sandboxed, every step counted."""
    templates = Templates(_no_file)
    template = templates.compile(PROMPT)
    assert isinstance(template, Template), template
    return _rendered(jobs, lambda values: templates.render(template, values))


def unbounded(jobs: int) -> dict[str, Any]:
    """Render the same with Jinja as it comes, but for names that are not there."""
    return _rendered(jobs, Environment(undefined=StrictUndefined, autoescape=False).from_string(PROMPT).render)  # noqa: S701 - text for a model, no page


def _rendered(jobs: int, render: Callable[[dict[str, object]], object]) -> dict[str, Any]:
    length = 0
    with measured() as figures:
        for number in range(jobs):
            lang = {"greet": "Hallo" if number % 2 else "Hello"}
            product = {"name": f"Kettle {number % 7}", "colors": ["red", "teal"]}
            values = {"brand": "Aurora", "lang": lang, "product": product, "grade": "warm", "take": number}
            length += len(str(render(values)))
    return {"wall": figures.wall, "cpu": figures.cpu, "made": jobs, "length": length}


def _no_file(path: str) -> str:
    raise AssertionError(path)


if __name__ == "__main__":
    work(
        {
            "prepare": prepare,
            "product": product,
            "floor": floor,
            "lock": lock,
            "bounded": bounded,
            "unbounded": unbounded,
        }
    )
