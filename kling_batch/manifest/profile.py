"""`profiles:`, several campaigns out of one manifest: a cheap draft and the final one, each with a lock of its own.

A profile has the last word: its request is laid over every job's, after the shot's and every override's.
"""

from dataclasses import dataclass, field

from kling_batch.job import Json
from kling_batch.manifest.names import shortened
from kling_batch.manifest.tree import mapping
from kling_batch.text.diagnostic import Diagnostic
from kling_batch.text.document import Document, Path
from kling_batch.text.layers import laid_over
from kling_batch.text.plain import plain
from kling_batch.text.render import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a profile says, and where; one without a name says nothing, and is the manifest as it stands."""

    name: str = ""
    entry: "dict[str, Json]" = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the profile is written."""
        return ("profiles", self.name)

    def over(self, name: str, below: "Json") -> "Json":
        """Return a part of the manifest with that of the profile laid over it."""
        return laid_over(below, self.entry[name]) if name in self.entry else below


def find_profile(document: Document, name: str) -> tuple[Profile | None, tuple[Diagnostic, ...]]:
    """Return the profile of that name, or why there is none; an empty name asks for none."""
    profiles = mapping(mapping(document.value).get("profiles"))
    if not name:
        return Profile(), ()
    if name in profiles:
        return Profile(name=name, entry=mapping(profiles[name])), ()
    near = did_you_mean(name, list(profiles))
    known = f"the profiles are {shortened(list(profiles))}" if profiles else "it has no `profiles`"
    remedy = f"did you mean `{near}`?" if near else known
    message = f"`{plain(name)[:80]}` is not a profile of this manifest"
    return None, (Diagnostic(code="unknown-profile", message=message, place=document.source.name, help=remedy),)
