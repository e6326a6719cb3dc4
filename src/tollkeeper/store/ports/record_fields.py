"""The fields of a record: one table, from which columns, rows, the chain, exports, CSV and the API's bodies are made.

A new field needs a line here and an attribute of `Record` (`records.py`); a test compares the two. An existing database
gets the column from a revision in `store/sql/migrations/`.

Lines are in the order in which clients see the fields. `place` is the order of columns, and that of the attributes of
`Record`: a new field takes the next number, wherever its line is, and a new figure of usage the next after those of
`Usage`, which moves on what follows. Columns are named wherever they are read or written, and the chain has an order of
its own.

Of two fields the database, and so the chain, has something else than a `Record`: under `user_id` the user's opaque id,
and under `metadata` a salted digest of it (`store/sql/identities.py`). What they stand for is in rows of its own, which
can be erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from tollkeeper.store.ports.records import RecordStatus

Form = Literal["plain", "time", "usd", "json"]
"""How a value is presented: as it is; milliseconds as RFC 3339; pico-dollars as exact dollars; the text of a JSON
object as that object (in CSV as that text)."""


class RecordField(NamedTuple):
    """One field of a record. `name` is what clients see, `type` that of the value in a `Record`.

    `since` is the first version of the chain's encoding that covers it; None: no hash does. `column` is its name in the
    database, and `path` the attribute of `Record`, where they differ from `name`. `listed`: lists and CSV include it,
    not only exports and single records. `reference`: it is the id of a row in another table. `default` is the value in
    records from before the field existed. `summed`: tables of sums have it."""

    name: str
    type: Any
    place: int | None
    since: int | None = 1
    form: Form = "plain"
    column: str = ""
    path: str = ""
    listed: bool = True
    reference: bool = False
    default: str | int | None = None
    summed: bool = False

    @property
    def optional(self) -> bool:
        return type(None) in getattr(self.type, "__args__", ())

    @property
    def stored_as(self) -> str:
        return self.column or self.name

    @property
    def attribute(self) -> str:
        return self.path or self.stored_as


Fields = Sequence[RecordField]


def _tokens(name: str, place: int) -> RecordField:
    return RecordField(name, int, place, path=f"usage.{name}", summed=True)


def _units(name: str, place: int) -> RecordField:
    """A figure of usage that is not counted in tokens."""
    return RecordField(name, int, place, since=4, path=f"usage.{name}", default=0)


FIELDS: Fields = (
    RecordField("request_id", str, 0),
    RecordField("created_at", int, 1, form="time"),
    RecordField("settled_at", int, 2, form="time", listed=False),
    RecordField("user_id", str, 3),
    RecordField("key_id", str | None, 4),
    RecordField("model", str, 5),
    RecordField("endpoint", str, 7),
    RecordField("upstream", str, 8),
    RecordField("stream", bool, 9),
    RecordField("status", RecordStatus, 10),
    _tokens("prompt_tokens", 11),
    _tokens("cached_tokens", 12),
    _tokens("completion_tokens", 14),
    RecordField("total_tokens", int, None, since=None, path="usage.total_tokens"),
    _tokens("cache_write_tokens", 13),
    RecordField("cache_write_1h_tokens", int, 17, since=3, path="usage.cache_write_1h_tokens", default=0),
    _tokens("reasoning_tokens", 15),
    _units("images", 18),
    _units("audio_ms", 19),
    _units("characters", 20),
    RecordField("cost_usd", int, 21, form="usd", column="cost_pico"),
    RecordField("price_id", int | None, 22, reference=True),
    RecordField("requested_model", str, 6),
    RecordField("estimated", bool, 16, path="usage.estimated"),
    RecordField("latency_ms", int, 23),
    RecordField("first_token_ms", int | None, 24),
    RecordField("queued_ms", int, 25),
    RecordField("attempts", int, 28, since=2, default=1),
    RecordField("team_id", str | None, 29, since=5),
    RecordField("finish_reason", str | None, 26),
    RecordField("metadata", str | None, 27, form="json", column="metadata_digest", path="metadata"),
    RecordField("end_user_id", str | None, 30, since=5),
    RecordField("error", str | None, 31, since=6, form="json"),
)


def stored(fields: Fields) -> list[RecordField]:
    """The fields that have a column, in the order of the columns; the others are computed from them."""
    return sorted((field for field in fields if field.place is not None), key=lambda field: field.place or 0)


def covered(fields: Fields, version: int) -> list[RecordField]:
    """The fields in a record's bytes of the chain, in their order there: those that a version adds come last."""
    chained = [field for field in stored(fields) if field.since is not None and field.since <= version]
    return sorted(chained, key=lambda field: field.since or 0)


def chain_version(fields: Fields) -> int:
    """The version of the chain's encoding in which records are written."""
    return max(field.since or 1 for field in fields)


TOKENS = tuple(field.name for field in stored(FIELDS) if field.summed)
"""The classes of tokens that are summed, in the order of `Usage`, which begins with them."""
