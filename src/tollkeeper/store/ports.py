"""What the services ask of a store: the values that are kept, and one small protocol for each seam.

Times are integers: milliseconds since the epoch, UTC. Money is an integer of pico-dollars. An engine (`sqlite`,
`memory`) offers an object with one attribute for each protocol: `ledger`, `reports`, `accounts`, `sessions`, `book`,
`audit`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.rules.windows import Span

Role = Literal["admin", "user"]
UserStatus = Literal["active", "suspended", "closed"]
RecordStatus = Literal["completed", "cancelled", "failed", "lost"]
Group = Literal["user", "key", "model", "day", "hour", "status"]

ADJUSTMENT = "adjustment"
"""The endpoint of a correction or refund: a record that no request made. Its model and upstream are empty, its usage is
none, its cost may be negative, and its metadata tells the reason."""


class User(Struct, frozen=True):
    """An account. `user_id` is unique whatever its case. The password's hash is never printed."""

    user_id: str
    role: Role
    status: UserStatus
    name: str | None
    created_at: int
    password_hash: str | None = None
    limits: Limits = NO_LIMITS

    def __repr__(self) -> str:
        return f"User({self.user_id!r}, {self.role}, {self.status})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("user_id", self.user_id), ("role", self.role), ("status", self.status)]


class Key(Struct, frozen=True):
    """A secret of one user, of which only an HMAC is kept. Dead from `expires_at` or `retires_at` on, where set: its
    own end, and that of the grace period of a rotation. Once `revoked_at` is set it is dead whatever the clock says.
    `prefix` is what may be shown of it; the digest is never printed. `origin` is the id of the first of the keys that
    this one took the place of, one after the other; None: of none."""

    id: str
    user_id: str
    name: str | None
    prefix: str
    digest: bytes
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None
    limits: Limits = NO_LIMITS
    retires_at: int | None = None
    origin: str | None = None

    @property
    def counted_as(self) -> str:
        """The id under which its limits count: what was used with the keys before it counts too."""
        return self.origin or self.id

    def __repr__(self) -> str:
        return f"Key({self.id!r}, {self.user_id!r}, {self.prefix!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id), ("user_id", self.user_id), ("prefix", self.prefix)]


class Session(Struct, frozen=True):
    """A user signed in at one browser. `id` is an HMAC of the secret in its cookie, in hexadecimal."""

    id: str
    user_id: str
    created_at: int
    last_used_at: int


class Intent(Struct, frozen=True, gc=False):
    """Journalled at dispatch, so that a killed process leaves a trace of what was under way. The bounds are what its
    limits hold for it, in tokens and pico-dollars; None where nothing bounds it."""

    request_id: str
    created_at: int
    user_id: str
    key_id: str | None
    model: str
    requested_model: str
    endpoint: str
    upstream: str
    stream: bool
    bound_tokens: int | None = None
    bound_cost_pico: int | None = None


class Record(Struct, frozen=True, gc=False):
    """The one immutable entry of one dispatched request. `metadata` is a JSON object as text, or None. `request_id` is
    made of `created_at` (rules/ids.py): spans of time are cut by either."""

    request_id: str
    created_at: int
    settled_at: int
    user_id: str
    key_id: str | None
    model: str
    requested_model: str
    endpoint: str
    upstream: str
    stream: bool
    status: RecordStatus
    usage: Usage = NO_USAGE
    cost_pico: int = 0
    price_id: int | None = None
    latency_ms: int = 0
    first_token_ms: int | None = None
    queued_ms: int = 0
    finish_reason: str | None = None
    metadata: str | None = None


def lost(intent: Intent, at: int) -> Record:
    """The record of a request that was under way when its process was killed, found at `at`: it costs nothing, and its
    metadata tells what it may have used at most."""
    fields = asdict(intent)
    tokens, cost = fields.pop("bound_tokens"), fields.pop("bound_cost_pico")
    bound = {} if tokens is None or cost is None else {"bound_tokens": tokens, "bound_cost_usd": format_usd(cost)}
    metadata = msgspec.json.encode(bound).decode() if bound else None
    return Record(**fields, settled_at=at, status="lost", metadata=metadata)


def requests_of(record: Record) -> int:
    """How many requests a record counts as: one, or none where it is an adjustment."""
    return 0 if record.endpoint == ADJUSTMENT else 1


class Totals(Struct, frozen=True):
    """Sums over records. An adjustment counts in the cost alone."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost_pico: int = 0


class Filter(Struct, frozen=True):
    """Which records: `since` inclusive, `until` exclusive, both by `created_at`; None is no bound. `users` are several
    user ids."""

    user_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    status: RecordStatus | None = None
    since: int | None = None
    until: int | None = None
    users: Sequence[str] | None = None


class Slice(Struct, frozen=True):
    """What one user's key used of one model at one time; an absent key is "". Figures may be negative."""

    at: int
    user_id: str
    key_id: str
    model: str
    requests: int = 0
    tokens: int = 0
    cost_pico: int = 0


class History(Struct, frozen=True):
    """What was used until now, for counters to begin with. It counts every record whose number in the chain is at most
    `seq`, and no other. Each list is by `at`, oldest first; add up the one that has the span:

        minutes   hour, day: the last 25 hours, `at` the beginning of a minute
        month     month: the calendar's, UTC, last and this, `at` its beginning
        total     total: for ever, `at` 0
        moments   second, minute: the last two minutes, to the millisecond

    In `minutes` and `moments` requests lie at admission, tokens and cost at settlement; the others go by admission.

    Of users who are not wanted in detail `month` and `total` have sums of all keys and models, both "".

    Clocks are set back and forth. So "the last" goes back from the settlement of the newest record where that is
    earlier than now, and what lies ahead of now is in all of the lists, in `month` by its own month.
    """

    seq: int
    minutes: list[Slice]
    month: list[Slice]
    total: list[Slice]
    moments: list[Slice]


class AuditEntry(Struct, frozen=True):
    """Who changed what, when, from where. `detail` is a JSON object as text; it never holds a secret."""

    at: int
    actor: str
    action: str
    target: str
    detail: str
    address: str | None
    id: int = 0
    """Given by the store, increasing."""


class Ledger(Protocol):
    """The write side. Its calls are synchronous and short: they queue the work and hand back the future of the group
    commit that will hold it, one future shared by all that is committed together."""

    @property
    def failing(self) -> str | None:
        """Why the last commit failed, or None while the ledger writes. New requests are refused while it is set."""

    def intend(self, intent: Intent) -> asyncio.Future[None]:
        """Journal an intent, within 5 ms. Nothing waits for it unless the caller awaits the future."""

    def withdraw(self, request_id: str) -> asyncio.Future[None]:
        """Take an intent back: nothing was dispatched, so there will be no record. Nothing waits for it unless the
        caller does; killed before it is durable, the process leaves a record of what was lost."""

    def settle(self, record: Record) -> asyncio.Future[None]:
        """Write the record, its rollups, and the end of its intent in one transaction, at once. Idempotent by
        `request_id`: a second settlement changes nothing. Await with `asyncio.shield`: the future is shared."""

    def mark(self) -> asyncio.Future[int]:
        """The `seq` of the last record settled before this call, once it is durable: what was settled before has at
        most that number, what is settled afterwards has a larger one.

        So a counter joins what was used before it without counting anything twice or not at all:

            counter = …                      # in one step, nothing awaited between: from here on every settlement
            mark = store.ledger.mark()       # is added to the counter by whoever settles
            history = await store.reports.history(now, user_id=…, upto=await mark)
            …                                # add the history to the counter

        Until then the counter holds too little: let those who ask it wait for the history."""

    async def prune(self, before: int) -> int:
        """Delete records made before `before`, oldest in the chain first and up to the first younger one, in bounded
        steps. A checkpoint takes their place in the chain; sums by hour stay. How many were deleted. Let `before` lie
        more than 25 hours back, since a history needs what is younger. A summary whose span begins or ends within an
        hour of what was deleted lacks that part of the hour."""

    async def flush(self) -> None:
        """Wait until everything queued so far is durable."""


class Reports(Protocol):
    """The read side: never blocks the loop, never disturbs the writer."""

    async def records(self, which: Filter, *, limit: int, after: str | None) -> list[Record]:
        """Newest first, at most `limit`; `after` is the `request_id` of the last one already seen."""

    async def record(self, request_id: str) -> Record | None: ...

    async def summary(
        self, which: Filter, group_by: Sequence[Group], *, upto: int | None = None
    ) -> list[tuple[tuple[str, ...], Totals]]:
        """Sums by the named groups, in the order of their keys. A day is "2026-11-20", an hour
        "2026-11-20T12:00:00Z" (UTC), an absent key id "". No groups: one row with the key (). Of records up to the
        number `upto` in the chain, or of all."""

    async def history(
        self,
        now: int,
        *,
        user_id: str | None = None,
        upto: int | None = None,
        spans: Collection[Span] | None = None,
        detailed: Collection[str] | None = None,
    ) -> History:
        """What was used until `now`, by this user or by all, up to that number in the chain or to the last. What is
        not asked for costs nothing: `spans` are those that will be added up, and lists that have none of them are
        empty; `detailed` are the ids of users whose keys and models are to be told apart. None: all."""


class Accounts(Protocol):
    async def load(self) -> tuple[list[User], list[Key]]: ...

    async def save(
        self,
        *,
        users: Sequence[User] = (),
        keys: Sequence[Key] = (),
        ended: Collection[str] = (),
        audit: AuditEntry,
    ) -> None:
        """Insert or replace these, end sessions (by id) and append the audit entry, in one durable transaction."""

    async def touch(self, last_used: Mapping[str, int]) -> None:
        """Note when keys (by id) were last used."""


class Sessions(Protocol):
    async def load(self) -> list[Session]:
        """Oldest first."""

    async def save(
        self, *, begun: Sequence[Session] = (), ended: Collection[str] = (), audit: AuditEntry | None = None
    ) -> None:
        """End sessions (by id), insert others and append the audit entry, in one durable transaction."""

    async def touch(self, last_used: Mapping[str, int]) -> None:
        """Note when sessions (by id) were last used."""


class Book(Protocol):
    """Prices, aliases, and small named values of the installation."""

    async def prices(self) -> list[Price]: ...

    async def add_prices(self, prices: Sequence[Price], audit: AuditEntry) -> list[Price]:
        """Append versions; answers them with the ids the store gave (those passed in are 0)."""

    async def aliases(self) -> dict[str, str]: ...

    async def replace_aliases(self, aliases: Mapping[str, str], audit: AuditEntry) -> None: ...

    async def value(self, name: str) -> bytes | None: ...

    async def set_value(self, name: str, value: bytes) -> None: ...


class Audit(Protocol):
    async def entries(self, *, limit: int, after: int | None) -> list[AuditEntry]:
        """Newest first; `after` is the id of the last one already seen."""


class Store(Protocol):
    """One engine, open. Made by the engine's `open_store`; `close` flushes, then releases everything."""

    ledger: Ledger
    reports: Reports
    accounts: Accounts
    sessions: Sessions
    book: Book
    audit: Audit

    async def close(self) -> None: ...
