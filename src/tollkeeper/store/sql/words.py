"""The words of an engine in the statements that are texts: the sums over records (`rollups.py`, `tags.py`).

Statements of SQLAlchemy Core have no need of them (`dialect.py`).
"""

from __future__ import annotations

from typing import Protocol


class Words(Protocol):
    """Pieces of SQL, each as one engine has it."""

    after: str
    """The parameter of the number in the chain after which records are meant."""
    upto: str
    """That of the number up to which they are."""
    integer: str
    """The type of 64-bit integers in a temporary table."""
    text: str
    """That of texts."""
    end_of_temporary_table: str
    apart: str
    """What keeps the rows of a query within another from being computed more than once."""
    tags: str
    """The table of the members of `metadata`, as `tag`."""
    tag_name: str
    tag_value: str
    is_text: str
    """Whether the value of a tag is a text."""

    def unique(self, column: str) -> str:
        """A column of the primary key of a table of sums, as its index has it."""

    def number(self, condition: str) -> str:
        """1 where a condition holds, else 0."""

    def whole(self, total: str) -> str:
        """A sum as a 64-bit integer."""

    def month_of(self, moment: str) -> str:
        """The beginning of the month of a moment, both in milliseconds."""

    def is_without(self, document: str, part: str) -> str:
        """Whether a text lacks another."""
