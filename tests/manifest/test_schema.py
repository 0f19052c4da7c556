"""The schemas themselves: closed, described, and what they accept."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kling_batch.events import Failure
from kling_batch.job import BusinessId, Key, SpecHash, TaskId
from kling_batch.manifest.schema import check, schema_text
from kling_batch.plan import lockfile
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.record import Attempt, Record, State
from kling_batch.text.document import Document, parse
from kling_batch.text.source import Source

DESIGN = """
version: 1
project: spring-2026
vars: {brand: Aurora}
request:
  mode: std
  duration: 5
  aspect_ratio: 16:9
run:
  in_flight: 8
  submit_per_second: 2
  look_per_second: 20
  poll: {first: 5s, every: 10s}
  deadline: 20m
  settle: 60s
  retries: 2
  posts: 2
  max_failures: 10
  budget: 40.00
output: {root: ../outputs/spring-2026, path: "{{ shot }}/{{ slug }}.mp4"}
limits: {jobs: 2000}
prices: [{mode: std, usd_per_second: 0.04}, {mode: pro, audio: true, usd_per_second: 0.13}, {usd_per_second: 1}]
allow: [last-frame-audio]
shots:
  hero:
    vars: {tone: [warm, {deep: 1}]}
    matrix:
      ratio: [16:9, 9:16]
      lang: {de: {greet: Hallo}, en: {greet: Hello}}
      product: {from: data/products.csv, key: sku, where: "live == 'yes'", types: {price: number}, default: A-1}
      grade: {values: [warm, cold], default: warm}
      look: {values: {a: 1, default: 2}, default: a}
      多语: [一, 二, true, 5]
    zip: [[ratio, lang]]
    exclude: [{ratio: 9:16, lang: [en, "d*"]}]
    include: [{ratio: 1:1, lang: de, product: A-1}]
    overrides: [{when: {lang: de}, set: {duration: 10, negative_prompt: null, audio: "{{ loud }}"}}]
    takes: 3
    request:
      prompt: |
        {{ brand }}: {{ lang.greet }}
      aspect_ratio: "{{ ratio }}"
      duration: "{{ seconds }}"
      watermark: "{% if x %}true{% endif %}"
      reference_images: "{{ product.images }}"
  pour:
    takes: [first, second]
    output: {path: "{{ slug }}.mp4"}
    allow: [last-frame-std, last-frame-alone]
    request:
      mode: pro
      prompt: {from: prompts/pour.j2}
      reference_images: [https://example.com/a.png]
      image_with_roles: [{url: assets/kettle.png, role: first_frame}, {url: "{{ x }}", role: "{{ y }}"}]
      audio: false
"""


def document(text: str) -> Document:
    found, told = parse(Source("m.yaml", text))
    assert found is not None, told
    return found


def schemas(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema inside a schema with the place where it stands."""
    yield place, schema
    for group in ("properties", "$defs"):
        for name, inner in schema.get(group, {}).items():
            yield from schemas(inner, f"{place}/{name}")
    for name in ("items", "additionalProperties", "propertyNames", "if", "then", "else"):
        if isinstance(schema.get(name), dict):
            yield from schemas(schema[name], f"{place}/{name}")


def test_the_language_of_the_design_page_is_accepted() -> None:
    assert check(document(DESIGN)) == ()


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of everything in a document below its root."""
    for step, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, step)
        yield from places(each, (*path, step))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(places(document(DESIGN).value), key=str)),
    st.sampled_from([None, True, 7, -1, 2.5, "", "x y", "{{ x }}", [], [None], {}, {"promt": 1}, {"from": 5}]),
)
def test_whatever_stands_in_a_place_is_told_there_or_taken(path: tuple[str | int, ...], value: Any) -> None:
    changed = json.loads(json.dumps(document(DESIGN).value))
    parent = changed
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    whole = document(json.dumps(changed, indent=1))

    told = check(whole)

    around = [whole.span(path), whole.key_span(path), whole.key_span(path[:-1])]
    for each in told:
        assert each.span is not None
        assert any(span.start <= each.span.start <= span.end for span in around)
        assert each.message
        assert each.help


@pytest.mark.parametrize("name", ["manifest", "lock"])
def test_a_schema_is_of_its_draft_and_names_its_major_version(name: Any) -> None:
    schema = json.loads(schema_text(name))

    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/v1/{name}.schema.json")


@pytest.mark.parametrize("name", ["manifest", "lock"])
def test_every_field_is_described(name: Any) -> None:
    schema = json.loads(schema_text(name))
    plain = ("/propertyNames", "/if", "/then", "/else", "/additionalProperties")

    bare = [
        place
        for place, each in schemas(schema)
        if not place.endswith(plain) and "description" not in each and "$ref" not in each
    ]

    assert bare == []


def test_no_misspelling_passes_and_no_choice_hides_the_mistake() -> None:
    text = schema_text("manifest")

    open_ones = [
        place
        for place, each in schemas(json.loads(text))
        if "properties" in each and each.get("additionalProperties") is not False
    ]

    assert open_ones == []
    assert not re.search(r'"(oneOf|anyOf|allOf|not|format|\$dynamicRef)"', text)
    assert set(re.findall(r'"\$ref": "([^"]+)"', text)) <= {f"#/$defs/{name}" for name in json.loads(text)["$defs"]}


@pytest.mark.parametrize(
    "value",
    ["api_key: k", "API-KEY: k", "TOAPIS_API_KEY: k", "authorization: k", "x-api-key: k", "access_token: k", "note: k"],
)
def test_a_secret_is_told_wherever_it_stands_and_shown_nowhere(value: str) -> None:
    secret = "sk-" + "Zq" * 12
    text = f"version: 1\nproject: x\nvars: {{deep: [{{{value.replace(' k', ' ' + secret)}}}]}}\nshots: {{a: {{}}}}\n"

    told = check(document(text))

    assert [each.code for each in told] == ["secret-in-manifest"]
    assert told[0].span is not None
    assert secret not in told[0].span.source.text
    assert len(told[0].span.source.text) == len(text)


def test_a_manifest_with_very_many_mistakes_is_not_told_to_its_end() -> None:
    shots = "".join(f"  s{n}: {{promt: x}}\n" for n in range(5_000))

    assert len(check(document(f"version: 1\nproject: x\nshots:\n{shots}"))) == 100


def test_the_lock_that_is_written_is_the_lock_that_is_described() -> None:
    attempt = Attempt(
        attempt=1,
        business_id=BusinessId("kb1-" + "A2" * 16),
        task=TaskId("tsk_vid_0"),
        spent=Decimal("0.184"),
        failure=Failure(kind="transient", code="generation_failed", message="busy"),
    )
    done = Record(
        spec=SpecHash("v1:" + "0" * 64),
        parts=("a1b2", "-", "77e0", "-"),
        state=State.DONE,
        generation=2,
        attempt=2,
        business_id=BusinessId("kb1-" + "B3" * 16),
        task=TaskId("tsk_vid_1"),
        output="hero/t1.mp4",
        sha256="f" * 64,
        bytes=8_123_456,
        seconds=5.04,
        spent=Decimal("0.184"),
        warnings=("the video has 4.9 s",),
        attempts=(attempt,),
        also=(attempt,),
    )
    failed = Record(
        spec=done.spec, parts=done.parts, state=State.FAILED, expires=5, failure=attempt.failure, past=(done,)
    )
    jobs = {Key("hero#1"): done, Key("hero/lang=de,ratio=16x9#2"): failed}
    lock = Lock(project="x", service="https://toapis.com", jobs=jobs, look_up="kling-v2-6")

    written = json.loads(lockfile.format(lock))

    Draft202012Validator(json.loads(schema_text("lock"))).validate(written)
