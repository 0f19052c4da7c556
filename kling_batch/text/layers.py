"""Several documents laid over each other: one value, of which each part keeps its place in the file that says it.

Maps merge, lists and scalars replace, and `null` takes away what lies below. A path is looked up where it leads
furthest; where two layers lead as far, the upper one decided, so that it is the one to point at.
"""

from dataclasses import dataclass
from functools import reduce

from kling_batch.job import Json
from kling_batch.text.document import Document, Path
from kling_batch.text.source import Span


@dataclass(frozen=True)
class Layered(Document):
    """A document over others; `layers` are the topmost first, whose name it has."""

    layers: tuple[Document, ...]

    def span(self, path: Path) -> Span:
        """Return the place of the value at a path, in the layer that says it."""
        return self._decisive(path).span(path)

    def key_span(self, path: Path) -> Span:
        """Return the place of the key that leads to a path, in the layer that says it."""
        return self._decisive(path).key_span(path)

    def within(self, path: Path, offset: int, length: int = 1) -> Span:
        """Return a place inside a scalar, in the layer that says it."""
        return self._decisive(path).within(path, offset, length)

    def _decisive(self, path: Path) -> Document:
        return max(self.layers, key=lambda layer: layer.depth(path))  # the first of equals


def layered(layers: tuple[Document, ...]) -> Document:
    """Return the document that layers make together, the topmost first; a single one is itself."""
    top = layers[0]
    if len(layers) == 1:
        return top
    value = reduce(laid_over, (layer.value for layer in reversed(layers)))
    return Layered(top.source, value, top.root, layers)


def laid_over(below: Json, above: Json) -> Json:
    """Return one value with another laid over it."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    merged = dict(below)
    for name, item in above.items():
        if item is None and name in below:
            del merged[name]
        else:
            merged[name] = laid_over(below.get(name), item)
    return merged
