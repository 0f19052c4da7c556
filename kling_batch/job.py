"""One video to make, and the identities by which every room knows it.

A *key* is what a human means by the job, a *spec* is the hash of what would be sent, a *business id* is what makes one
attempt to buy it unique at the service. Nothing here depends on time, place or the order of a manifest.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, make_dataclass
from typing import Any, Literal, NewType, TypeAlias, TypeVar

Key = NewType("Key", str)
SpecHash = NewType("SpecHash", str)
TaskId = NewType("TaskId", str)
BusinessId = NewType("BusinessId", str)
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Mode = Literal["std", "pro"]

MODEL = "kling-v2-6"
DEFAULTS: Mapping[str, Json] = {"mode": "std", "duration": 5, "aspect_ratio": "16:9", "audio": False}


Made = TypeVar("Made")


def light(cls: type[Made]) -> type[Made]:
    """Take the guard of a frozen dataclass away at run time; to the type checker it stays frozen.

    The guard costs 70 ns a field whenever a value is built: of a record's 2 us it is 1.4, and a plan of 100,000 jobs
    builds half a million values. Not for a class that does more when it is made than to take its fields.
    """
    if hasattr(cls, "__post_init__") or not all(each.init for each in fields(cls)):  # type: ignore[arg-type]  # as below
        raise AssertionError(f"{cls.__name__} does more than to take its fields")
    same: list[Any] = [(each.name, each.type, each) for each in fields(cls)]  # type: ignore[arg-type]  # a dataclass
    cls.__init__ = make_dataclass("", same).__init__  # type: ignore[misc,method-assign]  # only its setting differs
    del cls.__setattr__, cls.__delattr__
    return cls


_canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


def canonical(value: object) -> bytes:
    """Return the one UTF-8 JSON text of a value: keys sorted, no spaces, no escapes beyond need (as RFC 8785)."""
    return _canonical.encode(value).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that a request names: `url` as written, and the sha256 of its content where it is a local file."""

    url: str
    role: str | None = None
    sha256: str | None = None

    @property
    def identity(self) -> str:
        """What makes it the same image for a spec: content where it is known, else the address."""
        return f"sha256:{self.sha256}" if self.sha256 else self.url


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the service for one video, in the API page's own field names; `None` means not sent."""

    prompt: str
    model: str = MODEL
    mode: Mode | None = None
    duration: int | None = None
    aspect_ratio: str | None = None
    reference_images: tuple[Image, ...] = ()
    image_with_roles: tuple[Image, ...] = ()
    negative_prompt: str | None = None
    audio: bool | None = None
    watermark: bool | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """Every image of the request, references first."""
        return (*self.reference_images, *self.image_with_roles)

    def with_prompt(self, prompt: str) -> "Request":
        """Return the same request for another prompt; `dataclasses.replace` costs ten times as much."""
        return Request(
            prompt=prompt,
            model=self.model,
            mode=self.mode,
            duration=self.duration,
            aspect_ratio=self.aspect_ratio,
            reference_images=self.reference_images,
            image_with_roles=self.image_with_roles,
            negative_prompt=self.negative_prompt,
            audio=self.audio,
            watermark=self.watermark,
        )

    def parameters(self) -> dict[str, Json]:
        """Return the fields that are neither text nor image, without those that are not sent."""
        every: dict[str, Json] = {
            "model": self.model,
            "mode": self.mode,
            "duration": self.duration,
            "aspect_ratio": self.aspect_ratio,
            "audio": self.audio,
            "watermark": self.watermark,
        }
        return {name: value for name, value in every.items() if value is not None}

    def body(self, urls: Mapping[str, str] | None = None) -> dict[str, Json]:
        """Return the JSON body as it is sent, in the API page's order, each local image under the URL it got.

        `urls` goes from the path of a local image, as written, to its address there; without it the paths stay.
        """
        at = urls or {}
        own = self.parameters()
        body: dict[str, Json] = {"model": self.model, "prompt": self.prompt}
        body |= {name: own[name] for name in ("mode", "duration", "aspect_ratio") if name in own}
        if self.reference_images:
            body["reference_images"] = [at.get(image.url, image.url) for image in self.reference_images]
        if self.image_with_roles:
            body["image_with_roles"] = [
                {"url": at.get(image.url, image.url), "role": image.role} for image in self.image_with_roles
            ]
        if self.negative_prompt is not None:
            body["negative_prompt"] = self.negative_prompt
        return body | {name: own[name] for name in ("audio", "watermark") if name in own}


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The identity of what would be sent, with short hashes of its four parts.

    `parts` are prompt, negative prompt, parameters and assets, 4 hexadecimal digits each, `-` for an empty one.
    """

    hash: SpecHash
    parts: tuple[str, str, str, str]


PARTS = ("prompt", "negative prompt", "parameters", "assets")


def spec_of(request: Request) -> Spec:
    """Return the spec of a request: scheme `v1`, defaults filled in, assets by content."""
    before, after, others = _around_prompt(
        request.model,
        request.mode,
        request.duration,
        request.aspect_ratio,
        request.reference_images,
        request.image_with_roles,
        request.negative_prompt,
        request.audio,
        request.watermark,
    )
    prompt = canonical(request.prompt)
    whole = hashlib.sha256(before + prompt + after).hexdigest()
    return Spec(hash=SpecHash(f"v1:{whole}"), parts=(hashlib.sha256(prompt).hexdigest()[:4], *others))


@functools.lru_cache(maxsize=256, typed=True)
def _around_prompt(  # noqa: PLR0913, PLR0917 - the fields of a request, in their order: what it is remembered by
    model: str,
    mode: Mode | None,
    duration: int | None,
    aspect_ratio: str | None,
    reference_images: tuple[Image, ...],
    image_with_roles: tuple[Image, ...],
    negative_prompt: str | None,
    audio: bool | None,  # noqa: FBT001 - as above
    watermark: bool | None,  # noqa: FBT001 - as above
) -> tuple[bytes, bytes, tuple[str, str, str]]:
    """Return the canonical body before and after its prompt, and the hashes of the other parts: most jobs share them.

    No other place in the text can look like the empty prompt: quotes inside of a string are escaped.
    """
    request = Request(
        prompt="",
        model=model,
        mode=mode,
        duration=duration,
        aspect_ratio=aspect_ratio,
        reference_images=reference_images,
        image_with_roles=image_with_roles,
        negative_prompt=negative_prompt,
        audio=audio,
        watermark=watermark,
    )
    body = {**DEFAULTS, **request.body({image.url: image.identity for image in request.images})}
    negative = negative_prompt or None
    if negative is None:
        body.pop("negative_prompt", None)
    assets = [body.get("reference_images"), body.get("image_with_roles")] if request.images else None
    before, _, after = canonical(body).partition(_EMPTY_PROMPT)
    others = (_short(negative), _short({**DEFAULTS, **request.parameters()}), _short(assets))
    return before + _EMPTY_PROMPT[:-2], after, others


_EMPTY_PROMPT = b'"prompt":""'


def _short(part: object) -> str:
    return "-" if part is None else hashlib.sha256(canonical(part)).hexdigest()[:4]


def business_id(project: str, key: Key, spec: SpecHash, generation: int, attempt: int) -> BusinessId:
    """Return the id under which the service knows one attempt to buy a job; made with the intent, never in a plan."""
    digest = hashlib.sha256(canonical([project, key, spec, generation, attempt])).digest()
    return BusinessId("kb1-" + base64.b32encode(digest).decode()[:32])


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One video to make, every axis decided.

    `axes` are the names of the axes and their values' names, sorted, defaulted ones left out. `output` is relative to
    the output root, with `/` between its parts. `shot` and `take` are as in the key.
    """

    key: Key
    shot: str
    axes: tuple[tuple[str, str], ...]
    take: str
    slug: str
    request: Request
    spec: Spec
    output: str


def key_of(shot: str, axes: tuple[tuple[str, str], ...], take: str) -> Key:
    """Return the key of a job: `hero/lang=de,ratio=16x9#2`, or `hero#1` without axes."""
    named = ",".join(f"{axis}={value}" for axis, value in axes)
    return Key(f"{shot}/{named}#{take}" if named else f"{shot}#{take}")


def slug_of(axes: tuple[tuple[str, str], ...], take: str) -> str:
    """Return the same for file names: `de-16x9-t2`, or `t1` without axes; a named take stands as it is."""
    last = f"t{take}" if take.isdecimal() else take
    return "-".join([*(value for _, value in axes), last])
