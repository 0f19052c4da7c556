"""The house as syntax trees: every module, what it imports, and what it defines."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "kling_batch"


@dataclass(frozen=True)
class Module:
    """One file of the package under its dotted name."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def room(self) -> str:
        """The first name below the package, empty for the package itself."""
        return [*self.name.split("."), ""][1]

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield every name that is imported anywhere in the file, type-only ones too, with its line."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    yield from ((each.name, node.lineno) for each in names)
                case ast.ImportFrom(module=str(module), level=0, names=names):
                    yield from ((f"{module}.{each.name}", node.lineno) for each in names)
                case ast.ImportFrom():
                    raise AssertionError(f"{self.name}:{node.lineno} imports relatively")
                case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(name))]):
                    yield name, node.lineno


def _modules() -> Iterator[Module]:
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name=name, path=path, tree=ast.parse(text), lines=len(text.splitlines()))


@pytest.fixture(scope="session")
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    return tuple(_modules())


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT
