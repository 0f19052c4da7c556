"""Text from outside made fit for a record and a screen: nothing in it acts, and nothing in it is a secret."""

import re
import unicodedata

LONGEST = 2_000  # characters of a message that are kept
_READ = 16_000  # characters that are looked at; what comes behind is cut unseen

_KEY = re.compile(r"\bsk-[\w*.-]{4,}", re.IGNORECASE)
_BEARER = re.compile(r"\bbearer\s+[^\s\"',;<>]+", re.IGNORECASE)
_LINK = re.compile(
    r"\b(?P<scheme>https?://)(?:[^\s/@?#\"'<>]*@)?(?P<place>[^\s?#\"'<>]*)(?P<query>[?#][^\s\"'<>]*)?", re.IGNORECASE
)
_REQUEST_ID = re.compile(r"\s*\(request[ _-]?id\b[^)]*\)", re.IGNORECASE)


def cleaned(text: str) -> str:
    """Return a text without control and direction characters, keys, link queries and request ids, cut to `LONGEST`."""
    links = _LINK.sub(_without_query, text[:_READ])  # before a control character in one becomes a space, and its end
    plain = "".join(_harmless(character) for character in links)
    plain = _REQUEST_ID.sub("", plain)
    plain = _BEARER.sub("Bearer ***", _KEY.sub("sk-***", plain))
    plain = _LINK.sub(_without_query, plain).strip()
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def _harmless(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs":
            return ""
        case _:
            return character


def _without_query(link: re.Match[str]) -> str:
    return link["scheme"] + link["place"] + ("?***" if link["query"] else "")
