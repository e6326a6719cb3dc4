"""Dispatched requests, from admission to record.

A record exists exactly for each request that was sent to an upstream. `DispatchedRequests.begin` takes over what an
admitted request holds; each attempt journals an intent, which replaces that of the attempt before. Leaving the `with`
block of the `DispatchedRequest` settles it if that has not been done, or withdraws the intent if nothing was sent.
Whatever happens in between, a request that was sent ends in one record, and any other in none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from types import TracebackType
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import (
    AccountSuspended,
    CredentialsRefused,
    Forbidden,
    GatewayError,
    LedgerUnavailable,
    UpstreamFailure,
    outcome_of,
)
from tollkeeper.rules.failover import ROWS
from tollkeeper.rules.money import reported_pico
from tollkeeper.rules.pricing import Price, is_served
from tollkeeper.rules.reasons import reason_of
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.ledger.commits import Commits
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.services.limits.grant import Grant
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.services.requests.idempotency import RunningClaim
from tollkeeper.store.clamp import clamp_cost, clamp_usage
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.ledger import Ledger
from tollkeeper.store.ports.records import Intent, Record, RecordStatus
from tollkeeper.wire.request import ModelRequest
from tollkeeper.wire.usage import NO_REPORT, UsageReport

log = logging.getLogger("tollkeeper.requests")


class Started(Struct, frozen=True, gc=False):
    """Arrival of a request: its id, milliseconds since the epoch, and seconds by the monotonic clock."""

    request_id: str
    created_at: int
    clock: float


class PartialResponse(Protocol):
    """A response as far as it has been received."""

    @property
    def report(self) -> UsageReport: ...
    @property
    def finish_reason(self) -> str | None: ...
    @property
    def content_events(self) -> int: ...


class Slot(Protocol):
    """A slot at the upstream that serves a request."""

    def answered(self, seconds: float, *, whole: bool) -> None:
        """Note that the response began, so many seconds after the request was sent; `whole`: all of it is there."""

    def settled(self, usage: Usage, *, served: bool) -> None:
        """Give the slot back: the request used this. `served`: it has its answer."""


class _NoResponse(Struct, frozen=True):
    report: UsageReport = NO_REPORT
    finish_reason: str | None = None
    content_events: int = 0


_NO_RESPONSE = _NoResponse()
_GIVEN_UP: PartialResponse = _NoResponse(content_events=1)
TURNED_AWAY: PartialResponse = _NoResponse()
"""The response of an upstream that answers with an error: there will be no output, and what is used is not charged."""


_ENDED = "Your access was ended while this request ran. Sign in again, or ask an admin to restore it."


class DispatchedRequests:
    """All dispatched requests of this process. `now` is milliseconds since the epoch, `clock` monotonic seconds."""

    def __init__(
        self,
        ledger: Ledger,
        observers: Observer,
        now: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self.ledger = ledger
        self.observers = observers
        self.now = now
        self.clock = clock
        self.commits = Commits()
        self.active: set[DispatchedRequest] = set()

    def end_by_credential(self, ids: Collection[str]) -> None:
        """End the requests made with these keys and sessions, which have just become invalid."""
        self.end(
            lambda request: request.credential in ids,
            Forbidden(_ENDED, code="access_ended"),
        )

    def end_by_user(self, user_id: str) -> None:
        """End the requests of a user who has just been suspended."""
        self.end(lambda request: request.user_id == user_id, AccountSuspended(_ENDED))

    def end_by_end_user(self, end_user_id: str) -> None:
        """End the requests for an end user who has just been blocked."""
        self.end(
            lambda request: request.end_user_id == end_user_id,
            Forbidden(
                "The person whom this request is for was blocked while it ran. Ask an admin to let them in again.",
                code="end_user_blocked",
            ),
        )

    def end(self, which: Callable[[DispatchedRequest], bool], why: GatewayError) -> None:
        """End the active requests that `which` selects, with the error `why` for their clients."""
        for request in [request for request in self.active if which(request)]:
            request.end_with(why)

    def __repr__(self) -> str:
        return f"DispatchedRequests({len(self.active)} active)"

    def check_open(self) -> None:
        """Check that requests can be recorded; one that cannot is not relayed. Raises LedgerUnavailable."""
        if self.ledger.failing is not None:
            raise LedgerUnavailable("The ledger cannot be written right now, so nothing is relayed. Try again soon.")

    def begin(
        self,
        started: Started,
        caller: Caller,
        request: ModelRequest,
        grant: Grant,
        end_with: Callable[[GatewayError], None],
        claim: RunningClaim | None = None,
    ) -> DispatchedRequest:
        """Take over an admitted request. `end_with` ends it early, with an error for its client; `claim` is that to its
        idempotency key."""
        return DispatchedRequest(self, started, caller, request, grant, end_with, claim)


class DispatchedRequest:
    """An admitted request until its end: it waits to be sent, or is at an upstream. It ends in one record, or in none
    where it was never sent."""

    __slots__ = (
        "_claim",
        "_deployment",
        "_end_with",
        "_ended_by",
        "_journalled",
        "_key_id",
        "_model_request",
        "_price",
        "_requests",
        "_sent_before",
        "_settled",
        "_started",
        "_team_id",
        "_unanswered",
        "attempts",
        "cost_pico",
        "credential",
        "end_user_id",
        "finish_relayed",
        "first_token_ms",
        "grant",
        "partial",
        "queued_ms",
        "sent",
        "slot",
        "user_id",
        "waiting",
    )

    def __init__(
        self,
        requests: DispatchedRequests,
        started: Started,
        caller: Caller,
        request: ModelRequest,
        grant: Grant,
        end_with: Callable[[GatewayError], None],
        claim: RunningClaim | None,
    ) -> None:
        self._requests = requests
        self._started = started
        self._key_id = caller.key_id
        self._team_id = caller.team_id
        self._model_request = request
        self._deployment: Deployment | None = None
        self._price: Price | None = None
        self._journalled: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None] | None = None
        self._claim = claim
        self.user_id = caller.user.user_id
        self.credential = caller.credential
        self.end_user_id = caller.end_user_id
        self.grant = grant
        grant.taken_over = True
        self._end_with = end_with
        self._ended_by: GatewayError | None = None
        self.attempts = 0
        self.waiting = True
        """Whether it waits to be sent, or to be sent again."""
        self.sent = False
        """Whether any of it was sent in this attempt."""
        self._sent_before = False
        """Whether any of it was sent in an attempt that failed."""
        known = request.known_usage
        self._unanswered = _NO_RESPONSE if known is NO_REPORT else _NoResponse(known)
        self.partial: PartialResponse = self._unanswered
        self.slot: Slot | None = None
        self.queued_ms = 0
        self.first_token_ms: int | None = None
        self.cost_pico = 0
        self.finish_relayed = False
        """Whether the client received the finish reason; from then on the response counts as completed."""
        requests.active.add(self)

    def __repr__(self) -> str:
        state = "settled" if self._settled else "waiting" if self.waiting else "running"
        return f"DispatchedRequest({self._started.request_id}, {self.user_id}, {self.model}, {state})"

    def __enter__(self) -> DispatchedRequest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.was_sent:
            self._take_back()
        elif kind is not None and issubclass(kind, asyncio.CancelledError):
            if self.finish_relayed:
                self.settle("completed")
            else:
                self.settle("cancelled", self._ended_by)
        else:
            self.settle("failed", error)  # no effect when the relay has settled it
        if isinstance(error, UpstreamFailure) and self.upstream is not None:
            self._note_failure(self.upstream, error)

    def end_with(self, error: GatewayError) -> None:
        """End the request early, with `error` for its client."""
        self._ended_by = self._ended_by or error
        self._end_with(error)

    def _take_back(self) -> None:
        """Withdraw the intent and the reservation of a request that was never sent."""
        self._requests.active.discard(self)
        self.grant.give_back()
        if self._journalled is None:
            return
        try:
            withdrawal = self._requests.ledger.withdraw(self._started.request_id)
            if self._claim is not None:
                self._claim.release(withdrawal)
        except StoreError:  # the gateway is stopping; at its next start it finds the intent, and records it as lost
            log.warning("%r could not be withdrawn", self)

    @property
    def model(self) -> str:
        """The canonical name of the model of the last attempt; before the first, the name that was requested."""
        return self._model_request.model if self._deployment is None else self._deployment.model

    @property
    def upstream(self) -> str | None:
        """The id of the upstream of this attempt; None: it waits for one."""
        return None if self.waiting or self._deployment is None else self._deployment.upstream.config.id

    @property
    def was_sent(self) -> bool:
        """Whether any of it was sent to any upstream; a request that never was leaves no record, and does not count."""
        return self.sent or self._sent_before

    def attempt(self, deployment: Deployment, price: Price | None) -> None:
        """Begin an attempt at `deployment`, which the record will name, at this price."""
        self._deployment, self._price, self.waiting = deployment, price, False
        self.attempts += 1

    def journal(self) -> None:
        """Journal the intent to send the request to the upstream of this attempt. Raises LedgerUnavailable, since
        writing may have become impossible while the request waited."""
        self._requests.check_open()
        started, request, deployment = self._started, self._model_request, self._deployment
        assert deployment is not None
        bound_tokens, bound_cost = self.grant.bound or (None, None)
        intent = Intent(
            started.request_id,
            started.created_at,
            self.user_id,
            self._key_id,
            deployment.model,
            request.model,
            request.endpoint.path,
            deployment.upstream.config.id,
            request.stream,
            bound_tokens,
            bound_cost,
            self._team_id,
            self.end_user_id,
        )
        claim, ledger = self._claim, self._requests.ledger
        self._journalled = (
            ledger.intend(intent) if claim is None else ledger.intend(intent, claim.of(intent.request_id))
        )

    def attempt_failed(self, deployment: Deployment, error: GatewayError) -> None:
        """Note in metrics and log that the attempt at `deployment` failed; the request waits for the next."""
        config, outcome = deployment.upstream.config, outcome_of(error)
        if outcome is not None:
            charged = config.is_paid and ROWS[outcome].whole
            self._requests.observers.attempt_failed(config.id, outcome.name.lower(), charged)
        if isinstance(error, UpstreamFailure):
            self._note_failure(config.id, error)
        if self.waiting:  # it failed before anything could be sent, without a connection say
            self.attempts += 1
        self.waiting = True
        self.partial = self._unanswered
        self._sent_before |= self.sent
        self.sent = False

    def _note_failure(self, upstream: str, error: UpstreamFailure) -> None:
        self._requests.observers.upstream_failed(upstream, error.code)
        level = logging.ERROR if isinstance(error, CredentialsRefused) else logging.WARNING
        log.log(level, "%r by %s: %s (%s)", self, upstream, error.message, error.detail or "it said nothing")

    def give_up(self) -> None:
        """Note that the gateway gives up an answer that was made. Where that is charged, what it used is estimated."""
        if self._deployment is not None and self._deployment.upstream.config.is_paid:
            self.partial = _GIVEN_UP

    def saw_content(self) -> None:
        """Note the time of the first output, once."""
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms()

    def settle(self, status: RecordStatus, error: BaseException | None = None) -> None:
        """Write the record, once; a second call changes nothing. `error` is what it ended by; None: it was completed,
        or its client left."""
        if self._settled is not None:
            return
        requests, started, request = self._requests, self._started, self._model_request
        deployment = self._deployment
        assert deployment is not None
        usage, price = self._usage(status), self._price
        reported = None
        if usage is not NO_USAGE and deployment.upstream.config.cost_from == "upstream":
            reported = self._reported()
            if reported is None:
                usage = replace(usage, estimated=True)
        if reported is not None:
            self.cost_pico, price = reported, None  # a record with a price costs what that makes of its usage
        elif price is not None:
            price = price.for_input(usage.prompt_tokens)
            served = is_served(usage, completed=status == "completed")
            self.cost_pico = clamp_cost(price.cost(usage, served=served))
        # Positional but for the last ones: keywords would take half a microsecond more.
        record = Record(
            started.request_id,
            started.created_at,
            requests.now() + self.grant.ahead,
            self.user_id,
            self._key_id,
            deployment.model,
            request.model,
            request.endpoint.path,
            deployment.upstream.config.id,
            request.stream,
            status,
            usage,
            self.cost_pico,
            price.id if price else None,
            self.elapsed_ms(),
            self.first_token_ms,
            self.queued_ms,
            finish_reason=self.partial.finish_reason,
            metadata=request.metadata,
            attempts=self.attempts,
            team_id=self._team_id,
            end_user_id=self.end_user_id,
            error=None if status == "completed" else reason_of(error, begun=self.partial.content_events > 0).text,
        )
        self.grant.settle(deployment.model, usage, self.cost_pico, record.settled_at)
        self._settled = requests.ledger.settle(record)
        if self._claim is not None:
            self._claim.release()
        requests.active.discard(self)
        requests.observers.settled(record, self.grant.allowance)  # before the next is sent: a budget may be spent
        if self.slot is not None:
            self.slot.settled(
                usage, served=status == "completed"
            )  # the upstream has done its work; the next request need not wait for the record

    def _reported(self) -> int | None:
        """What the upstream says that it charges, in pico-dollars; None: it does not say, or nothing believable."""
        cost = self.partial.report.cost
        if cost is None:
            return None
        pico = reported_pico(cost)
        if pico is None:
            log.warning("%r: %s reports a cost of %.40s, which is not taken over", self, self.upstream, cost)
        return pico

    def durable(self) -> Awaitable[None]:
        """Wait until the record is durable. Raises LedgerUnavailable after 5 s; the record is still written later."""
        assert self._settled is not None
        return self._requests.commits.wait(self._settled)

    def intent_durable(self) -> Awaitable[None]:
        """Wait until the intent is durable. Raises LedgerUnavailable after 5 s."""
        assert self._journalled is not None
        return self._requests.commits.wait(self._journalled)

    def _usage(self, status: RecordStatus) -> Usage:
        partial = self.partial
        if not self.sent or partial is TURNED_AWAY or (status == "failed" and not partial.content_events):
            return NO_USAGE  # nobody served it
        content = partial.content_events
        report = partial.report.against(content)
        estimated = self.grant.estimate(self.model) if report.prompt_tokens is None else 0
        # Clamped to what the ledger can hold before it is counted anywhere: record and counters must agree.
        return clamp_usage(report.complete(estimated, content))

    def elapsed_ms(self) -> int:
        """Milliseconds since the request arrived."""
        return round((self._requests.clock() - self._started.clock) * 1000)
