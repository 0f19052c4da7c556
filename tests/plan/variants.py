"""One manifest said in other words: variants that ask for the same videos, drawn at random (issue 5).

python tests/plan/variants.py --variants 500
"""

import argparse
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from kling_batch.job import Json
from kling_batch.manifest.load import load
from kling_batch.manifest.model import Manifest
from kling_batch.plan.cost import default_prices
from kling_batch.plan.diff import Action, Change, FileState, Outlook, compare
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Record, State
from kling_batch.text.decode import decode
from kling_batch.text.render import render_all

FOLDER = Path(__file__).parents[2] / "manifests"
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.]*( [A-Za-z0-9_.]+)*|[0-9]{1,2}:[0-9]{1,2}")
WORDS = {"true", "false", "null"}  # what YAML 1.2 core reads as something else
ORIGINAL = """\
version: 1
project: spring
vars: {brand: Aurora, place: on a breakfast table}
request: {mode: std, duration: 5, negative_prompt: "blurred letters, watermark"}
run: {in_flight: 4, retries: 1}
output: {root: ../outputs/spring}
shots:
  hero:
    matrix:
      ratio: ["16:9", "9:16"]
      lang: {de: {greet: Guten Morgen}, en: {greet: Good morning}, zh: {greet: 早上好}}
      product: {from: data/products.csv, key: sku, where: "live == 'yes'"}
      grade: {values: {warm: warm evening, cold: cool winter}, default: warm}
    exclude:
      - {ratio: "9:16", grade: cold}
      - {lang: zh, grade: cold}
    include:
      - {ratio: "1:1", lang: de, product: A-1}
    overrides:
      - {when: {product: A-1}, set: {duration: 10}}
      - {when: {product: A-1, ratio: "16:9"}, set: {mode: pro}}
    takes: 2
    request:
      prompt: "{{ brand }}: a {{ product.name }}, {{ place }},\\n{{ grade }} light, \\"{{ lang.greet }}\\"\\n"
      aspect_ratio: "{{ ratio }}"
  pour:
    matrix:
      look: [from above, in profile]
      lens: [24mm, 85mm]
      product: {from: data/products.csv, key: sku, where: "live == 'yes'"}
    zip: [[look, lens]]
    request: {mode: pro, prompt: "{{ brand }}: a {{ product.name }} pours, {{ look }}, {{ lens }}"}
  sound:
    request: {mode: pro, audio: true, prompt: water boils}
  still:
    matrix: {lang: {de: {greet: Guten Morgen}, en: {greet: Good morning}, zh: {greet: 早上好}}}
    takes: [first, second]
    request: {prompt: "{{ lang.greet }}, {{ place }}", duration: 10}
"""


def manifest(text: str) -> Manifest:
    """Return what a text says; the files that it names are those of the repository's own examples."""
    source, _ = decode("spring.yaml", text.encode())
    assert source is not None
    made, told = load(source, read=lambda path: (FOLDER / path).read_bytes(), env={}, variables={})
    assert made is not None, f"{render_all(told)}\n{text}"
    return made


def lock_of(made: Manifest) -> Lock:
    """Return the lock in which every job of a manifest is done."""
    records = {
        job.key: Record(spec=job.spec.hash, parts=job.spec.parts, state=State.DONE, output=job.output, sha256="0" * 64)
        for job in made.jobs
    }
    return Lock(project=made.project, service="sandbox", jobs=records)


def planned(lock: Lock, text: str) -> tuple[Change, ...]:
    """Return what a plan of a text does against a lock."""
    outlook = Outlook(now=0, file=lambda _record: FileState.SAME, retries=1)
    return compare(manifest(text).jobs, lock, default_prices(), outlook)


def variant(rng: random.Random) -> str:
    """Return the original in other words."""
    whole: dict[str, Any] = _core(ORIGINAL)
    for change in rng.sample(CHANGES, rng.randint(1, len(CHANGES))):
        change(whole, rng)
    return Style(rng).text(whole)


def _core(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))  # every scalar that YAML 1.1 reads differently is in quotes


def _shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        return {name: _shuffled(value[name], rng) for name in rng.sample(list(value), len(value))}
    return [_shuffled(each, rng) for each in value] if isinstance(value, list) else value


def reorder(whole: dict[str, Any], rng: random.Random) -> None:
    turned = _shuffled(whole, rng)
    whole.clear()
    whole.update(turned)
    hero = whole["shots"]["hero"] if "hero" in whole["shots"] else next(iter(whole["shots"].values()))
    for values in (hero.get("matrix", {}).get("ratio"), hero.get("exclude")):
        if isinstance(values, list):
            rng.shuffle(values)


def zip_turned(whole: dict[str, Any], rng: random.Random) -> None:
    for shot in whole["shots"].values():
        for names in shot.get("zip", ()):
            rng.shuffle(names)
            if rng.random() < 0.5:
                for name in names:
                    shot["matrix"][name].reverse()


def spell_defaults(whole: dict[str, Any], rng: random.Random) -> None:
    defaults: dict[str, Json] = {
        "model": "kling-v2-6",
        "aspect_ratio": "16:9",
        "audio": False,
        "duration": 5,
        "mode": "std",
    }
    request = whole.setdefault("request", {})
    for name in rng.sample(list(defaults), 3):
        request.setdefault(name, defaults[name])
    for shot in whole["shots"].values():
        if rng.random() < 0.5:
            shot.setdefault("takes", 1)
        if rng.random() < 0.5:
            shot["request"] = {**request, **shot["request"]}
    whole["output"].setdefault("path", "{{ shot }}/{{ slug }}.mp4")
    whole.setdefault("limits", {"jobs": 1000})


def drop_defaults(whole: dict[str, Any], rng: random.Random) -> None:
    for request in (whole.get("request", {}), *(shot["request"] for shot in whole["shots"].values())):
        if rng.random() < 0.5 and request is whole.get("request"):
            for name, value in (("mode", "std"), ("duration", 5)):
                if request.get(name) == value:
                    del request[name]


def rename_shots(whole: dict[str, Any], rng: random.Random) -> None:
    names = {name: f"{name}-{rng.randint(1, 9)}" if rng.random() < 0.5 else name for name in whole["shots"]}
    whole["shots"] = {names[name]: shot for name, shot in whole["shots"].items()}


def rename_axis(whole: dict[str, Any], rng: random.Random) -> None:
    for shot in whole["shots"].values():
        if "look" in shot.get("matrix", {}):
            name = rng.choice(["view", "angle"])
            shot["matrix"] = {name if axis == "look" else axis: values for axis, values in shot["matrix"].items()}
            shot["zip"] = [[name if axis == "look" else axis for axis in names] for names in shot["zip"]]
            shot["request"]["prompt"] = shot["request"]["prompt"].replace("look", name)


def rewrite_templates(whole: dict[str, Any], rng: random.Random) -> None:
    for shot in whole["shots"].values():
        prompt = shot["request"]["prompt"]
        prompt = prompt.replace("{{ brand }}", rng.choice(["{{brand}}", "Aurora", "{{ brand }}{# the maker #}"]))
        shot["request"]["prompt"] = prompt.replace(
            "{{ place }}", rng.choice(["{{ 'on a' }} breakfast table", "{{place}}"])
        )


def run_otherwise(whole: dict[str, Any], rng: random.Random) -> None:
    whole["run"] = {"in_flight": rng.randint(1, 9), "deadline": "30m", "budget": 40}


def move_outputs(whole: dict[str, Any], rng: random.Random) -> None:
    whole["output"]["path"] = rng.choice(["{{ shot }}-{{ slug }}.mp4", "all/{{ shot }}/{{ slug }}.mp4"])


CHANGES: list[Callable[[dict[str, Any], random.Random], None]] = [
    reorder,
    zip_turned,
    spell_defaults,
    drop_defaults,
    rename_shots,
    rename_axis,
    rewrite_templates,
    run_otherwise,
    move_outputs,
]


@dataclass
class Style:
    """Writes a value as YAML, every node in a style of its own: block, flow, quotes, anchors and merge keys."""

    rng: random.Random
    anchors: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def text(self, value: Mapping[str, Any]) -> str:
        """Return the whole document."""
        head = self.rng.choice(["", "# a comment\n", "%YAML 1.2\n---\n", "---\n", "\ufeff"])
        return head + self._map(value, 0).lstrip("\n") + self.rng.choice(["", "\n", "...\n", "# the end\n"])

    def _node(self, value: Any, indent: int, *, flow: bool) -> str:
        """Return a node as it stands after its key's colon, or after a dash."""
        same = [name for name, known in self.anchors.items() if known == value and type(known) is type(value)]
        if same and self.rng.random() < 0.5:
            return f" *{self.rng.choice(same)}{' ' if flow else ''}" + ("" if flow else "\n")
        name = f"a{next(self.numbers)}" if self.rng.random() < 0.3 and isinstance(value, dict | list | str) else ""
        text = self._inner(value, f" &{name}" if name else "", indent, flow=flow)
        if name:
            self.anchors[name] = value
        return text

    def _inner(self, value: Any, mark: str, indent: int, *, flow: bool) -> str:
        flows = flow or self.rng.random() < 0.3 or not value
        if isinstance(value, dict | list) and flows:
            return f"{mark} {self._flow(value)}" + ("" if flow else "\n")
        if isinstance(value, dict):
            return f"{mark}{self._note()}\n{self._map(value, indent)}"
        if isinstance(value, list):
            return f"{mark}{self._note()}\n{self._list(value, indent)}"
        return f"{mark} {self._scalar(value, indent, flow=flow)}" + ("" if flow else "\n")

    def _note(self) -> str:
        return self.rng.choice(["", "", "  # so"])

    def _map(self, value: Mapping[str, Any], indent: int) -> str:
        pad, merged = " " * indent, self._merged(value)
        step = indent + self.rng.choice([2, 4])
        lines = [f"{pad}<<: *{merged}\n"] if merged else []
        known = self.anchors[merged] if merged else {}
        for name, each in value.items():
            if name not in known or known[name] != each or type(known[name]) is not type(each):
                lines.append(f"{pad}{self._key(name)}:{self._node(each, step, flow=False)}")
        return "".join(lines)

    def _merged(self, value: Mapping[str, Any]) -> str:
        fits = [
            name
            for name, known in self.anchors.items()
            if isinstance(known, dict) and known and known.keys() <= value.keys()
        ]
        return self.rng.choice(fits) if fits and self.rng.random() < 0.5 else ""

    def _list(self, value: list[Any], indent: int) -> str:
        return "".join(f"{' ' * indent}-{self._node(each, indent + 2, flow=False)}" for each in value)

    def _flow(self, value: Any) -> str:
        if isinstance(value, dict):
            return (
                "{"
                + ", ".join(f"{self._key(name)}:{self._node(each, 0, flow=True)}" for name, each in value.items())
                + "}"
            )
        return "[" + ",".join(self._node(each, 0, flow=True) for each in value) + "]"

    def _key(self, name: str) -> str:
        return self.rng.choice([name, name, f'"{name}"', f"'{name}'"])

    def _scalar(self, value: Any, indent: int, *, flow: bool) -> str:
        match value:
            case bool():
                return self.rng.choice(["true", "True", "TRUE"] if value else ["false", "False", "FALSE"])
            case int():
                return self.rng.choice([str(value), f"!!int {value}", hex(value)]) if value > 1 else str(value)
            case str():
                return self._string(value, indent, flow=flow)
            case _:
                return self.rng.choice(["null", "~"])

    def _string(self, value: str, indent: int, *, flow: bool) -> str:
        styles = [json.dumps(value, ensure_ascii=self.rng.random() < 0.5)]
        if "\n" not in value:
            styles.append("'" + value.replace("'", "''") + "'")
        if PLAIN.fullmatch(value) and value not in WORDS:
            styles += [value, value]
        lines = value.removesuffix("\n").split("\n")
        if not flow and all(line and line == line.strip() for line in lines):
            chomp = "" if value.endswith("\n") else "-"
            styles.append(f"|{chomp}\n" + "\n".join(" " * (indent + 1) + line for line in lines))
        return self.rng.choice(styles)


def payments(variants: int, seed: int) -> tuple[int, dict[Action, int]]:
    """Return how many jobs of so many variants a plan would pay for, and what it does with each."""
    lock = lock_of(manifest(ORIGINAL))
    paid, actions = 0, dict.fromkeys(Action, 0)
    for number in range(variants):
        text = variant(random.Random(f"{seed}-{number}"))
        for change in planned(lock, text):
            actions[change.action] += 1
            if change.pays:
                paid += 1
                print(f"{number}: {change.key} {change.action} {change.because}")
    return paid, {action: number for action, number in actions.items() if number}


def main() -> None:
    """Print the figures of many variants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int)
    options = parser.parse_args()
    if options.show is not None:
        print(variant(random.Random(f"{options.seed}-{options.show}")))
        return
    paid, actions = payments(options.variants, options.seed)
    print(f"{options.variants} variants of {len(manifest(ORIGINAL).jobs)} jobs: {paid} payments, {actions}")


if __name__ == "__main__":
    main()
