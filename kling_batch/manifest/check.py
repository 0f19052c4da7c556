"""One rendered request held against what the service documents: contract sections 1 and 7, by hand and quick.

What the vendor states is an error; what only other sources say of this model is an error too where money would be lost
to it, and `allow:` can lift it (`last_frame` rules), else a warning.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from kling_batch.job import DEFAULTS, MODEL, Image, Json, Request
from kling_batch.manifest.bounds import RefusedError, kind
from kling_batch.manifest.filters import shown
from kling_batch.manifest.folder import Folder
from kling_batch.manifest.images import Picture, look
from kling_batch.manifest.tree import sequence
from kling_batch.manifest.urls import address_fault, is_address
from kling_batch.text.diagnostic import Severity
from kling_batch.text.document import Path
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean

LONGEST_PROMPT = 2500
DURATIONS = (5, 10)
RATIOS = ("16:9", "9:16", "1:1")
MODES = ("std", "pro")
_TEXTS = ("prompt", "negative_prompt")
_PARAMETERS = ("model", "mode", "duration", "aspect_ratio", "audio", "watermark")
ROLES = ("first_frame", "last_frame", "reference", "reference_image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One complaint about a rendered request, `at` one of its places."""

    code: str
    at: Path
    message: str
    remedy: str = ""
    label: str = ""
    severity: Severity = Severity.ERROR


class Checker:
    """Checks the requests of one manifest; every image is looked at once."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._pictures: dict[str, Picture | tuple[str, str, str]] = {}
        self._parameters: dict[object, tuple[Finding, ...]] = {}

    def check(self, values: Mapping[str, "Json"], allow: frozenset[str]) -> tuple[Request, list[Finding]]:
        """Return a request, of use only if no finding is an error, and what there is to say about it."""
        given: dict[str, Json] = {name: value for name, value in values.items() if value is not None}
        plain_texts = "negative_prompt" not in given and is_plain_prompt(given.get("prompt"))
        findings = [] if plain_texts else [*_texts(given)]
        findings += self._about_parameters(given)
        if "reference_images" not in given and "image_with_roles" not in given:
            return _request(given, (), ()), findings
        references = self._images(given.get("reference_images"), ("reference_images",), findings)
        framed = self._images(given.get("image_with_roles"), ("image_with_roles",), findings)
        findings += [*_roles(references, framed), *_frames(given, references, framed, allow)]
        return _request(given, references, framed), findings

    def _about_parameters(self, given: Mapping[str, "Json"]) -> tuple[Finding, ...]:
        """Return what there is to say about all but texts and images; most jobs have the same parameters."""
        values = tuple(map(given.get, _PARAMETERS))
        asked = (values, *map(type, values))  # 1, 1.0 and true are equal, and not the same
        try:
            known = self._parameters.get(asked)
        except TypeError:  # a list or a map, which is wrong in each of them
            return tuple(_parameters(given))
        if known is None:
            known = self._parameters[asked] = tuple(_parameters(given))
        return known

    def _images(self, value: "Json", at: Path, findings: list[Finding]) -> tuple[Image, ...]:
        images = []
        for index, item in enumerate(sequence(value)):
            entry = item if isinstance(item, dict) else {"url": item}
            place = (*at, index, "url") if isinstance(item, dict) else (*at, index)
            url, role = entry.get("url"), entry.get("role")
            images.append(self._image(url, role if isinstance(role, str) else None, place, findings))
            if at == ("image_with_roles",) and role not in ROLES:
                findings.append(_role_fault(role, (*at, index, "role")))
        return tuple(images)

    def _image(self, url: "Json", role: str | None, at: Path, findings: list[Finding]) -> Image:
        if not isinstance(url, str) or not url.strip():
            message = "an image is a URL, or the path of a file below the manifest's folder"
            findings.append(Finding(code="image-url", at=at, message=message))
            return Image(url="", role=role)
        if is_address(url):
            if (fault := address_fault(url)) is not None:
                findings.append(Finding(code=fault[0], at=at, message=f"the image's URL {fault[1]}"))
            return Image(url=url, role=role)
        picture = self._picture(url)
        if not isinstance(picture, Picture):
            code, message, remedy = picture
            findings.append(Finding(code=code, at=at, message=plain(message), remedy=remedy))
            return Image(url=url, role=role)
        if picture.kind in ("GIF", "WebP"):
            message = f"`{plain(url)}` is a {picture.kind}: it uploads, but Kling itself documents only PNG and JPEG"
            findings.append(Finding(code="image-kind", at=at, message=message, severity=Severity.WARNING))
        return Image(url=url, role=role, sha256=picture.sha256)

    def _picture(self, path: str) -> Picture | tuple[str, str, str]:
        if path not in self._pictures:
            try:
                seen = look(self._folder.content(path))
                self._pictures[path] = seen if isinstance(seen, Picture) else (seen[0], f"`{path}` {seen[1]}", "")
            except RefusedError as error:
                self._pictures[path] = (error.code, error.message, error.remedy)
        return self._pictures[path]


def _role_fault(role: "Json", at: Path) -> Finding:
    known = "the roles are " + ", ".join(f"`{each}`" for each in ROLES)
    meant = did_you_mean(str(role), ROLES)
    message = f"`{plain(str(role))}` is no role of an image" if role is not None else "an image here needs a role"
    return Finding(
        code="image-role", at=at, message=message, remedy=known, label=f"did you mean `{meant}`?" if meant else ""
    )


def is_plain_prompt(prompt: "Json") -> TypeGuard[str]:
    """Say whether a prompt is plainly without fault, as nearly every one is."""
    return (
        isinstance(prompt, str)
        and len(prompt) <= LONGEST_PROMPT
        and "{" not in prompt
        and bool(prompt)
        and not prompt.isspace()
    )


def _texts(given: MutableMapping[str, "Json"]) -> Iterator[Finding]:
    """Return what is wrong with texts; a number that an expression put where words belong becomes words."""
    for name in _TEXTS:
        value = given.get(name)
        if isinstance(value, bool | int | float):
            value = given[name] = shown(value)
        if value is None and name == "negative_prompt":
            continue
        if value is None or (isinstance(value, str) and not value.strip() and name == "prompt"):
            yield Finding(
                code="prompt-empty",
                at=(name,),
                message="there is no prompt",
                remedy="every job needs one, even with images",
            )
        elif not isinstance(value, str):
            yield Finding(code="wrong-type", at=(name,), message=f"`{name}` is a text, and this is {kind(value)}")
        elif len(value) > LONGEST_PROMPT:
            message = f"`{name}` has {len(value)} characters, and at most {LONGEST_PROMPT} are taken"
            yield Finding(code="too-long", at=(name,), message=message)
        elif "{{" in value or "{%" in value:
            message = f"`{name}` still has braces in it after rendering: `{plain(_around_braces(value))}`"
            remedy = "what a variable holds is never rendered again"
            yield Finding(code="braces-left", at=(name,), message=message, remedy=remedy, severity=Severity.WARNING)


def _around_braces(text: str) -> str:
    at = min(found for sign in ("{{", "{%") if (found := text.find(sign)) >= 0)
    return text[at : at + 30]


def _parameters(given: Mapping[str, "Json"]) -> Iterator[Finding]:
    yield from _one_of(given, "model", (MODEL,), "this runner speaks to one model")
    yield from _one_of(given, "mode", MODES, "`std` is 720P and silent, `pro` is 1080P and can have sound")
    yield from _one_of(given, "duration", DURATIONS, "the model makes 5 or 10 seconds")
    yield from _one_of(given, "aspect_ratio", RATIOS, "the documented ratios are `16:9`, `9:16` and `1:1`")
    for name in ("audio", "watermark"):
        if name in given and not isinstance(given[name], bool):
            message = f"`{name}` is true or false, and this is {kind(given[name])}"
            yield Finding(
                code="wrong-type", at=(name,), message=message, remedy="write `true` or `false`, without quotes"
            )
    if given.get("audio") is True and given.get("mode", DEFAULTS["mode"]) == "std":
        remedy = "write `mode: pro` beside it, or leave `audio` out"
        yield Finding(code="audio-std", at=("audio",), message="there is sound only with `mode: pro`", remedy=remedy)


def _one_of(given: Mapping[str, "Json"], name: str, known: Sequence[str | int], remedy: str) -> Iterator[Finding]:
    if name not in given:
        return
    value = given[name]
    if isinstance(value, float) and value.is_integer() and value in known:
        return
    if value in known and not isinstance(value, bool):
        return
    shown = (
        plain(str(value))[:60] if isinstance(value, str | int | float) and not isinstance(value, bool) else kind(value)
    )
    meant = did_you_mean(str(value), [str(each) for each in known])
    quoted = isinstance(value, str) and any(str(each) == value for each in known)
    message = f"`{name}` is the text `{shown}`, not a number" if quoted else f"`{name}` cannot be `{shown}`"
    remedy = "write it without quotes, or give the column of a csv its type with `types`" if quoted else remedy
    label = "" if quoted or not meant else f"did you mean `{meant}`?"
    yield Finding(code=f"wrong-{name.replace('_', '-')}", at=(name,), message=message, remedy=remedy, label=label)


def _roles(references: Sequence[Image], framed: Sequence[Image]) -> Iterator[Finding]:
    at: Path = ("image_with_roles",)
    for role in ("first_frame", "last_frame"):
        places = [index for index, image in enumerate(framed) if image.role == role]
        for index in places[1:]:
            message = f"a second `{role}`; a video has one"
            yield Finding(code="role-double", at=(*at, index, "role"), message=message)
    frames = {image.url: index for index, image in enumerate(framed) if image.role in ("first_frame", "last_frame")}
    for index, image in enumerate(references):
        if image.url in frames:
            message = "this image is a frame already, under `image_with_roles`"
            yield Finding(code="role-double", at=("reference_images", index), message=message)


def _frames(
    given: Mapping[str, "Json"], references: Sequence[Image], framed: Sequence[Image], allow: frozenset[str]
) -> Iterator[Finding]:
    roles = {image.role: index for index, image in reversed([*enumerate(framed)])}
    if "last_frame" in roles:
        at: Path = ("image_with_roles", roles["last_frame"], "role")
        broken = {
            "last-frame-std": given.get("mode", DEFAULTS["mode"]) == "std",
            "last-frame-audio": given.get("audio") is True,
            "last-frame-alone": "first_frame" not in roles,
        }
        for rule, breaks in broken.items():
            if breaks and rule not in allow:
                remedy = f"{_REMEDIES[rule]}; or try it with `allow: [{rule}]`"
                yield Finding(code=rule, at=at, message=_LAST_FRAME[rule], remedy=remedy)
    if ("first_frame" in roles or "last_frame" in roles) and "aspect_ratio" in given:
        message = "a video that starts from a frame has that image's ratio; `aspect_ratio` may be ignored"
        yield Finding(code="ratio-ignored", at=("aspect_ratio",), message=message, severity=Severity.WARNING)
    if references or "reference" in roles or "reference_image" in roles:
        at = ("reference_images",) if references else ("image_with_roles",)
        message = (
            "references are taken by the service, but Kling documents none for v2.6: the first may become a first frame"
        )
        yield Finding(code="references", at=at, message=message, severity=Severity.WARNING)


_LAST_FRAME = {
    "last-frame-std": "a last frame is documented for `mode: pro` only",
    "last-frame-audio": "a last frame and `audio` exclude each other",
    "last-frame-alone": "a last frame goes with a first one",
}
_REMEDIES = {
    "last-frame-std": "write `mode: pro`",
    "last-frame-audio": "leave `audio` out",
    "last-frame-alone": "add an image with the role `first_frame`",
}


def _request(given: Mapping[str, "Json"], references: tuple[Image, ...], framed: tuple[Image, ...]) -> Request:
    """Return the request; the types hold where there was no finding, and nobody uses it where there was one."""
    value = cast("Mapping[str, Any]", given).get  # not a cast a field: seven more calls for each job
    duration = value("duration")
    return Request(
        prompt=cast("str", value("prompt")),
        mode=value("mode"),
        duration=int(duration) if isinstance(duration, float) else duration,
        aspect_ratio=value("aspect_ratio"),
        reference_images=references,
        image_with_roles=framed,
        negative_prompt=value("negative_prompt"),
        audio=value("audio"),
        watermark=value("watermark"),
    )
