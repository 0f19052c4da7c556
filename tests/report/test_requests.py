"""The expanded jobs, for people and programs."""

import json
import shlex
from collections.abc import Callable

import yaml
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.job import Image, Job, Json, Request, spec_of
from kling_batch.report.requests import job_json, jobs_csv, jobs_curl, jobs_yaml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=3))
def test_the_yaml_reads_back_as_what_was_written(values: list[Json]) -> None:
    text = jobs_yaml(values)

    assert yaml.safe_load(text) == values


def test_a_prompt_of_several_lines_stands_as_a_block(
    make_job: Callable[..., Job], golden: Callable[[str, str], None]
) -> None:
    first = make_job("hero", prompt='一只水壶\n  on a table: "quoted"\n', lang="de")
    second = make_job("hero", take="2", prompt="one\n\ntwo", lang="no")

    golden("jobs.yaml", jobs_yaml([job_json(first, "0.184"), job_json(second, None)]))


def test_the_csv_has_a_column_for_each_axis(make_job: Callable[..., Job]) -> None:
    jobs = [make_job("hero", lang="de"), make_job("pour", prompt="=1+1", ratio="9x16")]

    header, first, second = jobs_csv(jobs, {jobs[0].key: "0.184"}).splitlines()

    assert header.startswith("key,shot,take,lang,ratio,output,spec,usd,model,mode,")
    assert first.startswith("hero/lang=de#1,hero,1,de,,hero/de-t1.mp4,v1:")
    assert ",'=1+1," in second


def test_the_curl_is_one_safe_shell_command_without_the_key(make_job: Callable[..., Job]) -> None:
    prompt = 'it\'s $(rm -rf /) `x` "y" \\ \n$HOME'
    text = jobs_curl([make_job("hero", prompt=prompt)], "https://toapis.com/v1")

    comment, command = text.split("\n", 1)
    words = shlex.split(command.replace("\\\n", " "))

    assert comment.startswith("# hero#1:")
    assert words[:4] == ["curl", "--fail-with-body", "-sS", "https://toapis.com/v1/videos/generations"]
    assert words[5] == "Authorization: Bearer $TOAPIS_API_KEY"
    assert json.loads(words[-1])["prompt"] == prompt


def test_the_curl_names_the_images_that_must_be_uploaded_first() -> None:
    image = Image(url="assets/a.png", role="first_frame", sha256="ab" * 32)
    request = Request(prompt="x", image_with_roles=(image,))
    job = Job(
        key="hero#1", shot="hero", axes=(), take="1", slug="t1", request=request, spec=spec_of(request), output="a.mp4"
    )

    assert "# upload assets/a.png first" in jobs_curl([job], "https://toapis.com/v1")
    assert '[{""url"": ""assets/a.png"", ""role"": ""first_frame""}]' in jobs_csv([job], {})


def test_no_jobs_are_an_empty_list() -> None:
    assert jobs_yaml([]) == "[]\n"
