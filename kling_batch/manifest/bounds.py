"""What a template may cost: steps instead of seconds, so that the same manifest is refused on every machine.

Jinja's own sandbox keeps templates from Python's insides; it is no limit on time or memory. Here every loop turn, macro
call, operator and filter pays steps before it works, and whatever would grow past a limit is refused before it is made.
"""

import operator
from collections.abc import Callable, Mapping

TEXT = 20_000
"""The longest text, in characters, that an expression may make; a prompt has at most 2,500."""
ITEMS = 10_000
"""The longest list that an expression may make or walk."""
NUMBER = 10**18
"""The largest whole number, without sign, that an operator may make."""
BASE, EXPONENT = 1_000_000, 64
"""The largest operands of `**`, without sign."""
RENDER = 20_000
"""Steps for one leaf of one job, each well under a microsecond; a long prompt takes about a hundred."""
CAMPAIGN = 5_000_000
"""Steps for all leaves of all jobs of a manifest together."""


class RefusedError(Exception):
    """A template asked for something that is not given. It never leaves the room: it becomes a diagnostic.

    `word` is the text to point at, where there is one.
    """

    def __init__(self, code: str, message: str, *, remedy: str = "", word: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.word = word


class Budget:
    """Counts the steps of one render, and of all renders together."""

    __slots__ = ("campaign", "left")

    def __init__(self) -> None:
        self.left = RENDER
        self.campaign = CAMPAIGN

    def begin(self) -> None:
        """Start the next render, once what the last one took is taken from the campaign's share."""
        self.campaign -= RENDER - self.left
        self.left = RENDER if self.campaign >= RENDER else max(self.campaign, 0)

    def spend(self, steps: int) -> bool:
        """Take steps, and return true so that it can stand in a condition; raises `RefusedError` when none are left."""
        self.left -= steps
        if self.left < 0:
            whole = self.campaign < RENDER
            raise RefusedError(
                "template-cost",
                "the templates of this manifest take too many steps together"
                if whole
                else f"this takes more than {RENDER} steps to render",
                remedy="a prompt has at most 2500 characters: loop over less, or nest fewer loops",
            )
        return True


def size(value: object) -> int:
    """Return how much there is of a value, all levels counted; raises `RefusedError` past `ITEMS`."""
    count, open_values = 0, [value]
    while open_values:
        count += 1
        if count > ITEMS:
            raise RefusedError("template-size", f"this makes a list of more than {ITEMS} items")
        match open_values.pop():
            case list() | tuple() as items:
                open_values.extend(items)
            case Mapping() as entries:
                open_values.extend(entries.values())
            case _:
                pass
    return count


def text_of(length: int) -> int:
    """Return a text's length as it is; raises `RefusedError` where it is past `TEXT`."""
    if length > TEXT:
        raise RefusedError("template-size", f"this makes a text of {length} characters, more than {TEXT}")
    return length


_ARITHMETIC: Mapping[str, Callable[..., object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
OPERATORS = frozenset(_ARITHMETIC)


def calculate(sign: str, left: object, right: object) -> object:
    """Apply a binary operator to numbers, to two texts or lists (`+`), or to a text and a number (`*`).

    Raises `RefusedError` for anything else and for what would grow too large, before it is made.
    """
    match sign, left, right:
        case "+", str(), str():
            text_of(len(left) + len(right))
        case "+", list(), list():
            size([left, right])
        case "*", str(), int():
            text_of(len(left) * right)
        case "*", int(), str():
            text_of(left * len(right))
        case "**", int() | float(), int() | float() if abs(left) > BASE or abs(right) > EXPONENT:
            raise RefusedError("template-size", f"`{left} ** {right}` is too large a power")
        case _, int() | float(), int() | float():
            pass
        case _:
            raise RefusedError(
                "template-operator",
                f"`{sign}` does not go between {kind(left)} and {kind(right)}",
                remedy="join texts with `~`, calculate with numbers",
            )
    try:
        made = _ARITHMETIC[sign](left, right)
    except ArithmeticError as error:
        raise RefusedError("template-operator", f"`{sign}` cannot be worked out: {error}") from error
    if isinstance(made, int) and abs(made) > NUMBER:
        raise RefusedError("template-size", f"`{sign}` makes a number past {NUMBER}")
    return made


def kind(value: object) -> str:
    """Return what a value is, in the words that a manifest's author knows."""
    match value:
        case None | bool():
            return "null" if value is None else "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "a map"
        case list() | tuple() | range():
            return "a list"
        case _:
            return "a function"
