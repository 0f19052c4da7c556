"""What breaks a schema's rule, said to the person who wrote it: at the key or value, with what would be right."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kling_batch.job import Json, Request
from kling_batch.manifest.secret import is_secret
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Document, Path
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean, listed
from kling_batch.text.source import Span

_SHOWN = 40
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_UNITS = {
    "minLength": "character",
    "maxLength": "character",
    "minItems": "item",
    "minProperties": "key",
}
_FIGURES = {"integer": re.compile("[0-9]{1,9}"), "number": re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")}
_SCHEMA_TYPES = {str: "string", int: "integer"}
_FIELDS = frozenset(field.name for field in dataclasses.fields(Request))
_WORDS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A rule (JSON Schema's keyword) that the value at a path breaks.

    `wanted` is what the rule says, `schema` where it stands; `is_name` if the value is itself a key below the path.
    """

    rule: str
    path: Path
    value: Json
    wanted: Any
    schema: Mapping[str, Any]
    is_name: bool = False


def complaints(document: Document, breach: Breach) -> tuple[Diagnostic, ...]:
    """Return what is to be said about a breach; one that is about several keys has several."""
    match breach.rule:
        case "additionalProperties":
            return tuple(_unknown_keys(document, breach))
        case "required":
            return tuple(_missing_keys(document, breach))
        case "type":
            return (_wrong_type(document, breach),)
        case "enum" | "const":
            return (_wrong_value(document, breach),)
        case "pattern":
            return (_wrong_form(document, breach),)
        case _:
            return (_out_of_range(document, breach),)


def _unknown_keys(document: Document, breach: Breach) -> Iterator[Diagnostic]:
    allowed, what = breach.schema["properties"], breach.schema["title"]
    for key, meant in _strays(breach).items():
        yield Diagnostic(
            code="unknown-key",
            message=f"`{_cut(key)}` is not a key of {what}",
            span=document.key_span((*breach.path, key)),
            label=_belongs(key, allowed) or (f"did you mean `{meant}`?" if meant else ""),
            help=f"{what} has the key{'s' if len(allowed) > 1 else ''} {listed(allowed)}",
        )


def _strays(breach: Breach) -> dict[str, str | None]:
    """Return the keys of a mapping that its schema does not know, each with the one that may have been meant."""
    present = breach.value if isinstance(breach.value, dict) else {}
    allowed = breach.schema["properties"]
    free = [each for each in allowed if each not in present]
    return {key: did_you_mean(key, free) for key in present if key not in allowed and not is_secret(key)}


def _belongs(key: str, allowed: Mapping[str, Any]) -> str:
    """Say where a field of the API goes that was written one level too high."""
    if "request" not in allowed or did_you_mean(key, allowed):
        return ""
    field = did_you_mean(key, _FIELDS)
    how = "" if field == key else f", as `{field}`"
    return f"it goes under `request`{how}" if field else ""


def _missing_keys(document: Document, breach: Breach) -> Iterator[Diagnostic]:
    """Tell the keys that are missing, but for one that is there and only misspelt: that is told as an unknown key."""
    present = breach.value if isinstance(breach.value, dict) else {}
    misspelt = _strays(breach).values()
    missing = [each for each in breach.wanted if each not in present and each not in misspelt]
    if missing:
        about = [f"`{each}`: {_first_sentence(breach.schema['properties'][each]['description'])}" for each in missing]
        yield Diagnostic(
            code="missing-key",
            message=f"{breach.schema['title']} needs {listed(missing)}",
            span=document.key_span(breach.path) if breach.path else document.span(()),
            label=f"without {listed(missing, 'or')}",
            help="; ".join(about),
        )


def _wrong_type(document: Document, breach: Breach) -> Diagnostic:
    wanted = [breach.wanted] if isinstance(breach.wanted, str) else list(breach.wanted)
    return Diagnostic(
        code="wrong-type",
        message=f"{_name(breach)} is {_kind(breach.value)}, not {_or(_types(breach, wanted))}",
        span=_span(document, breach),
        label=_mended(breach.value, wanted),
        help=_first_sentence(breach.schema.get("description", "")),
    )


def _wrong_value(document: Document, breach: Breach) -> Diagnostic:
    allowed = [breach.wanted] if breach.rule == "const" else list(breach.wanted)
    words = [each for each in allowed if isinstance(each, str)]
    meant = did_you_mean(breach.value, words) if isinstance(breach.value, str) else None
    return Diagnostic(
        code="unknown-value",
        message=f"{_name(breach)} cannot be {_shown(breach.value)}",
        span=_span(document, breach),
        label=f"did you mean `{meant}`?" if meant else _mended(breach.value, [_SCHEMA_TYPES[type(allowed[0])]]),
        help=f"it is {listed([json.dumps(each) if not isinstance(each, str) else each for each in allowed], 'or')}",
    )


def _wrong_form(document: Document, breach: Breach) -> Diagnostic:
    text = str(breach.value)
    kinds = [name for name in ("integer", "boolean") if _mended(text, [name])]
    if breach.is_name:
        message = f"{_shown(text)} cannot be a name here"
    else:
        message = f"{_name(breach)} cannot be {_kind(text)}" if text.strip() else f"{_name(breach)} is empty"
    return Diagnostic(
        code="wrong-form",
        message=message,
        span=_span(document, breach),
        label=_mended(text, kinds),
        help=breach.schema.get("patternErrorMessage", ""),
    )


def _out_of_range(document: Document, breach: Breach) -> Diagnostic:
    """Say that a number, a text, a list or a mapping is too small or too large."""
    return Diagnostic(
        code="out-of-range",
        message=f"{_name(breach)} {_size(breach) if breach.rule in _UNITS else _range(breach)}",
        span=_span(document, breach),
        help=_first_sentence(breach.schema.get("description", "")),
    )


def _size(breach: Breach) -> str:
    size = len(breach.value) if isinstance(breach.value, str | list | dict) else 0
    unit = _UNITS[breach.rule]
    found = f"has {_count(size, unit)}" if size else "is empty"
    bound = "it takes at most" if breach.rule == "maxLength" else "it needs at least"
    return f"{found}: {bound} {_count(breach.wanted, unit)}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _range(breach: Breach) -> str:
    low, above = breach.schema.get("minimum"), breach.schema.get("exclusiveMinimum")
    high = breach.schema["maximum"]
    allowed = f"it goes from {low} to {high}" if above is None else f"it is above {above} and at most {high}"
    return f"is {_shown(breach.value)}: {allowed}"


def _span(document: Document, breach: Breach) -> Span:
    if breach.is_name:
        return document.key_span((*breach.path, str(breach.value)))
    return document.key_span(breach.path) if isinstance(breach.value, dict | None) else document.span(breach.path)


def _name(breach: Breach) -> str:
    if breach.is_name:
        return "the name"
    match breach.path:
        case (*_, str(name)):
            return f"`{_cut(name)}`"
        case (*_, str(parent), int(at)):
            return f"item {at + 1} of `{_cut(parent)}`"
        case _:
            return "an item"


def _kind(value: Json) -> str:
    match value:
        case bool():
            return f"`{json.dumps(value)}`"
        case int() | float():
            return f"the number `{value}`"
        case str():
            return f"the text `{_cut(value)}`"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "nothing"


def _shown(value: Json) -> str:
    return f"`{_cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))}`"


def _mended(value: Json, wanted: Sequence[str]) -> str:
    """Say how what was meant is written, where that is plain to see."""
    match value:
        case str() if "boolean" in wanted and value.lower() in _WORDS:
            return f"write `{_WORDS[value.lower()]}`"
        case str() if any(each in wanted and form.fullmatch(value) for each, form in _FIGURES.items()):
            return f"write `{value}` without quotes"
        case float() if "integer" in wanted and value.is_integer():
            return f"write `{value:.0f}`"
        case bool() | int() | float() if "string" in wanted and not {"boolean", "integer", "array"} & set(wanted):
            return "quote it"
        case _:
            return ""


def _first_sentence(description: str) -> str:
    """Return the start of a schema's description in the voice of a diagnostic: no capital, no full stop."""
    sentence = description.split(". ", maxsplit=1)[0].removesuffix(".")
    return sentence if sentence[:2].isupper() else sentence[:1].lower() + sentence[1:]


_TEMPLATE = r"\{[{%]"
"""The pattern by which the schema asks for a template."""


def _types(breach: Breach, wanted: Sequence[str]) -> list[str]:
    """Return the types in words; where text is only there for templates, it is called one."""
    then = breach.schema.get("then")
    is_templated = isinstance(then, dict) and then.get("pattern") == _TEMPLATE
    return ["a template" if each == "string" and is_templated else _TYPES[each] for each in wanted]


def _or(kinds: Sequence[str]) -> str:
    *most, last = kinds
    return f"{', '.join(most)} or {last}" if most else last


def _cut(text: str) -> str:
    shown = plain(text)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
