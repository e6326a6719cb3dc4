"""One list of observers: each is called, and none can harm the request or the others."""

from __future__ import annotations

import logging

import pytest

from tests.services.in_memory import record
from tollkeeper.services.ledger.observers import Observer, Observers, Refusal
from tollkeeper.store.ports.records import Record

RECORD = record()
EVENTS = {
    "settled": (RECORD, 5),
    "upstream_failed": ("default", "upstream_timeout"),
    "attempt_failed": ("default", "connect", True),
    "refused": (Refusal("/v1/embeddings", 401, "invalid_api_key"),),
}


class Noting(Observer):
    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[object, ...]]] = []

    def settled(self, record: Record, allowance: int | None) -> None:
        self.seen.append(("settled", (record, allowance)))

    def upstream_failed(self, upstream: str, code: str | None) -> None:
        self.seen.append(("upstream_failed", (upstream, code)))

    def attempt_failed(self, upstream: str, outcome: str, paid: bool) -> None:
        self.seen.append(("attempt_failed", (upstream, outcome, paid)))

    def refused(self, refusal: Refusal) -> None:
        self.seen.append(("refused", (refusal,)))


class Failing(Observer):
    def settled(self, record: Record, allowance: int | None) -> None:
        raise RuntimeError("settled")

    def upstream_failed(self, upstream: str, code: str | None) -> None:
        raise RuntimeError("upstream_failed")

    def attempt_failed(self, upstream: str, outcome: str, paid: bool) -> None:
        raise RuntimeError("attempt_failed")

    def refused(self, refusal: Refusal) -> None:
        raise RuntimeError("refused")


@pytest.mark.parametrize("event", EVENTS)
def test_every_observer_gets_every_event(event: str) -> None:
    observers, one, two = Observers(), Noting(), Noting()
    observers.add(one, two)
    getattr(observers, event)(*EVENTS[event])
    assert one.seen == two.seen == [(event, EVENTS[event])]


@pytest.mark.parametrize("event", EVENTS)
def test_an_observer_that_raises_is_logged_once_counted_and_harms_no_other(
    event: str, caplog: pytest.LogCaptureFixture
) -> None:
    observers, before, behind = Observers(), Noting(), Noting()
    observers.add(before, Failing(), behind)
    for _ in range(3):
        getattr(observers, event)(*EVENTS[event])
    assert len(before.seen) == len(behind.seen) == 3
    assert observers.failures == {"Failing": 3}
    [logged] = [entry for entry in caplog.records if entry.levelno == logging.ERROR]
    assert logged.getMessage().startswith("Failing failed")
    assert logged.exc_info is not None, "with its traceback"


@pytest.mark.parametrize("event", EVENTS)
def test_an_observer_may_leave_events_alone(event: str) -> None:
    observers = Observers()
    observers.add(Observer())
    getattr(observers, event)(*EVENTS[event])
    assert not observers.failures


def test_the_list_is_printable() -> None:
    observers = Observers()
    observers.add(Noting(), Failing())
    assert repr(observers) == "Observers(Noting, Failing)"
