"""The whole way from text to jobs: settings, variables, files, stages, and how long it may take."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_batch.manifest.model import PriceOverride, RunSettings
from kling_batch.text.diagnostic import Severity
from kling_batch.text.render import render_all

HEAD = "version: 1\nproject: p\n"
BOAT = "shots: {a: {request: {prompt: a boat}}}\n"
GREETING = HEAD + (
    "vars: {word: hi, count: 5, fast: false, share: 0.5, place: {name: sea}}\n"
    'shots: {a: {vars: {own: x}, request: {prompt: "{{ word }} {{ own }} {{ share }}", mode: pro, '
    'duration: "{{ count }}", audio: "{{ fast }}"}}}\n'
)


def test_settings_are_read_with_their_units_and_defaults(load_text: Callable) -> None:
    run = (
        "run: {in_flight: 3, submit_per_second: 1.5, look_per_second: 9, poll: {first: 500ms, every: 20}, "
        "deadline: 1h, settle: 2m, retries: 0, posts: 4, max_failures: 7, budget: 40.10}\n"
    )
    prices = "prices: [{mode: pro, audio: true, usd_per_second: 0.13}, {usd_per_second: 0.05}]\n"

    manifest, _ = load_text(HEAD + run + prices + BOAT, name="deep/spring.v2.yaml")

    assert manifest is not None
    assert manifest.name == "spring.v2"
    assert manifest.root == "outputs/p"
    assert manifest.run == RunSettings(
        in_flight=3,
        submit_per_second=1.5,
        look_per_second=9.0,
        poll_first=0.5,
        poll_every=20.0,
        deadline=3600.0,
        settle=120.0,
        retries=0,
        posts=4,
        max_failures=7,
        budget=Decimal("40.1"),
    )
    assert manifest.prices == (
        PriceOverride(usd_per_second=Decimal("0.13"), mode="pro", audio=True),
        PriceOverride(usd_per_second=Decimal("0.05")),
    )


def test_nothing_written_means_the_defaults(load_text: Callable) -> None:
    manifest, told = load_text(HEAD + BOAT)

    assert manifest is not None
    assert (manifest.run, manifest.prices, manifest.files, told) == (RunSettings(), (), {}, ())


def test_a_variable_given_on_the_command_line_wins_and_keeps_its_type(jobs_of: Callable) -> None:
    given_ones = {"word": "ahoy", "count": "10", "fast": "true", "share": "0.25", "own": "y"}

    (job,) = jobs_of(GREETING, variables=given_ones)

    assert job.request.prompt == "ahoy y 0.25"
    assert (job.request.duration, job.request.audio) == (10, True)


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("wrod", "x", "unknown-variable", "did you mean `word`?"),
        ("nothing-like-it", "x", "unknown-variable", "declared are"),
        ("count", "many", "variable-type", "whole number"),
        ("share", "half", "variable-type", "a number"),
        ("fast", "yes", "variable-type", "true or false"),
        ("place", "x", "variable-type", "a map or list"),
    ],
)
def test_a_variable_that_cannot_be_given_is_told(
    load_text: Callable, name: str, value: str, code: str, words: str
) -> None:
    manifest, told = load_text(GREETING, variables={name: value})

    assert manifest is None
    assert [each.code for each in told] == [code]
    assert words in render_all(told)


def test_a_manifest_without_variables_says_where_to_declare_one(load_text: Callable) -> None:
    _, told = load_text(HEAD + BOAT, variables={"word": "x"})

    assert "declare it under `vars:`" in render_all(told)


def test_every_stage_tells_all_and_the_first_that_fails_is_the_last(codes_of: Callable) -> None:
    assert codes_of("a: [\n") != ()
    assert codes_of(HEAD + "shots: {a: {requst: {}, takes: none}}\n") == ("unknown-key", "wrong-type")
    assert codes_of(HEAD + "shots: {a: {exclude: [{x: 1}], request: {prompt: '{{ y }}'}}}\n") == ("rule-axis",)
    assert codes_of(HEAD + "shots: {a: {request: {prompt: '{{ y }}', audio: true, duration: '{{ z }}'}}}\n") == (
        "undefined-name",
        "undefined-name",
    )


def test_a_leaf_is_told_once_with_the_number_of_jobs_and_the_first(load_text: Callable) -> None:
    text = HEAD + (
        "shots:\n  a:\n    matrix: {x: [1, 2, 3], g: {values: [warm, cold], default: warm}}\n    takes: 2\n"
        '    request: {prompt: "{{ x }} {{ g }}", audio: true}\n'
    )

    _, told = load_text(text)

    assert [each.label for each in told] == ["in 12 jobs, first `a/x=1#1` (g=warm)"]


def test_files_are_remembered_by_their_content(load_text: Callable) -> None:
    text = HEAD + "shots: {a: {request: {prompt: {from: prompts/x.j2}}}}\n"

    manifest, _ = load_text(text, files={"prompts/x.j2": "a boat\n"})

    assert manifest is not None
    assert manifest.files == {"prompts/x.j2": "ef2ff10ad068bcbb0a2000f1073190a06198f7e6a71030500502ded52f29897d"}


def test_a_local_image_is_its_content_wherever_it_lies(jobs_of: Callable, pytestconfig: pytest.Config) -> None:
    picture = (pytestconfig.rootpath / "manifests" / "assets" / "dawn.png").read_bytes()
    text = HEAD + (
        "shots: {a: {request: {prompt: x, image_with_roles: [{url: one.png, role: first_frame}]}}, "
        "b: {request: {prompt: x, image_with_roles: [{url: two/too.png, role: first_frame}]}}}\n"
    )

    one, two = jobs_of(text, files={"one.png": picture, "two/too.png": picture})

    assert one.request.images[0].sha256 == two.request.images[0].sha256
    assert one.spec == two.spec


def test_an_image_that_is_a_link_is_refused(load_text: Callable, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    (tmp_path / "cat.png").symlink_to(tmp_path / "secret")
    text = HEAD + "shots: {a: {request: {prompt: x, reference_images: [cat.png]}}}\n"

    _, told = load_text(text, folder=tmp_path)

    assert "file-outside" in [each.code for each in told]
    assert "`cat.png` cannot be used: it is a symbolic link" in render_all(told)


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"a\xffb"])
def test_a_prompt_file_that_is_no_text_is_told(codes_of: Callable, content: bytes) -> None:
    text = HEAD + "shots: {a: {request: {prompt: {from: x.j2}}}}\n"

    (code,) = codes_of(text, files={"x.j2": content})

    assert "encod" in code or "utf" in code


def test_templates_share_what_takes_do_not_change(jobs_of: Callable) -> None:
    text = HEAD + 'shots: {a: {takes: 2, request: {prompt: "x"}}, b: {takes: 2, request: {prompt: "{{ take }}"}}}\n'

    first, second, third, fourth = jobs_of(text)

    assert first.request is second.request
    assert third.request != fourth.request


@given(
    st.text(max_size=40), st.sampled_from(["prompt", "negative_prompt", "mode", "duration", "aspect_ratio", "audio"])
)
@settings(max_examples=60)
def test_no_value_of_a_variable_makes_loading_raise(load_text: Callable, value: str, name: str) -> None:
    fields = {"prompt": "x", name: "{{ v }}"}
    text = HEAD + f"vars: {{v: ''}}\nshots: {{a: {{request: {fields!r}}}}}\n"

    manifest, told = load_text(text, variables={"v": value})

    assert (manifest is None) == any(each.severity is Severity.ERROR for each in told)


def test_a_thousand_jobs_of_the_campaign_load_well_within_a_second(
    load_text: Callable, pytestconfig: pytest.Config
) -> None:
    text = (pytestconfig.rootpath / "manifests" / "campaign.yaml").read_text(encoding="utf-8")
    more = "".join(f"B-{number},pot,steel,pot,yes\n" for number in range(54))
    began = time.process_time()

    manifest, _ = load_text(
        text, files={"data/products.csv": f"sku,name,material,kind,live\nA-1,k,tin,kettle,yes\n{more}"}
    )

    assert manifest is not None
    assert len(manifest.jobs) == 994
    assert time.process_time() - began < 1


def test_a_matrix_of_a_billion_is_refused_at_once(codes_of: Callable) -> None:
    axes = ", ".join(f"a{number}: [{', '.join(map(str, range(32)))}]" for number in range(6))
    began = time.process_time()

    codes = codes_of(
        HEAD + f"limits: {{jobs: 1000000}}\nshots: {{a: {{matrix: {{{axes}}}, request: {{prompt: x}}}}}}\n"
    )

    assert codes == ("too-many-jobs",)
    assert time.process_time() - began < 1


def test_what_exclude_leaves_is_what_the_limit_counts(jobs_of: Callable, codes_of: Callable) -> None:
    text = HEAD + (
        "limits: {jobs: 9}\nshots:\n  a:\n    matrix: {x: [1, 2, 3], y: [1, 2, 3, 4]}\n"
        '    exclude: [{x: 3}]\n    request: {prompt: "{{ x }} {{ y }}"}\n'
    )

    assert len(jobs_of(text)) == 8
    assert codes_of(text.replace("jobs: 9", "jobs: 7")) == ("too-many-jobs",)


def test_of_many_complaints_the_first_hundred_are_told(load_text: Callable) -> None:
    text = HEAD + "shots: {a: {matrix: {p: {from: p.csv, key: k, types: {n: integer}}}, request: {prompt: x}}}\n"
    table = "k,n\n" + "".join(f"r{number},many\n" for number in range(2_000))
    began = time.process_time()

    _, told = load_text(text, files={"p.csv": table})

    assert len(told) == 101
    assert told[-1].message == "and 1900 more complaints like these"
    assert time.process_time() - began < 2


@pytest.mark.parametrize("path", [" ", "a\u200bb.j2", "a//b.j2", "..", "a/../b.j2", "C:/x.j2", "a\\b.j2"])
def test_a_path_that_leads_elsewhere_is_never_read(codes_of: Callable, path: str) -> None:
    text = HEAD + "vars: {file: x}\nshots: {a: {request: {prompt: {from: '{{ file }}'}}}}\n"

    assert codes_of(text, variables={"file": path}, files={path: "reached"}) == ("file-outside",)


GOOD = sorted((Path(__file__).parent / "golden").glob("good-*.yaml"))


@given(
    st.sampled_from(GOOD),
    st.integers(0, 10_000),
    st.integers(0, 12),
    st.sampled_from(["", "{", "}", ": ", "*", "\n", "'", "9", "- "]),
)
@settings(max_examples=150, deadline=None)
def test_no_slip_of_the_hand_makes_loading_raise(load_text: Callable, path: Path, at: int, cut: int, put: str) -> None:
    text = path.read_text(encoding="utf-8")
    where = at % len(text)

    manifest, told = load_text(text[:where] + put + text[where + cut :])

    assert (manifest is None) == any(each.severity is Severity.ERROR for each in told)
    render_all(told)


@given(st.sampled_from(["csv", "jsonl", "json", "yaml"]), st.text(alphabet='k,n1{}[]":\n\r -ab\ud83d', max_size=40))
@settings(max_examples=100, deadline=None)
def test_no_data_file_makes_loading_raise(load_text: Callable, ending: str, content: str) -> None:
    text = (
        HEAD + f"shots: {{a: {{matrix: {{p: {{from: p.{ending}, key: k}}}}, request: {{prompt: '{{{{ p.k }}}}'}}}}}}\n"
    )
    table = "k,n\n" + content if ending == "csv" else content

    manifest, told = load_text(text, files={f"p.{ending}": table.encode(errors="surrogatepass")})

    assert (manifest is None) == any(each.severity is Severity.ERROR for each in told)
    render_all(told)
