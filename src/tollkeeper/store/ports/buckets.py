"""Usage by bucket of time: sums over records, by minute, hour or day of admission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from tollkeeper.store.ports.reports import Totals

Work = Literal["text", "embeddings", "all"]
"""Which records to count: of requests for text, of those for embeddings, or every record there is."""
Dimension = Literal["user", "key", "model", "team"]
BucketWidth = Literal["minute", "hour", "day"]


class BucketQuery(Struct, frozen=True):
    """A selection of records, and how to add them up: `since` inclusive, `until` exclusive, both by `created_at`.

    Buckets begin at full minutes, hours or days (UTC). Of each filter, None is any; an absent key, model or team is "".
    """

    since: int
    until: int
    width: BucketWidth
    group_by: Sequence[Dimension] = ()
    work: Work = "all"
    users: Sequence[str] | None = None
    keys: Sequence[str] | None = None
    models: Sequence[str] | None = None
    teams: Sequence[str] | None = None


class Bucket(Struct, frozen=True):
    """Sums of one group in the bucket that begins at `at`. `group` has a value for each of `group_by`."""

    at: int
    group: tuple[str, ...]
    totals: Totals


class Buckets(Protocol):
    """Sums by bucket of time: never blocks the loop, never disturbs the writer."""

    async def sums(self, query: BucketQuery, *, most: int) -> list[Bucket]:
        """The first `most` sums, ordered by bucket, then by group. Buckets and groups without records are left out."""

    async def newest_pruned(self) -> int | None:
        """The latest moment in any record that was pruned; None: none was. Sums by minute, which come from records, are
        not known up to then."""
