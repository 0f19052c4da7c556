"""Shared defaults, profiles, and the expression that chooses jobs."""

from collections.abc import Callable, Mapping

import pytest

from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.render import concise, render

Load = Callable[..., tuple]
BASE = """\
vars: {brand: Aurora, tone: calm}
request: {mode: pro, duration: 10}
run: {budget: 12, retries: 1}
allow: [last-frame-std]
"""
MANIFEST = """\
version: 1
project: boats
extends: base.yaml
vars: {tone: null}
request: {duration: 5}
run: {retries: 3}
shots:
  hero:
    matrix:
      lang: {de: {greet: Hallo}, en: {greet: Hello}}
      ratio: [16:9, 9:16]
    takes: 2
    overrides: [{when: {lang: de}, set: {duration: 10}}]
    request: {prompt: "{{ brand }}: {{ lang.greet }}", aspect_ratio: "{{ ratio }}"}
  pour:
    vars: {brand: Nova}
    request: {prompt: "{{ brand }} pours", mode: std}
profiles:
  draft: {request: {mode: std, duration: 5}, takes: 1, vars: {brand: Draft}, run: {budget: 1}}
  final: {}
  elsewhere: {output: {root: films, path: "{{ key | replace('/', '_') | replace('#', '_') }}.mp4"}}
"""


def said(told: tuple[Diagnostic, ...]) -> list[str]:
    return [concise(each) for each in told]


def loaded(load: Load, text: str = MANIFEST, files: Mapping[str, str] | None = None, **how: object) -> tuple:
    return load(text, files={"base.yaml": BASE, **(files or {})}, **how)


def test_a_manifest_lies_over_what_it_extends(load_text: Load) -> None:
    manifest, told = loaded(load_text)

    pour = manifest.jobs[-1]
    assert told == ()
    assert (pour.request.mode, pour.request.duration, pour.request.prompt) == ("std", 5, "Nova pours")
    assert manifest.jobs[0].request.mode == "pro"
    assert (str(manifest.run.budget), manifest.run.retries) == ("12", 3)
    assert "base.yaml" in manifest.files


def test_null_takes_away_what_lies_below(load_text: Load) -> None:
    text = MANIFEST.replace("{{ brand }} pours", "{{ tone }}")

    _, told = loaded(load_text, text)

    assert [each.code for each in told] == ["undefined-name"]


@pytest.mark.parametrize(
    ("base", "place"),
    [
        ("requests: {mode: std}\n", "manifests/base.yaml:1:1: error[unknown-key]"),
        ("run:\n  budget: many\n", "manifests/base.yaml:2:11: error[wrong-type]"),
        ("request:\n  negative_prompt: '{{ nobody }}'\n", "manifests/base.yaml:2:24: error[undefined-name]"),
        ("request: {mode: [\n", "manifests/base.yaml:2:1: error[unclosed-bracket]"),
        ("project: lakes\n", "manifests/base.yaml:1:1: error[extends-project]"),
        ("api_key: sk-verysecretverysecret\n", "manifests/base.yaml:1:1: error[secret-in-manifest]"),
        ("extends: [more.yaml]\n", "manifests/spring.yaml"),
        ("extends: spring.yaml\n", "manifests/base.yaml:1:10: error[extends-circle]"),
        ("extends: gone.yaml\n", "manifests/base.yaml:1:10: error[file-missing]"),
        ("extends: ../base.yaml\n", "manifests/base.yaml:1:10: error[file-outside]"),
    ],
)
def test_a_mistake_is_told_in_the_file_that_says_it(load_text: Load, base: str, place: str) -> None:
    manifest, told = loaded(load_text, files={"base.yaml": base, "spring.yaml": MANIFEST})

    if place == "manifests/spring.yaml":  # a list is no path: the manifest's own text is laid over it
        assert manifest is None or told == ()
        return
    assert manifest is None
    assert said(told)[0].startswith(place), said(told)


def test_a_mistake_in_the_manifest_stays_there(load_text: Load) -> None:
    _, told = loaded(
        load_text, MANIFEST.replace("duration: 5}\nrun", "duration: 7}\nrun").replace("mode: std}\nprof", "}\nprof")
    )

    assert [each.split(": ")[0] for each in said(told)] == ["manifests/spring.yaml:5:21"]


def test_a_chain_of_files_has_an_end(load_text: Load) -> None:
    chain = {f"{number}.yaml": f"extends: {number + 1}.yaml\n" for number in range(20)}

    _, told = loaded(load_text, files={"base.yaml": "extends: 0.yaml\n", **chain})

    assert [each.code for each in told] == ["extends-depth"]


def test_a_secret_in_shared_defaults_is_masked(load_text: Load) -> None:
    _, told = loaded(load_text, files={"base.yaml": "vars: {a: sk-verysecretverysecret, b: [}\n"})
    _, masked = loaded(load_text, files={"base.yaml": "vars: {a: sk-verysecretverysecret}\nrun: {budget: x}\n"})

    assert told
    assert not any("sk-very" in render(each) for each in masked)


def test_a_profile_has_the_last_word(load_text: Load) -> None:
    manifest, told = loaded(load_text, profile="draft")

    assert told == ()
    assert len(manifest.jobs) == 5
    assert {(job.request.mode, job.request.duration) for job in manifest.jobs} == {("std", 5)}
    assert manifest.jobs[-1].request.prompt == "Draft pours"
    assert (manifest.project, manifest.root, manifest.profile) == ("boats.draft", "outputs/boats.draft", "draft")
    assert (str(manifest.run.budget), manifest.run.retries) == ("1", 3)


def test_an_empty_profile_is_the_manifest_under_another_name(load_text: Load) -> None:
    plain, _ = loaded(load_text)
    final, _ = loaded(load_text, profile="final")

    assert [job.spec for job in final.jobs] == [job.spec for job in plain.jobs]
    assert (plain.project, final.project) == ("boats", "boats.final")


def test_a_profile_may_name_its_own_folder_and_paths(load_text: Load) -> None:
    manifest, _ = loaded(load_text, profile="elsewhere")

    assert manifest.root == "films"
    assert manifest.jobs[-1].output == "pour_1.mp4"


def test_a_profile_that_is_not_there_is_told_with_the_near_one(load_text: Load) -> None:
    manifest, told = loaded(load_text, profile="darft")

    assert manifest is None
    assert (told[0].code, told[0].help) == ("unknown-profile", "did you mean `draft`?")
    assert (
        "it has no `profiles`"
        in load_text("version: 1\nproject: p\nshots: {a: {request: {prompt: x}}}\n", profile="x")[1][0].help
    )


def test_a_mistake_in_a_profile_is_told_there(load_text: Load) -> None:
    _, told = loaded(
        load_text,
        MANIFEST.replace("{mode: std, duration: 5}, takes", "{mode: std, audio: true}, takes"),
        profile="draft",
    )

    assert said(told)[0].startswith("manifests/spring.yaml:19:39: error[audio-std]"), said(told)


def test_a_variable_of_the_command_line_wins_over_a_profile(load_text: Load) -> None:
    manifest, _ = loaded(load_text, profile="draft", variables={"brand": "Mine"})

    assert manifest.jobs[-1].request.prompt == "Mine pours"


def test_sandbox_is_no_name_of_a_profile(load_text: Load) -> None:
    _, told = loaded(load_text, MANIFEST.replace("  final: {}", "  sandbox: {}"))

    assert "has a lock of its own already" in told[0].message + told[0].label + told[0].help


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("lang == 'de'", 4),
        ("lang == 'de' and take == 1", 2),
        ("lang in ['de', 'en']", 8),
        ("lang != 'de'", 4),
        ("lang.greet == 'Hello'", 4),
        ("axes.ratio == '16x9'", 4),
        ("ratio == '16:9'", 4),
        ("brand == 'Nova'", 1),
        ("shot == 'hero' and take > 1", 4),
        ("true", 9),
        ("false", 0),
        ("lang is defined and lang == 'en'", 4),
    ],
)
def test_an_expression_chooses_jobs(load_text: Load, expression: str, count: int) -> None:
    manifest, told = loaded(load_text, where=expression)

    assert told == ()
    assert len(manifest.jobs) == 9
    assert len(manifest.chosen) == count


@pytest.mark.parametrize(
    ("expression", "code", "place"),
    [
        ("lagn == 'de'", "undefined-name", "--where:1:1"),
        ("lang == 'de' or tkae == 1", "undefined-name", "--where:1:17"),
        ("lang ==", "template-syntax", "--where:1:1"),
        ("lang == 'de' }} {{ take", "template-syntax", "--where:1:14"),
        ("lang.greeet == 'x'", "undefined-name", "--where:1:6"),
        ("take > 'x'", "template-value", "--where:1:1"),
        ("().__class__", "template-private", "--where:1:1"),
    ],
)
def test_a_wrong_expression_is_pointed_at(load_text: Load, expression: str, code: str, place: str) -> None:
    manifest, told = loaded(load_text, where=expression)

    assert manifest is None
    assert [each.code for each in told] == [code] or code == "template-private"
    assert str(told[0].span).startswith("--where:1:")
    assert str(told[0].span) == place or code.startswith("template")


def test_without_an_expression_nothing_is_chosen(load_text: Load) -> None:
    assert loaded(load_text)[0].chosen is None


def test_an_axis_without_values_is_told_what_would_be_right(load_text: Load) -> None:
    _, told = load_text("version: 1\nproject: p\nshots: {a: {matrix: {x: {values: {}}}, request: {prompt: x}}}\n")

    assert [(each.code, bool(each.help)) for each in told] == [("out-of-range", True)]
