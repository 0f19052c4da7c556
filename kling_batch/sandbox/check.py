"""What the service refuses in a request for a video (contract 1.2, 3.2 and 4), one complaint at a time, as it does."""

import json
import re
from collections.abc import Callable, Mapping
from typing import cast

from kling_batch.job import MODEL, Json
from kling_batch.media.clips import RATIOS
from kling_batch.sandbox.answer import Answer, bad_request, refused

LONGEST_TEXT = 2500
LONGEST_ID = 128
ROLES = ("first_frame", "last_frame", "reference", "reference_image")
MARKER = "sandbox:forbidden"  # a prompt that holds it is against the pretended content policy

_URL = re.compile("https?://[^/?#]")

Body = Mapping[str, Json]


def complaint(body: Json, is_known_file: Callable[[str], bool]) -> Answer | None:
    """Return the first refusal that a body earns, or `None`.

    `is_known_file` says of a URL on the service's own file host whether an upload made it.
    """
    if not isinstance(body, dict):
        return refused(400, "invalid_request", "The request body must be a JSON object.", kind="invalid_request_error")
    return _model(body) or _fields(body) or _images(body, is_known_file) or _policy(body)


def own_id(body: Body) -> str | None:
    """Return the caller's own id, at the top level or under `metadata` (contract 1.3)."""
    metadata = body.get("metadata")
    found = body.get("client_business_id") or (
        metadata.get("client_business_id") if isinstance(metadata, dict) else None
    )
    return found if isinstance(found, str) else None


def _model(body: Body) -> Answer | None:
    match body.get("model"):
        case str() as name if name == MODEL:
            return None
        case None | "":
            return refused(400, "", "模型名称不能为空", kind="new_api_error")
        case str() as name:
            return refused(503, "model_not_found", f"模型 {name} 未配置渠道能力", kind="new_api_error")
        case _:
            return bad_request("The 'model' field must be a string.", "model")


def _fields(body: Body) -> Answer | None:
    prompt, negative = body.get("prompt"), body.get("negative_prompt", "")
    mode, duration, audio = body.get("mode", "std"), body.get("duration", 5), body.get("audio", False)
    metadata, watermark = body.get("metadata", {}), body.get("watermark", False)
    rules = (
        (isinstance(prompt, str) and prompt != "", "prompt", "The 'prompt' field is required."),
        (_is_text(prompt), "prompt", f"The 'prompt' field must be at most {LONGEST_TEXT} characters."),
        (
            _is_text(negative),
            "negative_prompt",
            f"The 'negative_prompt' field must be at most {LONGEST_TEXT} characters.",
        ),
        (mode in ("std", "pro"), "mode", "The 'mode' field must be 'std' or 'pro'."),
        (
            type(duration) is int and duration in (5, 10),
            "duration",
            "The 'duration' field must be the integer 5 or 10.",
        ),
        (
            body.get("aspect_ratio", "16:9") in RATIOS,
            "aspect_ratio",
            f"The 'aspect_ratio' field must be one of {RATIOS}.",
        ),
        (isinstance(audio, bool), "audio", "The 'audio' field must be a boolean."),
        (not audio or mode == "pro", "audio", "The 'audio' field is only supported when mode is 'pro'."),
        (isinstance(watermark, bool), "watermark", "The 'watermark' field must be a boolean."),
        (isinstance(metadata, dict), "metadata", "The 'metadata' field must be an object."),
        (
            _is_own_id(body),
            "client_business_id",
            f"The 'client_business_id' must be text of 1 to {LONGEST_ID} characters.",
        ),
    )
    broken = next(((param, message) for holds, param, message in rules if not holds), None)
    if broken is not None:
        return bad_request(broken[1], broken[0])
    if "callback_url" in body:
        return refused(400, "webhook_not_configured", "No webhook is configured for this token")
    return None


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _is_own_id(body: Body) -> bool:
    metadata = body.get("metadata")
    given = [
        place["client_business_id"]
        for place in (body, metadata)
        if isinstance(place, dict) and "client_business_id" in place
    ]
    return all(isinstance(each, str) and 0 < len(each) <= LONGEST_ID for each in given)


def _images(body: Body, is_known_file: Callable[[str], bool]) -> Answer | None:
    references, framed = body.get("reference_images", []), body.get("image_with_roles", [])
    if not isinstance(references, list):
        return bad_request("The 'reference_images' field must be an array of URLs.", "reference_images")
    if not isinstance(framed, list) or not all(_is_framed(each) for each in framed):
        return bad_request(f"Each of 'image_with_roles' must have a 'url' and a 'role' of {ROLES}.", "image_with_roles")
    if "image_urls" in body:
        return bad_request(
            "The 'image_urls' field is not supported by this model; use 'image_with_roles'.", "image_urls"
        )
    frames = [cast("dict[str, Json]", each) for each in framed]
    urls = [("reference_images", each) for each in references] + [("image_with_roles", each["url"]) for each in frames]
    return next((found for param, url in urls if (found := _url(url, param, is_known_file))), None)


def _is_framed(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("url"), str) and value.get("role") in ROLES


def _url(url: Json, param: str, is_known_file: Callable[[str], bool]) -> Answer | None:
    if isinstance(url, str) and url.startswith("data:"):
        return bad_request("base64 image is not allowed, upload it first", param)
    if not isinstance(url, str) or _URL.match(url) is None:
        return bad_request("invalid image_url: a publicly reachable http(s) URL is required", param)
    if not is_known_file(url):
        return bad_request("invalid image_url: the file does not exist or has expired", param)
    return None


def _policy(body: Body) -> Answer | None:
    if MARKER in str(body["prompt"]):
        return refused(422, "content_policy_violation", "The prompt violates the content policy")
    return None


def peek(content: bytes) -> tuple[str, str]:
    """Return own id and prompt of a request for what a scenario wants to know; empty where it has none."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return "", ""
    return (own_id(body) or "", str(body.get("prompt", ""))) if isinstance(body, dict) else ("", "")
