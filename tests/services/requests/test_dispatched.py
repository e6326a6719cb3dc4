"""A dispatched request ends in exactly one record, one that never went out in none; over a ledger in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from tests.services.in_memory import START, Clock
from tollkeeper.rules.errors import (
    AccountSuspended,
    CredentialsRefused,
    Forbidden,
    LedgerUnavailable,
    ServerOverloaded,
    Stopping,
    UpstreamFailure,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tollkeeper.rules.kinds import OLLAMA, OPENROUTER, Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.reasons import WORDS
from tollkeeper.rules.usage import Usage
from tollkeeper.services.ledger.observers import Observer, Observers
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.services.requests.dispatched import TURNED_AWAY, DispatchedRequest, DispatchedRequests, Started
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Upstream
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Filter
from tollkeeper.wire.request import Endpoint
from tollkeeper.wire.usage import NO_REPORT, UsageReport

PRICE = Price(7, "*", 1_000_000, 2_000_000, None, None, 0, 0)
COMPLETE = SimpleNamespace(report=UsageReport(10, 20), finish_reason="stop", content_events=20)
PARTIAL = SimpleNamespace(report=NO_REPORT, finish_reason=None, content_events=3)


def deployment(upstream: str, kind: Kind = OLLAMA) -> Deployment:
    config = UpstreamConfig(upstream, kind, "http://127.0.0.1:9")
    return Deployment("tiny:latest", Upstream(config, cast(Any, None)), "tiny:latest")


class StubGrant:
    """Notes what becomes of what was taken from the limits. `allowance` is the output that the request allowed."""

    def __init__(self) -> None:
        self.taken_over = False
        self.allowance: int | None = 100
        self.ahead = 0
        self.bound: tuple[int, int] | None = None
        self.ended: list[object] = []

    def give_back(self) -> None:
        self.ended.append("given back")

    def settle(self, model: str, usage: Usage, cost: int, at: int) -> None:
        self.ended.append((usage, cost, at))

    def estimate(self, model: str) -> int:
        return 8


class Noting(Observer):
    def __init__(self) -> None:
        self.settlements: list[tuple[Record, int | None]] = []
        self.failures: list[tuple[str, str | None]] = []

    def settled(self, record: Record, allowance: int | None) -> None:
        self.settlements.append((record, allowance))

    def upstream_failed(self, upstream: str, code: str | None) -> None:
        self.failures.append((upstream, code))


class Failing(Observer):
    def settled(self, record: Record, allowance: int | None) -> None:
        raise RuntimeError("broken")

    def upstream_failed(self, upstream: str, code: str | None) -> None:
        raise RuntimeError("broken")


class Bench:
    """Dispatches requests of alice's that reach no upstream. `seconds` is the monotonic clock."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = Clock()
        self.seconds = 50.0
        self.noting = Noting()
        self.observers = Observers()
        self.observers.add(Failing(), self.noting)
        self.requests = DispatchedRequests(self.store.ledger, self.observers, self.now, lambda: self.seconds)
        self.grant = StubGrant()
        self.ended_with: list[Exception] = []

    def begin(
        self, request_id: str = "req_1", credential: str = "key_1", end_user: str | None = None
    ) -> DispatchedRequest:
        dispatched = self.waiting(request_id, credential, end_user)
        dispatched.attempt(deployment("default"), PRICE)
        dispatched.journal()
        return dispatched

    def waiting(
        self, request_id: str = "req_1", credential: str = "key_1", end_user: str | None = None
    ) -> DispatchedRequest:
        """A request before its first attempt."""
        caller = SimpleNamespace(
            user=SimpleNamespace(user_id="alice"),
            key_id="key_1",
            credential=credential,
            team_id=None,
            end_user_id=end_user,
        )
        request = SimpleNamespace(
            model="tiny",
            endpoint=Endpoint("/v1/chat/completions"),
            stream=True,
            metadata='{"a": "b"}',
            known_usage=NO_REPORT,
        )
        return self.requests.begin(
            Started(request_id, START, self.seconds),
            cast(Any, caller),
            cast(Any, request),
            cast(Any, self.grant),
            self.ended_with.append,
        )

    def fail(self, error: BaseException, request_id: str = "req_1", **response: Any) -> None:
        """Dispatch a request that ends with this error, once that much of its response has come."""
        with self.begin(request_id) as dispatched:
            dispatched.sent = True
            for name, value in response.items():
                setattr(dispatched, name, value)
            raise error

    async def records(self) -> list[Record]:
        await self.store.ledger.flush()
        return await self.store.reports.records(Filter(), limit=10, after=None)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_a_completed_request_is_recorded_with_its_usage_cost_and_times(bench: Bench) -> None:
    with bench.begin() as dispatched:
        assert bench.grant.taken_over
        assert bench.requests.active == {dispatched}
        dispatched.sent = True
        bench.seconds += 0.2
        dispatched.saw_content()
        bench.seconds += 0.3
        dispatched.saw_content()
        dispatched.partial = COMPLETE
        bench.now.ms += 500
        dispatched.settle("completed")
        await dispatched.durable()
    [record] = await bench.records()
    assert (record.status, record.usage) == ("completed", Usage(prompt_tokens=10, completion_tokens=20))
    assert record.cost_pico == dispatched.cost_pico == PRICE.cost(record.usage)
    assert (record.price_id, record.finish_reason, record.metadata) == (7, "stop", '{"a": "b"}')
    assert (record.first_token_ms, record.latency_ms, record.settled_at) == (200, 500, START + 500)
    assert bench.grant.ended == [(record.usage, record.cost_pico, START + 500)]
    assert bench.noting.settlements == [(record, 100)]
    assert not bench.requests.active


async def test_the_record_is_kept_whatever_an_observer_does(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """`Failing` stands before the others on the list."""
    for number in range(3):
        with pytest.raises(UpstreamTimeout):
            bench.fail(UpstreamTimeout("It took too long."), f"req_{number}")
    assert len(await bench.records()) == len(bench.noting.settlements) == 3
    assert bench.observers.failures == {"Failing": 6}
    assert sum("Failing failed" in entry.getMessage() for entry in caplog.records) == 1


async def test_a_second_settlement_changes_nothing(bench: Bench) -> None:
    with bench.begin() as dispatched:
        dispatched.sent = True
        dispatched.settle("completed")
        dispatched.settle("failed")
    assert [record.status for record in await bench.records()] == ["completed"]
    assert len(bench.noting.settlements) == len(bench.grant.ended) == 1


async def test_what_never_went_out_leaves_nothing(bench: Bench) -> None:
    with pytest.raises(UpstreamTimeout), bench.begin():
        raise UpstreamTimeout("No connection in time.")
    assert await bench.records() == []
    assert await bench.store.ledger.mark() == 0
    assert bench.grant.ended == ["given back"]
    assert bench.noting.settlements == []
    assert bench.noting.failures == [("default", "upstream_timeout")]
    assert not bench.requests.active


@pytest.mark.parametrize(("relayed", "status"), [(False, "cancelled"), (True, "completed")])
async def test_a_client_that_leaves_cancels_unless_it_has_the_finish_reason(
    bench: Bench, relayed: bool, status: str
) -> None:
    with pytest.raises(asyncio.CancelledError):
        bench.fail(asyncio.CancelledError(), partial=PARTIAL, finish_relayed=relayed)
    [record] = await bench.records()
    assert record.status == status
    assert record.usage == Usage(prompt_tokens=8, completion_tokens=3, estimated=True), (
        "counted, since nothing was said"
    )


async def test_a_failure_before_any_output_costs_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CredentialsRefused):
        bench.fail(CredentialsRefused("The upstream refused the gateway's key."))
    [record] = await bench.records()
    assert (record.status, record.usage, record.cost_pico) == ("failed", Usage(), 0)
    assert [entry.levelno for entry in caplog.records if entry.name == "tollkeeper.requests"] == [logging.ERROR]


async def test_a_failure_behind_output_costs_what_was_counted(bench: Bench) -> None:
    with pytest.raises(UpstreamTimeout):
        bench.fail(UpstreamTimeout("It fell silent."), partial=PARTIAL)
    [record] = await bench.records()
    assert record.usage == Usage(prompt_tokens=8, completion_tokens=3, estimated=True)
    assert record.cost_pico > 0


async def test_credentials_that_end_cut_their_requests_and_no_other(bench: Bench) -> None:
    with bench.begin("req_1", "key_1"), bench.begin("req_2", "session_2"), bench.begin("req_3", "key_3"):
        bench.requests.end_by_credential(["key_1", "session_2", "key_9"])
    assert [type(error) for error in bench.ended_with] == [Forbidden, Forbidden]


async def test_an_end_user_who_is_blocked_has_their_requests_cut_and_no_other(bench: Bench) -> None:
    with bench.begin("req_1", end_user="eu_1"), bench.begin("req_2", end_user="eu_2"), bench.begin("req_3"):
        bench.requests.end_by_end_user("eu_1")
    assert [getattr(error, "code", None) for error in bench.ended_with] == ["end_user_blocked"]


async def test_a_suspended_user_has_their_requests_cut(bench: Bench) -> None:
    with bench.begin("req_1", "key_1"), bench.begin("req_2", "session_2"):
        bench.requests.end_by_user("bob")
        assert bench.ended_with == []
        bench.requests.end_by_user("alice")
    assert [type(error) for error in bench.ended_with] == [AccountSuspended, AccountSuspended]


ASKED_FOR = "my-secret-prompt"


@pytest.mark.parametrize(
    ("error", "partial", "status", "code"),
    [
        (asyncio.CancelledError(), PARTIAL, "cancelled", "client_disconnected"),
        (UpstreamTimeout(ASKED_FOR), PARTIAL, "failed", "upstream_timeout"),
        (UpstreamFailure(ASKED_FOR), TURNED_AWAY, "failed", "upstream_error"),
        (UpstreamFailure(ASKED_FOR, code="upstream_unavailable"), PARTIAL, "failed", "stream_interrupted"),
        (ZeroDivisionError(ASKED_FOR), PARTIAL, "failed", "internal_error"),
    ],
)
async def test_the_record_says_why(bench: Bench, error: BaseException, partial: Any, status: str, code: str) -> None:
    with pytest.raises(type(error)):
        bench.fail(error, partial=partial)
    [record] = await bench.records()
    assert record.status == status
    assert record.error is not None
    assert msgspec.json.decode(record.error) == {"code": code, "status": None, "message": WORDS[code]}
    assert ASKED_FOR not in record.error


async def test_the_record_of_a_completed_request_has_no_error(bench: Bench) -> None:
    with pytest.raises(asyncio.CancelledError):
        bench.fail(asyncio.CancelledError(), partial=PARTIAL, finish_relayed=True)
    [record] = await bench.records()
    assert (record.status, record.error) == ("completed", None)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda requests: requests.end_by_credential(["key_1"]), "access_ended"),
        (lambda requests: requests.end_by_user("alice"), "account_suspended"),
        (lambda requests: requests.end_by_end_user("eu_1"), "end_user_blocked"),
        (lambda requests: requests.end(lambda _: True, Stopping("The gateway is stopping.")), "server_stopping"),
    ],
)
async def test_the_record_says_who_ended_the_request(
    bench: Bench, end: Callable[[DispatchedRequests], None], code: str
) -> None:
    dispatched = bench.begin(end_user="eu_1")
    dispatched.sent = True
    end(bench.requests)
    dispatched.end_with(Forbidden("Too late: the first one counts."))
    with pytest.raises(asyncio.CancelledError), dispatched:
        raise asyncio.CancelledError  # which is how the exchange ends it
    [record] = await bench.records()
    assert record.status == "cancelled"
    assert msgspec.json.decode(record.error or "")["code"] == code


async def test_while_the_ledger_fails_nothing_begins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.requests.check_open()
    monkeypatch.setattr(type(bench.store.ledger), "failing", "disk full")
    with pytest.raises(LedgerUnavailable):
        bench.requests.check_open()


async def test_requests_are_printable_and_tell_no_content(bench: Bench) -> None:
    with bench.begin() as dispatched:
        assert repr(bench.requests) == "DispatchedRequests(1 active)"
        assert repr(dispatched) == "DispatchedRequest(req_1, alice, tiny:latest, running)"
        dispatched.settle("completed")
        assert repr(dispatched).endswith("settled)")


async def test_the_record_names_the_attempt_that_served(bench: Bench) -> None:
    dear = Price(8, "*", 3_000_000, 3_000_000, None, None, 0, 0)
    with bench.begin() as dispatched:
        dispatched.sent = True
        dispatched.attempt_failed(deployment("default"), UpstreamTimeout("Too slow."))
        assert bench.requests.active == {dispatched}
        dispatched.attempt(deployment("second"), dear)
        dispatched.journal()
        dispatched.sent = True
        assert (dispatched.upstream, dispatched.attempts) == ("second", 2)
        dispatched.partial = COMPLETE
        dispatched.settle("completed")
    [record] = await bench.records()
    assert (record.upstream, record.price_id, record.cost_pico) == ("second", 8, dear.cost(record.usage))
    assert record.attempts == 2
    assert bench.noting.failures == [("default", "upstream_timeout")]


async def test_an_attempt_that_got_no_connection_is_one_of_that_upstream(bench: Bench) -> None:
    with bench.waiting() as dispatched:
        dispatched.attempt_failed(deployment("down"), UpstreamUnavailable("Refused."))
        dispatched.attempt(deployment("second"), None)
        dispatched.sent = True
        dispatched.partial = COMPLETE
        dispatched.settle("completed")
    [record] = await bench.records()
    assert (record.upstream, record.attempts) == ("second", 2)
    assert bench.noting.failures == [("down", "upstream_unavailable")]


async def test_a_request_that_finds_no_second_upstream_is_recorded_once_it_was_sent(bench: Bench) -> None:
    def fail_and_find_no_other() -> None:
        with bench.begin() as dispatched:
            dispatched.sent = True
            dispatched.attempt_failed(deployment("default"), UpstreamTimeout("Too slow."))
            raise ServerOverloaded("Nobody else has room.")

    with pytest.raises(ServerOverloaded):
        fail_and_find_no_other()
    [record] = await bench.records()
    assert (record.status, record.upstream, record.cost_pico) == ("failed", "default", 0)
    assert bench.noting.failures == [("default", "upstream_timeout")], "the end of the wait is no upstream's failure"


@pytest.mark.parametrize("begun", [False, True])
async def test_a_client_that_leaves_between_two_attempts_is_charged_for_neither(bench: Bench, begun: bool) -> None:
    """Whether it waits to be sent again, or waits for the connection of its next attempt."""

    def leave() -> None:
        with bench.begin() as dispatched:
            dispatched.sent = True
            dispatched.attempt_failed(deployment("default"), ServerOverloaded("No room."))
            if begun:
                dispatched.attempt(deployment("second"), PRICE)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        leave()
    [record] = await bench.records()
    assert (record.status, record.usage, record.cost_pico) == ("cancelled", Usage(), 0)
    assert bench.grant.ended == [(Usage(), 0, record.settled_at)]


async def test_a_request_that_never_left_the_line_leaves_nothing(bench: Bench) -> None:
    def wait_in_vain() -> None:
        with bench.waiting() as dispatched:
            assert (bench.requests.active, dispatched.upstream) == ({dispatched}, None)
            raise ServerOverloaded("The line is full.")

    with pytest.raises(ServerOverloaded):
        wait_in_vain()
    assert (await bench.records(), bench.grant.ended) == ([], ["given back"])


@pytest.mark.parametrize(
    ("said", "cost", "priced"),
    [
        (Decimal("0.000012"), 12_000_000, False),
        (Decimal(0), 0, False),
        (None, None, True),
        (Decimal(-1), None, True),
        (Decimal("NaN"), None, True),
        (Decimal(10**9), None, True),
    ],
)
async def test_an_upstream_that_reports_its_charge_is_believed_within_reason(
    bench: Bench, caplog: pytest.LogCaptureFixture, said: Decimal | None, cost: int | None, priced: bool
) -> None:
    with bench.waiting() as dispatched:
        dispatched.attempt(deployment("router", OPENROUTER), PRICE)
        dispatched.journal()
        dispatched.sent = True
        dispatched.partial = SimpleNamespace(
            report=UsageReport(10, 20, cost=said), finish_reason="stop", content_events=20
        )
        dispatched.settle("completed")
    [record] = await bench.records()
    assert record.cost_pico == (PRICE.cost(record.usage) if cost is None else cost)
    assert (record.price_id, record.usage.estimated) == (PRICE.id if priced else None, priced)
    assert ("not taken over" in caplog.text) == (said is not None and priced)


async def test_a_cost_that_nobody_asked_for_changes_nothing(bench: Bench) -> None:
    with bench.begin() as dispatched:
        dispatched.sent = True
        dispatched.partial = SimpleNamespace(
            report=UsageReport(10, 20, cost=Decimal(5)), finish_reason="stop", content_events=20
        )
        dispatched.settle("completed")
    [record] = await bench.records()
    assert (record.cost_pico, record.price_id, record.usage.estimated) == (PRICE.cost(record.usage), PRICE.id, False)
