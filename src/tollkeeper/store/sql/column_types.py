"""Types of columns that engines need in their own way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer
from sqlalchemy import Text as AnyText

Text = AnyText().with_variant(AnyText(collation="C"), "postgresql")
"""Text in the order of its code points, which is SQLite's own order, and Python's; a database of PostgreSQL has that of
a language, which even comparisons of ids would follow."""

RowId = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives each new row. SQLite, whose integers are all of 64 bits, does so only under that
name."""
