"""The read side of the ledger: records, and sums over them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from tollkeeper.rules.windows import Span
from tollkeeper.store.ports.record_order import NEWEST, Order
from tollkeeper.store.ports.records import Record, RecordStatus

Group = Literal["user", "key", "model", "upstream", "endpoint", "day", "hour", "status", "team", "end_user"]


class Totals(Struct, frozen=True):
    """Sums over records. An adjustment counts in the cost only."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost_pico: int = 0


class Filter(Struct, frozen=True):
    """A selection of records: `since` inclusive, `until` exclusive, both by `created_at`; None: any. `users` are
    several user ids. Of `key_id`, `team_id` and `end_user_id`, "" selects the records without one. `tag` is a name in
    the metadata of requests and its value, "" selects the records without that name. `request_id` is the beginning of
    an id, or all of it. In sums, a record that was pruned counts as made at the beginning of its hour."""

    user_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    status: RecordStatus | None = None
    since: int | None = None
    until: int | None = None
    users: Sequence[str] | None = None
    team_id: str | None = None
    end_user_id: str | None = None
    upstream: str | None = None
    endpoint: str | None = None
    tag: tuple[str, str] | None = None
    request_id: str | None = None


class Slice(Struct, frozen=True):
    """Usage of one model by one key of a user at one time; no key, no team and no end user are "". Figures may be
    negative."""

    at: int
    user_id: str
    key_id: str
    model: str
    requests: int = 0
    tokens: int = 0
    cost_pico: int = 0
    team_id: str = ""
    end_user_id: str = ""


class Spending(Struct, frozen=True):
    """What the requests that an upstream served cost, of those admitted on one day (UTC), which begins at `day`."""

    upstream: str
    day: int
    cost_pico: int


class History(Struct, frozen=True):
    """Past usage, for counters to start from. It counts exactly the records up to the number `seq` in the chain. Each
    list is sorted by `at`, oldest first; add up the one that has the span:

        minutes   hour, day: the last 25 hours, `at` the beginning of a minute
        month     month: the last and the current calendar month, UTC, `at` its beginning
        total     total: for ever, `at` 0
        moments   second, minute: the last two minutes, to the millisecond

    In `minutes` and `moments`, requests count at admission, tokens and cost at settlement; elsewhere all count at
    admission.

    For users not requested in detail, `month` and `total` have sums by user and team over all keys, models and end
    users, all "".

    Clocks may be set back and forth. So "the last" counts back from the settlement of the newest record where that is
    earlier than now, and usage ahead of now is in all lists, in `month` under its own month.
    """

    seq: int
    minutes: list[Slice]
    month: list[Slice]
    total: list[Slice]
    moments: list[Slice]


class Reports(Protocol):
    """The read side: never blocks the loop, never disturbs the writer."""

    async def records(self, which: Filter, *, limit: int, after: str | None, order: Order = NEWEST) -> list[Record]:
        """Records in an order, at most `limit`; `after` is the cursor of the last one already seen, in the order by
        time its `request_id`. In the order by a figure all records that match are read: one such list at a time."""

    async def record(self, request_id: str) -> Record | None: ...

    async def prunable(self, before: int) -> int:
        """How many records `Ledger.prune(before)` would delete."""

    async def summary(
        self, which: Filter, group_by: Sequence[Group], *, upto: int | None = None
    ) -> list[tuple[tuple[str, ...], Totals]]:
        """Sums by the named groups, in the order of their keys. A day is "2026-11-20", an hour
        "2026-11-20T12:00:00Z" (UTC), an absent key, team or end user "". No groups: one row with the key ().
        `upto` is the number in the chain of the last record to count; None: all."""

    async def spending(self, since: int) -> list[Spending]:
        """What upstreams cost from the day of `since` on, by upstream and day; days without cost are left out. Pruned
        records count."""

    async def last_used(self) -> dict[str, int]:
        """When each model was last used: the admission of its newest record; where that was pruned, the beginning of
        its hour."""

    async def history(
        self,
        now: int,
        *,
        user_id: str | None = None,
        upto: int | None = None,
        spans: Collection[Span] | None = None,
        detailed: Collection[str] | None = None,
    ) -> History:
        """Usage until `now`, of one user or of all, up to the number `upto` in the chain or to the last. Only what is
        requested is computed: `spans` are those that will be added up, and lists for none of them are empty;
        `detailed` are the ids of users for whom to separate keys, models and end users. None: all."""
