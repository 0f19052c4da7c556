import json

import pytest

from kling_batch.errors import UsageError
from kling_batch.sandbox.scenario import Effects, Exchange, Operation, Reply, Scenario, Script, parse
from kling_batch.sandbox.task import Fate


def scenario(*rules: dict[str, object], seed: int = 1) -> Scenario:
    script = parse(json.dumps({"seed": seed, "rules": rules}))
    return Scenario(script.rules, seed)


def delays(asked: Scenario, times: int, operation: Operation = "submit", prompt: str = "") -> list[float]:
    return [asked.decide(Exchange(operation=operation, prompt=prompt)).delay for _ in range(times)]


def test_a_rule_hits_the_exchange_of_its_number() -> None:
    asked = scenario({"on": "submit", "when": {"nth": 3}, "do": {"delay": 1}})

    assert delays(asked, 6) == [0, 0, 1, 0, 0, 0]


def test_a_rule_hits_every_so_many_but_no_more_than_so_often() -> None:
    asked = scenario({"on": "submit", "when": {"every": 2, "times": 2}, "do": {"delay": 1}})

    assert delays(asked, 8) == [0, 1, 0, 1, 0, 0, 0, 0]


def test_only_exchanges_that_fit_are_counted() -> None:
    asked = scenario({"on": "look", "when": {"nth": 2, "prompt": "red"}, "do": {"delay": 1}})

    seen = delays(asked, 2, "submit", "red") + delays(asked, 2, "look", "blue") + delays(asked, 2, "look", "a red one")

    assert seen == [0, 0, 0, 0, 0, 1]


def test_chance_is_seeded() -> None:
    rule: dict[str, object] = {"on": "any", "when": {"probability": 0.3}, "do": {"delay": 1}}

    first, again, other = (delays(scenario(rule, seed=seed), 200) for seed in (1, 1, 2))

    assert first == again != other
    assert 30 < sum(first) < 90


@pytest.mark.parametrize(("pattern", "hit"), [("kb1-*", True), ("tsk_1", True), ("tsk_2", False)])
def test_a_rule_knows_a_task_by_either_of_its_ids(pattern: str, *, hit: bool) -> None:
    asked = scenario({"on": "download", "when": {"id": pattern}, "do": {"whole": True}})

    effects = asked.decide(Exchange(operation="download", ids=("tsk_1", "kb1-A")))

    assert effects.whole is hit


def test_rules_add_up_and_the_later_one_wins() -> None:
    asked = scenario(
        {"on": "submit", "do": {"delay": 1, "reply": {"status": 500}}},
        {"on": "submit", "do": {"reply": {"status": 502, "handled": True}, "task": {"seconds": 3}}},
    )

    effects = asked.decide(Exchange(operation="submit"))

    assert effects == Effects(delay=1.0, reply=Reply(status=502, handled=True), task=Fate(seconds=3.0))


def test_what_happens_on_arrival_is_asked_for_apart() -> None:
    asked = scenario({"on": "submit", "when": {"nth": 1}, "do": {"drop": "arrival"}})

    assert asked.decide(Exchange(operation="submit")) == Effects()
    assert asked.on_arrival("submit").drop == "arrival"
    assert asked.on_arrival("submit") == Effects()


def test_a_scenario_changes_the_terms() -> None:
    script = parse('{"seed": 9, "service": {"balance_usd": 5, "bad_keys": ["sk-old"], "absent": 400}}')

    terms = script.terms()

    assert (terms.seed, terms.balance_usd, terms.bad_keys, terms.absent) == (9, 5.0, ("sk-old",), 400)
    assert Script().terms().seed == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the scenario is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "`scenario` is not an object"),
        ('{"rule": []}', "`rule` is not a key of `scenario`"),
        ('{"rules": {}}', "`scenario.rules` is not a list"),
        ('{"seed": true}', "`scenario.seed` is not a number"),
        ('{"rules": [{"on": "submit"}]}', "`scenario.rules[0]` has no `do`"),
        (
            '{"rules": [{"on": "post", "do": {}}]}',
            (
                "`scenario.rules[0].on` is not one of `submit`, `look`, `upload`, `balance`, `models`, `pricing`, "
                "`download`, `any`"
            ),
        ),
        ('{"rules": [{"on": "any", "do": {"whole": 1}}]}', "`scenario.rules[0].do.whole` is not true or false"),
        ('{"rules": [{"on": "any", "do": {"raw": 1}}]}', "`scenario.rules[0].do.raw` is not text"),
        ('{"rules": [{"on": "any", "do": {"headers": 1}}]}', "`scenario.rules[0].do.headers` is not an object"),
        ('{"service": {"speed": 0}}', "`service.speed` and `service.median` are above zero"),
        ('{"service": {"group": "gold"}}', "`service.group` is not one of `default`, `vip`, `svip`"),
    ],
)
def test_a_mistake_in_a_scenario_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert caught.value.message == message


def test_a_wrong_word_gets_the_right_one() -> None:
    with pytest.raises(UsageError) as near:
        parse('{"rules": [{"on": "any", "do": {"dealy": 1}}]}')
    with pytest.raises(UsageError) as far:
        parse('{"frobnicate": 1}')

    assert near.value.help == "did you mean `delay`?"
    assert far.value.help == "it has the keys `seed`, `service`, `rules`"
