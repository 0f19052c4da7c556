"""The house of design section 8, held by the syntax trees of its files: who imports whom, and which door leads out."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

STOREYS: Sequence[frozenset[str]] = [
    frozenset({"text", "job"}),
    frozenset({"manifest", "events", "errors"}),
    frozenset({"plan", "api", "media", "store"}),
    frozenset({"report", "run", "sandbox"}),
    frozenset({"cli"}),
]
"""From the ground up; an import goes down or stays in its room. The package itself is the promise, above them all."""

WORDS = frozenset({"errors", "events", "job"})
"""Files at the root are the words that all rooms share; on their own storey they may be imported."""

DOORS: Mapping[str, str] = {
    "yaml": r"text\.document|text\.compose|text\.guard",
    "yamlcore": r"text\.document",
    "jsonschema": r"manifest\.schema",
    "referencing": r"manifest\.schema",
    "jinja2": r"manifest\.template.*|report\.gallery",
    "markupsafe": r"report\.gallery",
    "httpx": r"api\.client.*",
    "httpcore": r"api\.client.*",
    "httpx_aiohttp": r"api\.client.*",
    "aiohttp": r"api\.client.*",
    "anyio": r"run\..*|api\.client.*|sandbox\.server|cli\..*",
    "click": r"cli\..*",
    "rich_click": r"cli\..*",
    "rich": r"cli\..*|report\.console",
    "filelock": r"store(\..*)?",
    "starlette": r"sandbox\.server|cli\.serve",
    "uvicorn": r"sandbox\.server|cli\.serve",
    "yarl": r"api\.client.*",
    "h11": r"sandbox\.server",
    "python_multipart": r"sandbox\.server",
    "opentelemetry": r"cli\.traces",
    "av": r"media\..*",
    "PIL": r"media\..*",
}

PURE = r"(text|manifest|plan|report|job|events|errors)(\..*)?|api\.(?!client).*|run\.lifecycle|sandbox\.world"
EXCEPTIONS = {
    "manifest.schema": "pathlib",  # the shipped schema may be read
    "manifest.draw": "random",  # seeded by the key of the job, so that it is no randomness at all
    "sandbox.world": "random",  # seeded by its terms
}
IMPURE_MODULES = frozenset({"os", "time", "random", "secrets", "socket", "subprocess", "shutil", "tempfile", "pathlib"})

MOST_LINES, MOST_FUNCTION_LINES = 300, 50
TOP_LEVEL = {"pyproject.toml", "README.md", "kling_batch", "schemas", "manifests", "tests"}
HOMELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


class Module(Protocol):
    """One file of the package, as the conftest reads it."""

    name: str
    room: str
    tree: ast.Module
    lines: int

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield every imported name with its line."""
        ...


Modules = Sequence[Module]


def own(name: str) -> str:
    return name.removeprefix("kling_batch.")


def storey(room: str) -> int:
    found = [level for level, rooms in enumerate(STOREYS) if room in rooms]
    assert found, f"`{room}` has no storey in the house"
    return found[0]


def inner(modules: Modules) -> Iterator[tuple[Module, str, int]]:
    """Yield every import of our own package, as module, room and line."""
    for module in modules:
        for name, line in module.imports():
            if name.split(".")[0] == "kling_batch" and "." in name:
                yield module, name.split(".")[1], line


def test_imports_go_down_or_stay_in_their_room(modules: Modules) -> None:
    wrong = []
    for module, room, line in inner(modules):
        if module.room in {"", "__main__", room}:
            continue
        here, there = storey(module.room), storey(room)
        same = here == there and room in WORDS
        if there > here or (there == here and not same):
            wrong.append(f"{module.name}:{line} imports from `{room}`")

    assert wrong == []


def test_only_the_command_and_the_package_know_the_promise(modules: Modules) -> None:
    wrong = [
        f"{module.name}:{line}"
        for module in modules
        for name, line in module.imports()
        if name == "kling_batch" and module.room not in {"cli", "__main__"}
    ]

    assert wrong == []


def test_each_third_party_name_has_its_door(modules: Modules) -> None:
    wrong = []
    for module in modules:
        for name, line in module.imports():
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top == "kling_batch":
                continue
            assert top in DOORS, f"{module.name}:{line} imports `{top}`, which has no door"
            if not re.fullmatch(DOORS[top], own(module.name)):
                wrong.append(f"{module.name}:{line} imports `{top}`")

    assert wrong == []


def test_no_files_import_each_other_in_a_circle(modules: Modules) -> None:
    names = {module.name for module in modules}
    needs = {
        module.name: {
            target
            for name, _ in module.imports()
            for target in (name, name.rpartition(".")[0])
            if target in names and target not in {module.name, "kling_batch"}
        }
        for module in modules
        if module.name != "kling_batch"
    }
    while True:
        free = [name for name, wanted in needs.items() if not wanted & needs.keys()]
        if not free:
            break
        for name in free:
            del needs[name]

    assert needs == {}


def test_pure_rooms_reach_for_nothing_outside(modules: Modules) -> None:
    wrong = [
        f"{module.name}:{line} imports `{name}`"
        for module in modules
        if re.fullmatch(PURE, own(module.name))
        for name, line in module.imports()
        if name.split(".")[0] in IMPURE_MODULES - {EXCEPTIONS.get(own(module.name))}
    ]

    assert wrong == []


def test_only_the_command_prints_exits_and_reads_the_environment(modules: Modules) -> None:
    wrong = []
    for module in modules:
        if module.room in {"cli", "__main__"}:
            continue
        for node in ast.walk(module.tree):
            match node:
                case ast.Call(func=ast.Name(id="print" | "exit" | "quit" | "input")):
                    wrong.append(f"{module.name}:{node.lineno}")
                case ast.Attribute(value=ast.Name(id="sys"), attr="exit" | "stdout" | "stderr" | "stdin"):
                    wrong.append(f"{module.name}:{node.lineno}")
                case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv"):
                    wrong.append(f"{module.name}:{node.lineno}")

    assert wrong == []


def test_no_file_is_longer_than_a_sitting(modules: Modules) -> None:
    assert [module.name for module in modules if module.lines > MOST_LINES] == []


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_longer_than_a_screen(modules: Modules) -> None:
    wrong = [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules
        for node in functions(module)
        if (node.end_lineno or 0) - node.lineno + 1 > MOST_FUNCTION_LINES
    ]

    assert wrong == []


def public(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield f"{prefix}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}.{node.name}")


def test_everything_public_says_what_it_is_for(modules: Modules) -> None:
    named = [(module.name, module.tree) for module in modules]
    named += [each for module in modules for each in public(module.tree, module.name)]

    wrong = [name for name, node in named if not (ast.get_docstring(node) or "").strip()]

    assert wrong == []


def test_every_docstring_begins_with_a_whole_sentence(modules: Modules) -> None:
    wrong = []
    for module in modules:
        for name, node in public(module.tree, module.name):
            first = (ast.get_docstring(node) or "x.").split("\n\n")[0].strip()
            if first[-1] not in ".:?)`" or not (first[0].isupper() or first[0] == "`"):
                wrong.append(name)

    assert wrong == []


def test_what_finds_no_home_has_no_home(modules: Modules) -> None:
    assert [module.name for module in modules if HOMELESS & set(module.name.split("."))] == []


def test_the_top_level_is_what_a_visitor_expects(root: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False).stdout  # noqa: S607 - git is where the visitor found it
    seen = {line.split("/")[0] for line in listed.splitlines()} or {path.name for path in root.iterdir()}

    assert {name for name in seen if not name.startswith(".")} <= TOP_LEVEL | {"dist"}


def test_tests_pretend_nothing(root: Path) -> None:
    pretence = re.compile(
        r"^\s*(from|import)\s+(unittest\.mock|mock|respx|pytest_mock)\b|monkeypatch\.setattr|mocker\b", re.MULTILINE
    )
    wrong = [
        str(path.relative_to(root))
        for path in sorted((root / "tests").rglob("*.py"))
        if path != Path(__file__) and pretence.search(path.read_text(encoding="utf-8"))
    ]

    assert wrong == []


def test_every_exception_from_a_check_says_why(root: Path) -> None:
    silent = re.compile(r"#\s*(noqa(?!:)|noqa: [A-Z0-9, ]+$|type: ignore(?!\[)|type: ignore\[[^\]]+\]$)", re.MULTILINE)
    wrong = [
        f"{path.relative_to(root)}:{number}"
        for folder in ("kling_batch", "tests")
        for path in sorted((root / folder).rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if silent.search(line)
    ]

    assert wrong == []
