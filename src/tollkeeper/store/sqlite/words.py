"""The words of SQLite in the statements that are texts."""

from __future__ import annotations


class SqliteWords:
    """See `store/sql/words.py`. Conditions are numbers here."""

    after, upto = "?1", "?2"
    integer, text = "INTEGER", "TEXT"
    end_of_temporary_table = ""
    apart = "LIMIT -1"
    tags = ", json_each(metadata) AS tag"
    tag_name, tag_value, is_text = "tag.key", "tag.value", "tag.type = 'text'"

    def unique(self, column: str) -> str:
        return column

    def number(self, condition: str) -> str:
        return condition

    def whole(self, total: str) -> str:
        return total

    def month_of(self, moment: str) -> str:
        return f"CAST(strftime('%s', {moment} / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000"

    def is_without(self, document: str, part: str) -> str:
        return f"instr({document}, '{part}') = 0"
