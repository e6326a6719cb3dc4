"""Observers of settlement: parts that follow the outcome of requests, unknown to the code that handles these.

Running totals and metrics are observers; `app/build.py` puts them on one list. They are called in the event loop, at
once and in the order of the list; slow work must be queued by the observer.
"""

from __future__ import annotations

import logging
from collections import Counter

from msgspec import Struct

from tollkeeper.store.ports.records import Record

log = logging.getLogger("tollkeeper.observers")


class Refusal(Struct, frozen=True, gc=False):
    """A request that was refused before it was dispatched. `endpoint` is one of the gateway's paths, `status` and
    `code` are those of the error, `limit` is the limit that refuses, and `model` a canonical name. A text is "" where
    there is none, or it is not known."""

    endpoint: str
    status: int
    code: str
    user_id: str = ""
    key_id: str = ""
    model: str = ""
    limit: str = ""


class Observer:
    """An observer of requests. Subclasses override the events that concern them; the others do nothing."""

    def refused(self, refusal: Refusal) -> None:
        """A request was refused before it was dispatched."""

    def upstream_failed(self, upstream: str, code: str | None) -> None:
        """An upstream failed a request; `code` is that of the error."""

    def attempt_failed(self, upstream: str, outcome: str, paid: bool) -> None:
        """An attempt at an upstream failed, after which another may serve the request. `outcome` is what happened;
        `paid`: the provider may charge for it, though no record does."""

    def settled(self, record: Record, allowance: int | None) -> None:
        """A record was handed to the ledger: that of a request, or an adjustment. `allowance` is the most output tokens
        that the request allowed; None: it set no cap."""


class Observers(Observer):
    """The list of observers. One that raises affects neither the request nor the others: its first failure is logged,
    and every failure is counted.

    `failures` counts the failures of each observer, by the name of its class.
    """

    def __init__(self) -> None:
        self._list: tuple[Observer, ...] = ()
        self._of_settlement: tuple[Observer, ...] = ()
        """Those of them that follow settlements."""
        self.failures: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Observers({', '.join(type(observer).__name__ for observer in self._list)})"

    def add(self, *observers: Observer) -> None:
        """Add observers, to be called from the next event on."""
        self._list += observers
        self._of_settlement += tuple(each for each in observers if type(each).settled is not Observer.settled)

    def refused(self, refusal: Refusal) -> None:
        for observer in self._list:
            try:
                observer.refused(refusal)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is the observer's)
                self._failed(observer, error)

    def upstream_failed(self, upstream: str, code: str | None) -> None:
        for observer in self._list:
            try:
                observer.upstream_failed(upstream, code)
            except Exception as error:  # noqa: BLE001
                self._failed(observer, error)

    def attempt_failed(self, upstream: str, outcome: str, paid: bool) -> None:
        level = logging.WARNING if paid else logging.INFO
        charged = "; it may be charged for" if paid else ""
        log.log(level, "an attempt at %s failed: %s%s", upstream, outcome, charged)
        for observer in self._list:
            try:
                observer.attempt_failed(upstream, outcome, paid)
            except Exception as error:  # noqa: BLE001
                self._failed(observer, error)

    def settled(self, record: Record, allowance: int | None) -> None:
        for observer in self._of_settlement:
            try:
                observer.settled(record, allowance)
            except Exception as error:  # noqa: BLE001
                self._failed(observer, error)

    def _failed(self, observer: Observer, error: Exception) -> None:
        name = type(observer).__name__
        self.failures[name] += 1
        if self.failures[name] == 1:
            log.error("%s failed to follow a request; from now on this is only counted", name, exc_info=error)
