"""The words of PostgreSQL in the statements that are texts."""

from __future__ import annotations

from tollkeeper.store.ports.records import BACKSLASH, NUL


class PostgresWords:
    """See `store/sql/words.py`. Parameters are those of `sqlalchemy.text`."""

    after, upto = ":after", ":upto"
    integer, text = "BIGINT", 'TEXT COLLATE "C"'
    end_of_temporary_table = " ON COMMIT DELETE ROWS"
    apart = "OFFSET 0"
    tag_name, tag_value, is_text = "tag.name", "(tag.member #>> '{}')", "json_typeof(tag.member) = 'string'"

    def __init__(self) -> None:
        # The type refuses the character that its texts cannot hold, before any condition is looked at.
        without = self.is_without(f"replace(metadata, '{BACKSLASH}', '')", NUL)
        document = f"CAST(CASE WHEN {without} THEN metadata ELSE '{{}}' END AS json)"
        self.tags = f" CROSS JOIN LATERAL json_each({document}) AS tag(name, member)"

    def unique(self, column: str) -> str:
        # A row of an index has at most 2,704 bytes, and the value of a tag up to 2,048 of them.
        return "md5(value)" if column == "value" else column

    def number(self, condition: str) -> str:
        return f"CAST(({condition}) AS INTEGER)"

    def whole(self, total: str) -> str:
        return f"CAST({total} AS BIGINT)"

    def month_of(self, moment: str) -> str:
        month = f"date_trunc('month', to_timestamp({moment} / 1000), 'UTC')"
        return f"CAST(extract(epoch FROM {month}) AS BIGINT) * 1000"

    def is_without(self, document: str, part: str) -> str:
        return f"strpos({document}, '{part}') = 0"
