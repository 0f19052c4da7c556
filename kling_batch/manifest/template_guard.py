"""What of Jinja a manifest may say: held against a template's tree before any of it runs.

The tree of what passed is then tamed: bodies that can run more than once (loops, macros, files) begin by paying for
themselves, and joined texts and written lists are led through filters that refuse what has grown too large.
"""

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from kling_batch.manifest import filters
from kling_batch.manifest.bounds import RefusedError

DEPTH = 48
FUNCTIONS = ("env", "pick", "range", "shuffle")
FILTERS = frozenset([*filters.FILTERS, "d", "default"])
_KINDS = ("boolean", "defined", "false", "mapping", "none", "number", "sequence", "string", "true", "undefined")
_COMPARING = ("divisibleby", "eq", "even", "ge", "gt", "in", "le", "lt", "ne", "odd", "==", "!=", "<", "<=", ">", ">=")
TESTS = frozenset([*_KINDS, *_COMPARING])
SPEND, JOIN, LITERAL = "(spend)", "(join)", "(literal)"
"""Names of filters that only a tamed tree can use: no template can spell them."""

_STATEMENTS = (nodes.If, nodes.For, nodes.Assign, nodes.AssignBlock, nodes.With, nodes.Macro)
_FILES = (nodes.Include, nodes.Import, nodes.FromImport)
_VALUES = (nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword)
_ACCESS = (nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call)
_LOGIC = (nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not)
_ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos)
_TEXT = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Concat)
_LANGUAGE = frozenset([*_STATEMENTS, *_FILES, *_VALUES, *_ACCESS, *_LOGIC, *_ARITHMETIC, *_TEXT])


class MisplacedError(RefusedError):
    """Something that templates do not have, with the line of the template where it was met."""

    def __init__(self, node: nodes.Node, code: str, message: str, *, remedy: str = "", word: str = "") -> None:
        super().__init__(code, message, remedy=remedy, word=word)
        self.line = node.lineno


def guard(tree: nodes.Template) -> None:
    """Raise `MisplacedError` for the first thing in a tree that is not part of the language."""
    _guard(tree, _functions(tree), 0)


def _functions(tree: nodes.Template) -> frozenset[str]:
    macros = [macro.name for macro in tree.find_all(nodes.Macro)]
    modules = [module.target for module in tree.find_all(nodes.Import)]
    taken = [
        each if isinstance(each, str) else each[1]
        for taking in tree.find_all(nodes.FromImport)
        for each in taking.names
    ]
    return frozenset([*FUNCTIONS, *macros, *modules, *taken])


def _guard(node: nodes.Node, functions: frozenset[str], depth: int) -> None:
    if depth > DEPTH:
        raise MisplacedError(node, "template-depth", f"a template nests at most {DEPTH} levels")
    if type(node) not in _LANGUAGE:
        name = type(node).__name__.lower()
        raise MisplacedError(node, "template-syntax", f"`{name}` is not part of the template language", word=name)
    match node:
        case nodes.Call():
            _guard_call(node, functions)
        case nodes.Filter() | nodes.Test():
            _guard_filter(node)
        case nodes.Include() | nodes.Import() | nodes.FromImport():
            _guard_file(node)
        case nodes.CondExpr(expr2=None):
            remedy = "write `else ''` where nothing is meant"
            message = "an `if` between values needs an `else`"
            raise MisplacedError(node, "template-syntax", message, remedy=remedy, word="if")
        case nodes.For(recursive=True):
            raise MisplacedError(node, "template-syntax", "loops are not `recursive` here", word="recursive")
        case _:
            pass
    for child in node.iter_child_nodes():
        _guard(child, functions, depth + 1)


def _guard_call(node: nodes.Call, functions: frozenset[str]) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise MisplacedError(node, "template-call", "arguments are written one by one here, without `*`")
    match node.node:
        case nodes.Name(name=name) if name in functions:
            return
        case nodes.Getattr(node=nodes.Name(name=module)) if module in functions and module not in FUNCTIONS:
            return
        case nodes.Getattr(attr=name):
            message = f"values have no methods here, so there is no `.{name}()`"
            remedy = f"use the filter: `value | {name}`" if name in FILTERS else "use a filter, or an entry of a map"
        case nodes.Name(name=name):
            message = f"there is no function `{name}`"
            remedy = "the functions are " + ", ".join(f"`{each}`" for each in FUNCTIONS)
        case _:
            name, message, remedy = "", "only functions and macros can be called", ""
    raise MisplacedError(node, "template-call", message, remedy=remedy, word=name)


def _guard_filter(node: nodes.Filter | nodes.Test) -> None:
    kind, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        remedy = f"the {kind}s are " + ", ".join(f"`{each}`" for each in sorted(known))
        raise MisplacedError(
            node, f"template-{kind}", f"there is no {kind} `{node.name}` here", remedy=remedy, word=node.name
        )
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise MisplacedError(node, "template-call", "arguments are written one by one here, without `*`")


def _guard_file(node: nodes.Include | nodes.Import | nodes.FromImport) -> None:
    if not (isinstance(node.template, nodes.Const) and isinstance(node.template.value, str)):
        raise MisplacedError(node, "template-include", "the name of another file is written out here, in quotes")
    if isinstance(node, nodes.Include) and node.ignore_missing:
        raise MisplacedError(node, "template-include", "`ignore missing` could leave a hole in a paid prompt")


def tame(tree: nodes.Template) -> nodes.Template:
    """Make a tree that passed pay for itself, and refuse to grow; returns it."""
    _Tamer().visit(tree)
    return tree


class _Tamer(NodeTransformer):
    def visit_Template(self, node: nodes.Template) -> nodes.Node:  # noqa: N802 - jinja names it
        return self._paying(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802 - as above
        return self._paying(node)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - as above
        price = _price([node.test]) if node.test is not None else 0
        self._paying(node)
        if node.test is not None:
            node.test = nodes.And(_spend(price, node.lineno), node.test, lineno=node.lineno)
        return node

    def _paying(self, node: nodes.Template | nodes.Macro | nodes.For) -> nodes.Node:
        price = _price(node.body)
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_spend(price, node.lineno), lineno=node.lineno))
        return node

    def visit_Import(self, node: nodes.Import) -> nodes.Node:  # noqa: N802 - as above
        node.with_context = True
        return node

    def visit_FromImport(self, node: nodes.FromImport) -> nodes.Node:  # noqa: N802 - as above
        node.with_context = True
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), JOIN)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - as above
        return self._literal(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - as above
        return self._literal(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - as above
        return self._literal(node) if node.ctx == "load" else node

    def _literal(self, node: nodes.List | nodes.Dict | nodes.Tuple) -> nodes.Node:
        constant = node.find(nodes.Name) is None
        self.generic_visit(node)
        return node if constant else _filtered(node, LITERAL)


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _spend(price: int, line: int) -> nodes.Filter:
    return _filtered(nodes.Const(price, lineno=line), SPEND)


def _price(body: list[nodes.Node]) -> int:
    """Count what runs when a body runs once; bodies inside it that can run more than once pay for themselves."""
    price, open_nodes = 1, list(body)
    while open_nodes:
        node = open_nodes.pop()
        price += 1 + (len(node.data) >> 3 if isinstance(node, nodes.TemplateData) else 0)
        if isinstance(node, nodes.For):
            open_nodes.append(node.iter)
        elif not isinstance(node, nodes.Macro):
            open_nodes.extend(node.iter_child_nodes())
    return price
