"""Dispatched requests: each one's account from its intent to its record.

A record exists exactly when an upstream was dispatched to. `Runs.begin` journals the intent; leaving the `with` block
of the `Run` settles it if nothing did before, or takes all of it back if nothing was sent: whatever happens in between,
what was dispatched ends in one record, and what was not in none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from types import TracebackType
from typing import Protocol

from msgspec import Struct

from tollkeeper.rules.errors import CredentialsRefused, Forbidden, GatewayError, LedgerUnavailable, UpstreamFailure
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.services.admission import Grant
from tollkeeper.services.catalog import Route
from tollkeeper.services.commits import Commits
from tollkeeper.services.directory import Caller
from tollkeeper.services.figures import Figures
from tollkeeper.services.metrics import Metrics
from tollkeeper.store.bounds import fitted_cost, fitted_usage
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports import Intent, Ledger, Record, RecordStatus
from tollkeeper.wire.openai import Ask, Endpoint
from tollkeeper.wire.openai_answer import NO_REPORT, UsageReport

log = logging.getLogger("tollkeeper.runs")


class Started(Struct, frozen=True, gc=False):
    """When a request came in: milliseconds since the epoch, and seconds by the monotonic clock."""

    request_id: str
    created_at: int
    clock: float


class Heard(Protocol):
    """What an answer has said so far."""

    @property
    def report(self) -> UsageReport: ...
    @property
    def finish_reason(self) -> str | None: ...
    @property
    def content_events(self) -> int: ...


class _Nothing(Struct, frozen=True):
    report: UsageReport = NO_REPORT
    finish_reason: str | None = None
    content_events: int = 0


_NOTHING = _Nothing()


class Runs:
    """All dispatched requests of this process. `now` is milliseconds since the epoch, `clock` monotonic seconds."""

    def __init__(
        self,
        ledger: Ledger,
        metrics: Metrics,
        figures: Figures,
        now: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self.ledger = ledger
        self.metrics = metrics
        self.figures = figures
        self.now = now
        self.clock = clock
        self.commits = Commits()
        self.active: set[Run] = set()

    def cut_credentials(self, ids: Collection[str]) -> None:
        """End what runs under these keys and sessions: they stopped working just now."""
        self.cut(
            lambda run: run.credential in ids,
            Forbidden("Your access was ended while this request ran. Sign in again, or ask an admin to restore it."),
        )

    def cut(self, which: Callable[[Run], bool], why: GatewayError) -> None:
        """End the running requests that `which` picks; their clients are told `why`."""
        for run in [run for run in self.active if which(run)]:
            run.end_with(why)

    def __repr__(self) -> str:
        return f"Runs({len(self.active)} active)"

    def check_open(self) -> None:
        """Raises LedgerUnavailable while nothing can be recorded: then nothing is relayed."""
        if self.ledger.failing is not None:
            raise LedgerUnavailable("The ledger cannot be written right now, so nothing is relayed. Try again soon.")

    def begin(
        self,
        started: Started,
        caller: Caller,
        endpoint: Endpoint,
        ask: Ask,
        route: Route,
        price: Price | None,
        grant: Grant,
        end_with: Callable[[GatewayError], None],
    ) -> Run:
        """Journal the intent of a request that is about to be dispatched. `end_with` ends it from outside."""
        bound = grant.bound or (None, None)
        intent = Intent(
            started.request_id,
            started.created_at,
            caller.user.user_id,
            caller.key_id,
            route.model,
            ask.model,
            endpoint.path,
            route.upstream.id,
            ask.stream,
            *bound,
        )
        return Run(self, intent, caller.credential, started.clock, ask, price, grant, end_with)


class Run:
    """The account of one request that is, or is about to be, at an upstream."""

    def __init__(
        self,
        runs: Runs,
        intent: Intent,
        credential: str,
        started: float,
        ask: Ask,
        price: Price | None,
        grant: Grant,
        end_with: Callable[[GatewayError], None],
    ) -> None:
        self._runs = runs
        self._intent = intent
        self.credential = credential
        self._started = started
        self._ask = ask
        self._price = price
        self.grant = grant
        grant.taken_over = True
        self._settled: asyncio.Future[None] | None = None
        self.end_with = end_with
        self.journalled = runs.ledger.intend(intent)
        self.dispatched = False
        """Whether anything of it was sent: what never went out leaves no record, and nothing of it counts."""
        self.heard: Heard = _NOTHING
        self.first_token_ms: int | None = None
        self.cost_pico = 0
        self.finish_relayed = False
        """Whether the client got the finish reason: from then on the answer counts as completed."""
        runs.active.add(self)
        runs.metrics.started()

    def __repr__(self) -> str:
        state = "settled" if self._settled else "running"
        return f"Run({self._intent.request_id}, {self._intent.user_id}, {self._intent.model}, {state})"

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.dispatched:
            self._take_back()
        elif kind is not None and issubclass(kind, asyncio.CancelledError):
            self.settle("completed" if self.finish_relayed else "cancelled")
        else:
            self.settle("failed")  # does nothing when the relay has settled
        if isinstance(error, UpstreamFailure):
            self._runs.metrics.upstream_error(self.upstream, error.code)
            level = logging.ERROR if isinstance(error, CredentialsRefused) else logging.WARNING
            log.log(level, "%r by %s: %s (%s)", self, self.upstream, error.message, error.told or "it said nothing")

    def _take_back(self) -> None:
        """Nothing was sent: as if it had never begun."""
        self._runs.active.discard(self)
        self._runs.metrics.taken_back()
        self.grant.give_back()
        try:
            self._runs.ledger.withdraw(self._intent.request_id)
        except StoreError:  # the gateway is stopping: its next start finds the intent, and tells of it
            log.warning("%r could not be withdrawn", self)

    @property
    def user_id(self) -> str:
        return self._intent.user_id

    @property
    def model(self) -> str:
        return self._intent.model

    @property
    def upstream(self) -> str:
        return self._intent.upstream

    def saw_content(self) -> None:
        """Note the moment of the first output."""
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms()

    def settle(self, status: RecordStatus) -> None:
        """Write the record, once; a second call changes nothing."""
        if self._settled is not None:
            return
        runs, intent = self._runs, self._intent
        usage = self._usage(status)
        self.cost_pico = fitted_cost(self._price.cost(usage)) if self._price else 0
        # By place, all but the last: by name it would take half a microsecond more.
        record = Record(
            intent.request_id,
            intent.created_at,
            runs.now(),
            intent.user_id,
            intent.key_id,
            intent.model,
            intent.requested_model,
            intent.endpoint,
            intent.upstream,
            intent.stream,
            status,
            usage,
            self.cost_pico,
            self._price.id if self._price else None,
            self.elapsed_ms(),
            self.first_token_ms,
            finish_reason=self.heard.finish_reason,
            metadata=self._ask.metadata,
        )
        self.grant.settle(usage, self.cost_pico, record.settled_at)
        self._settled = runs.ledger.settle(record)
        runs.active.discard(self)
        runs.metrics.finished(record)
        allowance = self.grant.allowance
        if allowance is not None and usage.completion_tokens > allowance:
            runs.metrics.overshot(self.upstream)
        if runs.figures.listener is not None:
            runs.figures.listener(record)

    def durable(self) -> Awaitable[None]:
        """Wait until the record is. Raises LedgerUnavailable after 5 s; it is kept and written later even so."""
        assert self._settled is not None
        return self._runs.commits.wait(self._settled)

    def intent_durable(self) -> Awaitable[None]:
        """Wait until the intent is. Raises LedgerUnavailable after 5 s."""
        return self._runs.commits.wait(self.journalled)

    def _usage(self, status: RecordStatus) -> Usage:
        heard = self.heard
        if status == "failed" and not heard.content_events:
            return NO_USAGE
        estimated = self.grant.estimate() if heard.report.prompt_tokens is None else 0
        # Drawn to what a ledger can hold before anything counts it: record and counters must say the same.
        return fitted_usage(heard.report.complete(estimated, heard.content_events))

    def elapsed_ms(self) -> int:
        """Milliseconds since the request came in."""
        return round((self._runs.clock() - self._started) * 1000)
