"""The examples beside the product: each loads, and the API page's own are sent word for word."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kling_batch.manifest.schema import schema_text
from kling_batch.manifest.template_guard import FILTERS
from kling_batch.plan.picks import line, parse_picks
from kling_batch.text.diagnostic import errors
from kling_batch.text.render import render_all
from kling_batch.text.source import Source

FOLDER = Path(__file__).parents[2] / "manifests"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
API_PAGE = """
{
  "model": "kling-v2-6",
  "prompt": "一只金色的猫咪在阳光普照的草地上奔跑,慢动作,电影质感",
  "mode": "std",
  "duration": 5,
  "aspect_ratio": "16:9"
}
{
  "model": "kling-v2-6",
  "prompt": "参考人物形象,让角色轻轻微笑",
  "reference_images": ["https://example.com/reference.jpg"],
  "mode": "std",
  "duration": 5
}
{
  "model": "kling-v2-6",
  "prompt": "城市延时摄影,从白天过渡到夜晚",
  "image_with_roles": [
    { "url": "https://example.com/day-city.jpg", "role": "first_frame" },
    { "url": "https://example.com/night-city.jpg", "role": "last_frame" }
  ],
  "mode": "pro",
  "duration": 5
}
{
  "model": "kling-v2-6",
  "prompt": "保持角色一致性,同时完成场景过渡",
  "reference_images": ["https://example.com/character-reference.jpg"],
  "image_with_roles": [
    { "url": "https://example.com/start-scene.jpg", "role": "first_frame" },
    { "url": "https://example.com/end-scene.jpg", "role": "last_frame" }
  ],
  "mode": "pro",
  "duration": 5
}
{
  "model": "kling-v2-6",
  "prompt": "海浪拍打礁石,海鸥在空中盘旋,远处有一座灯塔",
  "mode": "pro",
  "duration": 10,
  "audio": true,
  "aspect_ratio": "16:9"
}
"""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads_without_errors(path: Path, load_text: Callable) -> None:
    manifest, told = load_text(path.read_text(encoding="utf-8"), name=f"manifests/{path.name}", folder=FOLDER)

    assert manifest is not None, render_all(errors(told))
    assert manifest.name == path.stem
    assert manifest.root == f"outputs/{manifest.project}"
    assert len(manifest.jobs) > 1


REFERENCE = (FOLDER / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(?!picks:)(.*?)```", REFERENCE, re.DOTALL)
PICKS = re.findall(r"```yaml\n(picks:.*?)```", REFERENCE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_manifest_in_the_reference_means_what_it_says(number: int, load_text: Callable, golden: Callable) -> None:
    manifest, told = load_text(BLOCKS[number], folder=FOLDER)

    assert manifest is not None, render_all(told)
    assert told == ()
    shown = [
        f"{job.key} -> {job.output}: {json.dumps(job.request.body(), ensure_ascii=False)}" for job in manifest.jobs
    ]
    golden(f"reference-{number}.jobs", "\n".join(shown) + "\n")


def test_the_picks_in_the_reference_are_as_we_write_them() -> None:
    (text,) = PICKS

    picks, told = parse_picks(Source("boats.picks.yaml", text))

    assert picks is not None, render_all(told)
    assert [line(key, pick) in text for key, pick in picks.picks.items()] == [True, True]


def test_the_reference_names_every_key_filter_and_example() -> None:
    text = REFERENCE
    schema = json.loads(schema_text("manifest"))
    keys = {*schema["properties"], *schema["$defs"]["shot"]["properties"], *schema["$defs"]["run"]["properties"]}
    keys |= {*schema["$defs"]["request"]["properties"], *schema["$defs"]["profile"]["properties"]}

    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []
    assert [name for name in sorted(FILTERS) if f"`{name}`" not in text] == []
    assert [path.name for path in EXAMPLES if f"({path.name})" not in text] == []


def test_the_quickstart_needs_no_files_and_makes_a_dozen_clips(jobs_of: Callable) -> None:
    text = next(path for path in EXAMPLES if path.stem == "quickstart").read_text(encoding="utf-8")

    assert len(jobs_of(text, files={})) >= 12


def test_the_api_pages_examples_are_sent_as_they_are_printed(jobs_of: Callable) -> None:
    printed = [json.loads("{" + body) for body in API_PAGE.split("\n{")[1:]]
    text = next(path for path in EXAMPLES if path.stem == "api-page").read_text(encoding="utf-8")

    jobs = jobs_of(text)

    assert [job.request.body() for job in jobs] == printed
