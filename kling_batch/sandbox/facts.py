"""What the service must not forget, as values and as lines of JSON: tasks that were charged, images taken in."""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from kling_batch.sandbox.task import Fate, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An image lies at the file host under that name."""

    name: str


Fact: TypeAlias = Task | Upload


def to_line(fact: Fact) -> bytes:
    """Return a fact as one line of JSON."""
    name = type(fact).__name__.lower()
    return json.dumps({"fact": name, **dataclasses.asdict(fact)}, default=str).encode() + b"\n"


def from_lines(content: bytes) -> Iterable[Fact]:
    """Yield the facts of a state file; a last line that was cut off is none. Raises `ValueError` for other damage."""
    whole, _, _ = content.rpartition(b"\n")
    for line in whole.splitlines():
        fields = json.loads(line)
        match fields.pop("fact", None):
            case "upload":
                yield Upload(**fields)
            case "task":
                fate = Fate(**fields.pop("fate"))
                yield Task(**{**fields, "usd": Decimal(fields["usd"]), "fate": fate})
            case other:
                raise ValueError(f"`{other}` is not a fact of the sandbox")
