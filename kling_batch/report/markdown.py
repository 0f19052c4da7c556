"""GitHub's Markdown for comments on pull requests, in which nothing that a manifest says can act."""

from kling_batch.text.plain import plain

ROWS = 300
"""A comment on a pull request holds 65,536 characters; so many rows fit with room to spare."""

ENTITIES = {ord(each): f"&#{ord(each)};" for each in r"&<>\`*_[]|~@#!"}


def row(*cells: str) -> str:
    """Return one row of a table; its cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def inert(text: str) -> str:
    """Return text that Markdown shows as it is: no cell ends in it, nobody is mentioned, nothing becomes a link."""
    return plain(text).translate(ENTITIES)


def code(key: str) -> str:
    """Return a key as code that stays inside of its cell."""
    return "`" + plain(key).replace("`", "'").replace("|", "/") + "`"
