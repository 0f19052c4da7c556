"""What holds for every manifest: about keys and specs, whatever the style, the order and the names."""

import json
import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.job import Json

NAMES = st.text(alphabet="abcXYZ019", min_size=1, max_size=3)
WORDS = st.text(alphabet="ab:/ %{é界", max_size=6).map(lambda text: f"w{text}w")


@st.composite
def manifests(draw: st.DrawFn) -> "dict[str, Json]":
    """Draw a manifest of a few shots, whose prompts mention every axis."""
    shots: dict[str, Json] = {}
    for shot in draw(st.lists(NAMES, min_size=1, max_size=2, unique_by=str.casefold)):
        axes = draw(st.lists(st.sampled_from(["alpha", "beta", "gamma"]), max_size=3, unique=True))
        matrix: dict[str, Json] = {}
        for axis in axes:
            names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.casefold))
            matrix[axis] = {f"v{name}": draw(WORDS) for name in names}
        prompt = f"{shot} " + " ".join(f"{{{{ {axis} }}}}" for axis in axes)
        shots[shot] = {
            "matrix": matrix,
            "takes": draw(st.integers(1, 3)),
            "request": {"prompt": prompt, "duration": 10},
        }
    return {"version": 1, "project": "p", "shots": shots}


def written(manifest: "Json") -> str:
    """Write a manifest in flow style: JSON is YAML."""
    return json.dumps(manifest, ensure_ascii=False)


def block(value: "Json", depth: int = 0) -> str:
    """Write the same in block style, texts as literal blocks."""
    match value:
        case dict() if value:
            return "".join(
                f"\n{'  ' * depth}{json.dumps(key)}: {block(item, depth + 1)}" for key, item in value.items()
            )
        case str() if value.strip() == value:
            return "|-\n" + "  " * (depth + 1) + value
        case _:
            return json.dumps(value)


def shuffled(value: "Json", seed: int) -> "Json":
    """Return the same value with the keys of every map in another order."""
    if not isinstance(value, dict):
        return value
    items = [(key, shuffled(item, seed)) for key, item in value.items()]
    random.Random(seed).shuffle(items)
    return dict(items)


def renamed(manifest: "dict[str, Json]") -> "dict[str, Json]":
    """Return the same manifest with other names for its shots and axes; the prompts keep their words."""
    text = written({**manifest, "shots": {f"new-{name}": shot for name, shot in manifest["shots"].items()}})
    for axis in ("alpha", "beta", "gamma"):
        text = text.replace(f'"{axis}"', f'"x{axis}"').replace(f"{{{{ {axis} }}}}", f"{{{{ x{axis} }}}}")
    return json.loads(text)


@given(manifests(), st.integers())
@settings(max_examples=40)
def test_keys_are_unique_and_mean_the_same_request_in_any_order(
    jobs_of: Callable, manifest: "dict[str, Json]", seed: int
) -> None:
    jobs = jobs_of(written(manifest))
    others = jobs_of(written(shuffled(manifest, seed)))

    assert len({job.key.casefold() for job in jobs}) == len(jobs)
    assert len({job.output.casefold() for job in jobs}) == len(jobs)
    assert {job.key: job for job in others} == {job.key: job for job in jobs}


@given(manifests())
@settings(max_examples=40)
def test_the_style_of_the_text_means_nothing(jobs_of: Callable, manifest: "dict[str, Json]") -> None:
    assert jobs_of(block(manifest).lstrip("\n")) == jobs_of(written(manifest))


@given(manifests())
@settings(max_examples=40)
def test_the_names_of_shots_and_axes_are_not_in_a_spec(jobs_of: Callable, manifest: "dict[str, Json]") -> None:
    jobs = jobs_of(written(manifest))

    others = jobs_of(written(renamed(manifest)))

    assert sorted(job.spec.hash for job in others) == sorted(job.spec.hash for job in jobs)
    assert not {job.key for job in others} & {job.key for job in jobs}


@given(manifests(), st.integers(1, 3))
@settings(max_examples=40)
def test_raising_takes_only_adds(jobs_of: Callable, manifest: "dict[str, Json]", more: int) -> None:
    jobs = jobs_of(written(manifest))
    for shot in manifest["shots"].values():
        shot["takes"] += more

    raised = {job.key: job for job in jobs_of(written(manifest))}

    assert len(raised) > len(jobs)
    assert all(raised[job.key] == job for job in jobs)


@given(st.permutations([("A-1", "kettle"), ("A-2", "teapot"), ("B 3", "thermos"), ("4", "cup")]))
def test_the_order_of_rows_means_nothing(jobs_of: Callable, rows: list[tuple[str, str]]) -> None:
    axis = "matrix: {p: {from: p.csv, key: sku}}"
    text = f'version: 1\nproject: p\nshots:\n  a:\n    {axis}\n    request: {{prompt: "{{{{ p.name }}}}"}}'
    table = "sku,name\n" + "".join(f"{sku},{name}\n" for sku, name in rows)

    jobs = jobs_of(text, files={"p.csv": table})

    assert [job.key for job in jobs] == ["a/p=4#1", "a/p=A-1#1", "a/p=A-2#1", "a/p=B-3#1"]


def test_a_default_that_is_written_out_is_the_same_request(jobs_of: Callable) -> None:
    plain = jobs_of("version: 1\nproject: p\nshots: {a: {request: {prompt: x}}}")
    spelt = jobs_of(
        "version: 1\nproject: q\nrun: {in_flight: 2}\nshots:\n  b:\n    output: {path: z.mp4}\n"
        "    request: {model: kling-v2-6, prompt: x, mode: std, duration: 5, aspect_ratio: 16:9, audio: false}"
    )

    assert plain[0].spec.hash == spelt[0].spec.hash
