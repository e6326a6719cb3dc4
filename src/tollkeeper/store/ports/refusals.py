"""Counts of refused requests: who was refused how often, and why.

A refusal leaves no record. It is counted by minute, and after `MINUTES_KEPT_MS` by hour.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

RefusalGroup = Literal["user", "key", "model", "reason", "day", "hour"]


class RefusalKey(NamedTuple):
    """What refusals are counted by. `minute` is its beginning, in milliseconds since the epoch; `status` and `code` are
    those of the error, and `limit` the limit that refused. A text is "" where there is none, or nobody knows it."""

    minute: int
    user_id: str
    key_id: str
    model: str
    status: int
    code: str
    limit: str


class RefusalFilter(Struct, frozen=True):
    """A selection: None selects all. `since` is inclusive, `until` exclusive, both in milliseconds since the epoch; of
    refusals that are counted by hour, those of the whole hour are in it or not."""

    user_id: str | None = None
    key_id: str | None = None
    since: int | None = None
    until: int | None = None


class RefusalSum(Struct, frozen=True):
    """Refusals of one group: how many, and the beginning of the minute, or hour, of the last. Of the fields that name a
    group, it has those that were asked for: `status`, `code` and `limit` for "reason"."""

    count: int
    last: int
    user_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    status: int | None = None
    code: str | None = None
    limit: str | None = None
    day: int | None = None
    hour: int | None = None


class RefusalStore(Protocol):
    async def add(self, counts: Collection[tuple[RefusalKey, int]]) -> None:
        """Add to the counts, all or none. Raises StoreError."""

    async def fold(self, before: int) -> None:
        """Add the counts of minutes before `before`, the beginning of an hour, to those of their hours. Raises
        StoreError."""

    async def summary(
        self, which: RefusalFilter, group_by: Collection[RefusalGroup], *, limit: int
    ) -> tuple[list[RefusalSum], int]:
        """The sums of at most `limit` groups, the largest first, and how many refusals there are in all groups. Raises
        StoreError."""
