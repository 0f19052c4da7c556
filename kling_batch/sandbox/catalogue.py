"""What the service tells about its models and their prices (contract 5.3), the same for every caller."""

from collections.abc import Mapping

from kling_batch.job import MODEL, Json
from kling_batch.sandbox.answer import Answer, bad_request, refused, told
from kling_batch.sandbox.terms import USD_PER_SECOND, plain

_MOST = 100
_TEXT_MODEL = "sandbox-text"  # without `type=video` the real service lists text models only


def models(query: Mapping[str, str]) -> Answer:
    """Return the models of a type; without a type the text models only, as the service does."""
    name = MODEL if query.get("type") == "video" else _TEXT_MODEL
    data: list[Json] = [{"id": name, "object": "model", "owned_by": "sandbox"}]
    return told({"object": "list", "data": data, "success": True})


def pricing(query: Mapping[str, str]) -> Answer:
    """Return the price of each kind of video, for the model asked for or for all (there is one)."""
    limit = query.get("limit", str(_MOST))
    if not limit.isdecimal() or not 1 <= int(limit[:4]) <= _MOST:
        return bad_request(f"The 'limit' parameter must be between 1 and {_MOST}.", "limit")
    if query.get("model", MODEL) != MODEL or query.get("type", "video") != "video":
        return refused(404, "model_not_found", "The model does not exist", kind="not_found_error")
    prices: list[Json] = [
        {
            "group": "default",
            "conditions": {"mode": mode, "audio": audio},
            "charge_type": "per_second",
            "unit": "second",
            "unit_price": plain(usd),
        }
        for (mode, audio), usd in USD_PER_SECOND.items()
    ]
    listed: list[Json] = [] if query.get("after") == MODEL else [{"id": MODEL, "type": "video", "prices": prices}]
    return told({"object": "list", "currency": "USD", "data": listed, "has_more": False, "next_after": None})
