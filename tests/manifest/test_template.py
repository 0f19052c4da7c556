"""What a template can do, and everything that it cannot: rows J48 to J68 of the bad-input corpus, each at once."""

import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_batch.job import Json, Key
from kling_batch.manifest.bounds import CAMPAIGN, RENDER, RefusedError
from kling_batch.manifest.draw import pick, shuffle
from kling_batch.manifest.filters import span
from kling_batch.manifest.template import Fault, Templates

FILES = {
    "again.j2": "{% include 'again.j2' %}{% include 'again.j2' %}",
    "lib.j2": "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{% set hidden = 5 %}",
    "deep.j2": "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "long.j2": "x" * 60_000,
}
ROWS = {
    "J48": ("{{ range(10**9) }}", "template-size"),
    "J48 in a loop": ("{% for i in range(10**9) %}{% endfor %}", "template-size"),
    "J49": ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "template-cost"),
    "J49 with a condition": (
        "{% for i in range(9999) if false %}{% endfor %}" * 2 + "{% for i in range(9999) if i < 0 %}x{% endfor %}",
        "template-cost",
    ),
    "J49 with text": ("{% for i in range(5000) %}" + "word " * 100 + "{% endfor %}", "template-cost"),
    "J49 in a macro": (
        "{% macro m() %}" + "{{ 1 }}" * 200 + "{% endmacro %}{% for i in range(999) %}{{ m() }}{% endfor %}",
        "template-cost",
    ),
    "J50 text": ("{{ 'a'*10**10 }}", "template-size"),
    "J50 turned round": ("{{ 10**10*'a' }}", "template-size"),
    "J50 list": ("{{ [0]*10**9 }}", "template-operator"),
    "J50 sum": ("{% set a = 'x' * 19999 %}{{ a + a }}", "template-size"),
    "J50 joined": ("{% set a = 'x' * 19999 %}{{ a ~ a }}", "template-size"),
    "J51": ("{{ 9**(9**9) }}", "template-size"),
    "J51 smaller": ("{{ 2**100000 }}", "template-size"),
    "J51 within": ("{{ 999999**64 }}", "template-size"),
    "J51 product": ("{% set a = 10**17 %}{{ a*a }}", "template-size"),
    "J51 float": ("{{ 999999.0**64 }}", "template-operator"),
    "J52": ("{{ '%1000000000d' % 1 }}", "template-operator"),
    "J53": ("{{ '{:>1000000000}'.format(1) }}", "template-call"),
    "J54 ljust": ("{{ 'a'.ljust(10**9) }}", "template-call"),
    "J54 zfill": ("{{ 'a'.zfill(10**9) }}", "template-call"),
    "J54 expandtabs": ("{{ 'a'.expandtabs(10**9) }}", "template-call"),
    "J55 center": ("{{ 'a'|center(10**9) }}", "template-filter"),
    "J55 batch": ("{{ []|batch(10**8, 0) }}", "template-filter"),
    "J55 slice": ("{{ []|slice(10**8) }}", "template-filter"),
    "J55 wordwrap": ("{{ 'a'|wordwrap(10**8) }}", "template-filter"),
    "J55 format": ("{{ '%9d'|format(1) }}", "template-filter"),
    "J56 replace": ("{{ ('a'*1000)|replace('a', 'b'*1000) }}", "template-size"),
    "J56 join": ("{{ range(1000)|join('x'*1000) }}", "template-size"),
    "J57 lipsum": ("{{ lipsum(n=10**6) }}", "template-call"),
    "J57 cycler": ("{{ cycler('a') }}", "template-call"),
    "J57 namespace": ("{% set n = namespace() %}", "template-call"),
    "J57 doubled block": ("{% set a = 'xxxxxxxx' %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 60, "template-cost"),
    "J57 doubled list": ("{% set a = [n] %}" + "{% set a = [a, a] %}" * 60 + "{{ a == a }}", "template-size"),
    "J57 doubled map": ("{% set a = {'k': n} %}" + "{% set a = {'k': a, 'l': a} %}" * 60, "template-size"),
    "J58 macro": ("{% macro m(n) %}{{ m(n-1) }}{{ m(n-1) }}{% endmacro %}{{ m(9999) }}", "template-depth"),
    "J58 included": ("{% include 'deep.j2' %}", "template-depth"),
    "J58 loop": ("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "template-syntax"),
    "J58 brackets": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "template-depth"),
    "J58 ifs": ("{% if 1 %}" * 2000 + "{% endif %}" * 2000, "template-depth"),
    "J58 not": ("{{ " + "not " * 9000 + "1 }}", "template-depth"),
    "J58 sums": ("{{ " + "1 + " * 500 + "1 }}", "template-depth"),
    "J58 loops": ("{% for i in [1] %}" * 25 + "{% endfor %}" * 25, "template-depth"),
    "J59 class": ("{{ ''.__class__.__mro__ }}", "undefined-name"),
    "J59 globals": ("{{ pick.__globals__ }}", "undefined-name"),
    "J59 self": ("{{ self._TemplateReference__context }}", "undefined-name"),
    "J59 item": ("{{ ''['__class__'] }}", "undefined-name"),
    "J59 loop": ("{% for i in [1] %}{{ loop._iterable }}{% endfor %}", "undefined-name"),
    "J59 module": ("{% import 'lib.j2' as lib %}{{ lib.__dict__ }}{{ lib._body_stream }}", "undefined-name"),
    "J60 attr": ("{{ ''|attr('__class__') }}", "template-filter"),
    "J60 map": ("{{ ['']|map(attribute='__class__') }}", "template-filter"),
    "J60 format": ("{{ '{0.__class__}'.format(1) }}", "template-call"),
    "J60 stored": ("{% set f = ''.format %}{{ f(1) }}", "template-call"),
    "J60 join": ("{{ ['']|join(attribute='__class__') }}", "template-value"),
    "J61 outside": ("{% include '/etc/passwd' %}", "file-outside"),
    "J61 computed": ("{% include n %}", "template-include"),
    "J61 missing": ("{% include 'none.j2' ignore missing %}", "template-include"),
    "J61 extends": ("{% extends 'lib.j2' %}", "template-syntax"),
    "J61 block": ("{% block a %}{% endblock %}", "template-syntax"),
    "J61 itself": ("{% include 'again.j2' %}", "template-depth"),
    "J61 long": ("{% include 'long.j2' %}", "template-size"),
    "J62": ("{% set x = items.append(1) %}", "template-call"),
    "J63": ("{{ nn }}", "undefined-name"),
    "J63 entry": ("{{ map.kye }}", "undefined-name"),
    "J63 compared": ("{% if nn == 1 %}{% endif %}", "undefined-name"),
    "J63 added": ("{{ nn + 1 }}", "undefined-name"),
    "J63 filtered": ("{{ nn|upper }}", "undefined-name"),
    "J63 looped": ("{% for i in nn %}{% endfor %}", "undefined-name"),
    "J63 deeper": ("{{ nn.a.b }}", "undefined-name"),
    "J63 called": ("{% set n = nn %}{{ n() }}", "template-call"),
    "J63 without else": ("{{ 1 if false }}", "template-syntax"),
    "J66 unclosed": ("{{ n", "template-syntax"),
    "J66 unknown tag": ("{% do n %}", "template-syntax"),
    "J66 debug": ("{% debug %}", "template-syntax"),
    "J66 filter": ("{{ n|uppercase }}", "template-filter"),
    "J66 test": ("{{ n is filter }}", "template-test"),
    "J67 environ": ("{{ environ }}", "undefined-name"),
    "J67 os": ("{{ os.environ }}", "undefined-name"),
    "J67 env": ("{{ env.HOME }}", "undefined-name"),
    "J68 random": ("{{ items|random }}", "template-filter"),
    "J68 now": ("{{ now() }}", "template-call"),
    "a number of 5,000 digits": ("{{ " + "9" * 5000 + " }}", "template-value"),
    "a template past its size": ("x" * 50_001, "template-size"),
    "arguments with a star": ("{{ range(*items) }}", "template-call"),
    "filters with a star": ("{{ n|round(*items) }}", "template-call"),
    "a called call": ("{{ pick(items)() }}", "template-call"),
    "a function as a value": ("{{ pick }}", "template-value"),
    "a map in a text": ("x {{ map }}", "template-value"),
    "null in a text": ("x {{ none }}", "template-value"),
    "a division by nothing": ("{{ n / 0 }}", "template-operator"),
    "words compared with numbers": ("{{ n < 'a' }}", "template-value"),
    "a word that is no number": ("{{ 'many'|int }}", "template-value"),
    "an endless number": ("{{ 1e308 * 10 }}", "template-value"),
    "a word that is rounded": ("{{ 'x'|round }}", "template-value"),
    "mixed things in order": ("{{ [1, 'a']|sort }}", "template-value"),
    "a draw from nothing": ("{{ pick([]) }}", "template-value"),
    "a draw from a word": ("{{ shuffle('abc') }}", "template-value"),
    "the first of nothing": ("{{ []|first }}", "template-value"),
    "the length of a number": ("{{ n|length }}", "template-value"),
    "the list of a number": ("{{ n|list }}", "template-value"),
    "the items of a list": ("{{ items|items }}", "template-value"),
    "a range of words": ("{{ range('a') }}", "template-value"),
}


def scope() -> dict[str, object]:
    key = Key("hero#1")
    draws = {"pick": partial(pick, key), "shuffle": partial(shuffle, key), "range": span, "env": lambda name: name}
    return {"n": 3, "items": ["a", "b", "c"], "map": {"key": "v"}, "word": "zoë", **draws}


def include(path: str) -> str:
    if path not in FILES:
        raise RefusedError("file-outside", path)
    return FILES[path]


def render(text: str, templates: Templates | None = None) -> "Json | Fault":
    templates = templates or Templates(include)
    template = templates.compile(text)
    return template if isinstance(template, Fault) else templates.render(template, scope())


@pytest.mark.parametrize("row", ROWS)
def test_what_a_template_must_not_do_is_refused_within_a_second(row: str) -> None:
    text, code = ROWS[row]
    began = time.process_time()

    outcome = render(text)

    assert isinstance(outcome, Fault), outcome
    assert outcome.code == code, outcome
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ n }}", 3),
        ("{{ n }} ", "3 "),
        ("{{ n }}\n", 3),
        ("{{ n * 2 + 1 }}", 7),
        ("{{ 7 // 2 }}{{ 7 % 2 }}{{ 2 ** 3 }}", "318"),
        ("{{ n / 2 }}", 1.5),
        ("{{ 'ab' * 2 }}{{ 2 * 'c' }}", "ababcc"),
        ("{{ items + ['d'] }}", ["a", "b", "c", "d"]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ range(1, 4) }}", [1, 2, 3]),
        ("{{ {'a': n} }}", {"a": 3}),
        ("{{ none }}", None),
        ("{{ n > 2 }}", True),
        ("is {{ n > 2 }}", "is true"),
        ("{{ word ~ '-' ~ n }}", "zoë-3"),
        ("{{ word|upper }} {{ word|title }} {{ 'A'|lower }} {{ word|capitalize }}", "ZOË Zoë a Zoë"),
        ("{{ ' a '|trim }}{{ 'abc'|replace('b', 'x') }}{{ 'abc'|reverse }}", "aaxccba"),
        ("{{ items|join(', ') }}", "a, b, c"),
        ("{{ [{'a': 1}, {'a': 2}]|join('+', attribute='a') }}", "1+2"),
        ("{{ items|length }}{{ items|first }}{{ items|last }}{{ map|list|join }}", "3ackey"),
        ("{{ [3, 1, 3]|sort|unique|reverse }}", [3, 1]),
        ("{{ '5'|int }}{{ '1.5'|float }}{{ 2.7|int }}{{ -3|abs }}{{ '-2'|abs }}{{ 2.345|round(1) }}", "51.5232.02.3"),
        ("{{ 2.5|round }}", 2),
        ("{{ missing|default('none') }}{{ ''|d('x', true) }}", "nonex"),
        ("{{ missing is defined }}", False),
        ("{{ items[1] }}{{ items[-1] }}{{ word[0] }}{{ map['key'] }}{{ items[:2]|join }}", "bczvab"),
        ("{% for i in items %}{{ loop.index }}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}", "1a,2b,3c"),
        ("{% for k, v in map|items %}{{ k }}={{ v }}{% else %}none{% endfor %}", "key=v"),
        ("{% for i in items if i != 'b' %}{{ i }}{% endfor %}", "ac"),
        ("{% macro m(x, y=2) %}{{ x }}{{ y }}{% endmacro %}{{ m(1) }}{{ m(1, y=3) }}", "1213"),
        ("{% import 'lib.j2' as lib %}{{ lib.twice(n) }}", "33"),
        ("{% from 'lib.j2' import twice as t %}{{ t(word) }}", "zoëzoë"),
        ("{% with a = 1 %}{{ a }}{% endwith %}{% set b %}x{{ n }}{% endset %}{{ b }}", "1x3"),
        ("{{ 'odd' if n is odd else 'even' }}{{ 1 if 'a' in items else 0 }}", "odd1"),
        ("{# nothing #}plain", "plain"),
        ("{{ env('CITY') }}", "CITY"),
        ("{% for i in range(2) %}{{ pick([i]) }}{% endfor %}", "01"),
        ("{{ '{{ n }}' }}", "{{ n }}"),
    ],
)
def test_a_template_says_what_it_means_and_one_expression_keeps_its_type(text: str, value: Json) -> None:
    outcome = render(text)

    assert outcome == value
    assert type(outcome) is type(value)


def test_a_fault_names_the_line_of_the_innermost_file() -> None:
    templates = Templates({"outer.j2": "\n{% include 'inner.j2' %}", "inner.j2": "a\nb\n{{ nn }}"}.__getitem__)

    outcome = render("{% include 'outer.j2' %}", templates)

    assert isinstance(outcome, Fault)
    assert (outcome.file, outcome.line, outcome.word) == ("inner.j2", 3, "nn")


def test_all_renders_of_a_manifest_share_one_allowance() -> None:
    templates = Templates(include)
    heavy = "{% for i in range(5000) %}{% endfor %}"
    assert render(heavy, templates) == ""

    outcomes = [render(heavy, templates) for _ in range(CAMPAIGN // 5000 + 10)]

    assert isinstance(outcomes[-1], Fault)
    assert "together" in outcomes[-1].message
    assert outcomes[0] == ""


def test_one_render_has_the_same_allowance_whatever_came_before() -> None:
    templates = Templates(include)
    near = "{% for i in range(" + str(RENDER // 2 - 10) + ") %}{% endfor %}"

    assert [render(near, templates) for _ in range(20)] == [""] * 20


@given(st.lists(st.integers(), min_size=1, max_size=8, unique=True), st.integers(), st.text(max_size=5))
def test_an_item_added_later_changes_a_draw_only_to_itself(items: list[int], more: int, name: str) -> None:
    key = Key(name)

    assert pick(key, [*items, more]) in (pick(key, items), more)
    assert sorted(shuffle(key, items)) == sorted(items)
    assert pick(key, items[::-1]) == pick(key, items)


@given(st.text(alphabet="{}%#| .()[]'\"abn_+*~-0123456789,=\n", max_size=60))
def test_no_text_makes_rendering_raise(text: str) -> None:
    outcome = render("{{ n }}" + text)

    assert isinstance(outcome, Fault | str | int | float | bool | list | dict | None)


def test_a_source_is_compiled_once() -> None:
    templates = Templates(include)

    assert templates.compile("{{ n }}") is templates.compile("{{ n }}")
