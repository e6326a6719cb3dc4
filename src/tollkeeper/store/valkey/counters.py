"""The engine of counters that several gateways share. The functions of `lua/` decide; this module sends them what they
need, and makes of their answers what the port says.

A request's counters are all in one place on the server: that of its user, or of the user's team. A place that the
server does not know (a new one, or one of another run of the server) is loaded first; calls on it wait meanwhile, in
their order.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from msgspec import Struct

from tollkeeper.rules.admission import Demand, LimitViolation, Reason, Refused, kind_of
from tollkeeper.rules.limits import CHECKED_LIMITS
from tollkeeper.rules.owners import Scope
from tollkeeper.rules.terms import Terms
from tollkeeper.store.ports.counters import AdmissionRequest, LimitStatus, Names, PastUse, ScopeLimits
from tollkeeper.store.valkey.address import Address
from tollkeeper.store.valkey.errors import CountersUnavailable
from tollkeeper.store.valkey.link import Call, Link
from tollkeeper.store.valkey.loading import HeldRequest, PlaceContents, load
from tollkeeper.store.valkey.prepared import (
    AT_ONCE,
    BASE,
    Prepared,
    amount_of,
    codes_of,
    field_of,
    head_of,
    names_of,
    names_words,
    packed,
    past_words,
    prepare,
)
from tollkeeper.store.valkey.protocol import bulk

_REFUSED, _KNOWN, _UNKNOWN = range(3)
_REASONS: dict[int, Reason] = {0: "held", 1: "exhausted", 3: "never", 4: "blocked"}
_LOAD_SECONDS = 5.0
_LOAD_AGAIN_SECONDS = 0.25


class ValkeyReservation(Struct, eq=False):
    """What one request holds, by its id on the server."""

    id: bytes
    prepared: Prepared
    at: int
    allowance: int
    pace: list[LimitStatus]
    terms: Terms
    demand: Demand

    def __repr__(self) -> str:
        return f"ValkeyReservation({self.id.decode()}, allowance={self.allowance})"

    @property
    def place(self) -> bytes:
        return self.prepared.place

    def held(self, node: bytes) -> HeldRequest:
        """What it holds, as the server has it."""
        _, _, pace, budget, cost = self.demand.amounts(self.allowance)
        return HeldRequest(self.id, node, bool(self.terms.models), self.at, pace, budget, cost, self.terms.scopes)


class ValkeyCounters:
    """`place_of`: the place of an owner's counters. `contents`: what a place that the server does not know has to hold.
    `node`: the name under which this process holds. `patience`: seconds within which an awaited call is answered, or
    raises CountersUnavailable; what it did is undone then."""

    def __init__(
        self,
        address: Address,
        place_of: Callable[[Scope], bytes],
        contents: Callable[[bytes], Awaitable[PlaceContents]],
        *,
        node: bytes = b"",
        patience: float = 0.25,
    ) -> None:
        self._link = Link(address, self._answered, patience=patience)
        self._place_of = place_of
        self._contents = contents
        self._run = os.urandom(6).hex().encode()
        self._node = node or self._run
        self._numbers = count(1)
        self._open: dict[bytes, ValkeyReservation] = {}
        self._waiting: dict[bytes, list[Call]] = {}
        """By place that is being loaded, the calls that wait for it."""
        self._loads: set[asyncio.Task[None]] = set()
        self.given_time = bulk(b"")
        """The time of all calls, as a test sets it; empty: the server's."""

    def __repr__(self) -> str:
        return f"ValkeyCounters({self._link!r}, {len(self._open)} reservations)"

    async def open(self) -> None:
        """Connect. Raises CountersUnavailable where that takes too long; it is tried further until `close`."""
        await self._link.open()

    async def close(self) -> None:
        """Wait for the answers that are on their way, but not for long, and disconnect."""
        await self._link.close()
        for task in self._loads:
            task.cancel()
        await asyncio.gather(*self._loads, return_exceptions=True)

    async def admit(self, request: AdmissionRequest, at: int) -> ValkeyReservation:  # noqa: ARG002 (the server's time)
        terms, demand = request.terms, request.demand
        prepared: Prepared | None = terms.prepared
        if prepared is None or prepared.owner is not self:
            prepared = terms.prepared = prepare(terms, self, self._node)
        name = self._new_id()
        undo = partial(self._give_back, prepared.place, name)
        tail = self.given_time + bulk(name) + bulk(packed(demand)) + prepared.tail
        try:
            answer: list[int] = await self._asked(prepared.place, prepared.head, tail, undo)
        except asyncio.CancelledError:
            undo()
            raise
        if answer[0] == _REFUSED:
            raise _refused(answer, terms, demand)
        if answer[0] != _KNOWN:
            raise CountersUnavailable("The request was given back before it was admitted")
        pace, index = [], 3
        for limit_name, limit in prepared.pace:
            used, held, clear = answer[index : index + 3]
            pace.append(LimitStatus(limit_name, limit, used, held, None if clear < 0 else clear))
            index += 3
        reservation = ValkeyReservation(name, prepared, answer[1], answer[2], pace, terms, demand)
        self._open[name] = reservation
        return reservation

    def settle(self, reservation: ValkeyReservation, model: str, tokens: int, cost: int, at: int) -> None:
        self._open.pop(reservation.id, None)
        micro, rest = divmod(cost, BASE)
        words = (reservation.id, model.encode(), b"%d" % tokens, b"%d" % micro, b"%d" % rest, b"%d" % at)
        prepared = reservation.prepared
        self._send(Call(prepared.place, prepared.settle_head, self.given_time + b"".join(map(bulk, words))))

    def give_back(self, reservation: ValkeyReservation) -> None:
        self._open.pop(reservation.id, None)
        self._give_back(reservation.place, reservation.id)

    def _give_back(self, place: bytes, name: bytes) -> None:
        self._tell("give_back", place, (name,))

    async def status(self, limits: Iterable[ScopeLimits], at: int) -> list[list[LimitStatus]]:  # noqa: ARG002
        wanted = [*limits]
        found: list[list[LimitStatus]] = [[] for _ in wanted]
        parts: dict[bytes, list[int]] = defaultdict(list)
        for number, (scope, _) in enumerate(wanted):
            parts[self._place_of(scope[:2])].append(number)
        reads = [self._read(place, some, wanted, found) for place, numbers in parts.items() for some in _few(numbers)]
        await asyncio.gather(*reads)
        return found

    async def _read(
        self, place: bytes, numbers: Sequence[int], wanted: Sequence[ScopeLimits], found: list[list[LimitStatus]]
    ) -> None:
        words = [word for number in numbers for word in (field_of(wanted[number][0]), codes_of(wanted[number][1]))]
        figures = iter((await self._call("status", place, words))[1:])
        for number in numbers:
            for name, limit in wanted[number][1].items():
                used, used_low, held, held_low, clear = (next(figures) for _ in range(5))
                status = LimitStatus(
                    name,
                    limit,
                    amount_of(name, used, used_low),
                    amount_of(name, held, held_low),
                    None if clear < 0 else clear,
                )
                found[number].append(status)

    def begin(self, names: Mapping[Scope, Names]) -> Awaitable[Mapping[Scope, Names]]:
        # Sent at once: what is settled after this call counts.
        sent = []
        for owner, of_owner in names.items():
            place = self._place_of(owner)
            models = iter(of_owner)
            for words in names_words(of_owner, owner):
                future = self._call("begin", place, (self._new_id(), *words))
                sent.append((owner, [next(models) for _ in words[::2]], future))
        return self._begun(sent)

    async def _begun(
        self, sent: Sequence[tuple[Scope, Sequence[str], asyncio.Future[list[Any]]]]
    ) -> Mapping[Scope, Names]:
        found: dict[Scope, dict[str, frozenset[str]]] = {}
        try:
            for owner, models, future in sent:
                for model, codes in zip(models, (await asyncio.shield(future))[1:], strict=True):
                    if codes:
                        found.setdefault(owner, {})[model] = names_of(codes)
        except BaseException:
            for owner, models, future in sent:
                future.add_done_callback(partial(self._unbegin, owner, models))
            raise
        return found

    def _unbegin(self, owner: Scope, models: Sequence[str], future: asyncio.Future[list[Any]]) -> None:
        if not future.cancelled() and future.exception() is None:
            fresh = {model: names_of(codes) for model, codes in zip(models, future.result()[1:], strict=True) if codes}
            self.forget({owner: fresh})

    async def add(self, past: Iterable[PastUse]) -> None:
        by_place: dict[bytes, list[PastUse]] = defaultdict(list)
        for part in past:
            by_place[self._place_of(part.scope[:2])].append(part)
        calls = [
            self._call("add", place, (self._new_id(), *words))
            for place, parts in by_place.items()
            for words in past_words(parts)
        ]
        await asyncio.gather(*calls)

    def forget(self, names: Mapping[Scope, Names]) -> None:
        for owner, of_owner in names.items():
            for words in names_words(of_owner, owner):
                self._tell("forget", self._place_of(owner), (self._new_id(), *words))

    def drop(self, owner: Scope) -> None:
        self._tell("drop", self._place_of(owner), (self._new_id(), field_of(owner)))

    def adjust(self, owner: Scope, cost: int, at: int) -> None:
        micro, rest = divmod(cost, BASE)
        words = (self._new_id(), field_of(owner), b"%d" % micro, b"%d" % rest, b"%d" % at)
        self._tell("adjust", self._place_of(owner), words)

    def holds(self, place: bytes) -> list[HeldRequest]:
        """What this process holds at a place, for whoever loads it."""
        return [reservation.held(self._node) for reservation in self._open.values() if reservation.place == place]

    def _new_id(self) -> bytes:
        return b"%b-%x" % (self._run, next(self._numbers))

    def _tell(self, function: str, place: bytes, words: Sequence[bytes]) -> None:
        tail = self.given_time + b"".join(map(bulk, words))
        self._send(Call(place, head_of(function, place, 2 + len(words)), tail))

    def _call(self, function: str, place: bytes, words: Sequence[bytes]) -> asyncio.Future[list[Any]]:
        tail = self.given_time + b"".join(map(bulk, words))
        return self._asked(place, head_of(function, place, 2 + len(words)), tail)

    def _asked(
        self, place: bytes, head: bytes, tail: bytes, undo: Callable[[], None] | None = None
    ) -> asyncio.Future[list[Any]]:
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        try:
            self._send(Call(place, head, tail, future, undo))
        except CountersUnavailable as error:
            future.set_exception(error)
        return future

    def _send(self, call: Call) -> None:
        waiting = self._waiting.get(call.place)
        if waiting is None:
            self._link.send(call)
        else:
            waiting.append(call)

    def _answered(self, call: Call, answer: list[Any]) -> None:
        if answer[0] != _UNKNOWN or call.epoch:
            call.answered(answer)
            return
        waiting = self._waiting.get(call.place)
        if waiting is None:
            waiting = self._waiting[call.place] = []
            task = asyncio.get_running_loop().create_task(self._load(call.place))
            self._loads.add(task)
            task.add_done_callback(self._loads.discard)
        # Before those that were made since; after those that were answered before it.
        place = sum(1 for other in waiting if other.sent)
        waiting.insert(place, call)

    async def _load(self, place: bytes) -> None:
        """Make a place known, and send what waits for that."""
        waiting = self._waiting[place]
        while waiting:
            epoch = self._link.epoch
            try:
                async with asyncio.timeout(_LOAD_SECONDS):
                    loaded = await load(partial(self._ask_as_loader, place), epoch, await self._contents(place))
            except Exception as error:  # noqa: BLE001 (whatever keeps the past from being read)
                for call in waiting:
                    if call.answer is not None:
                        call.fail(CountersUnavailable(f"The counters could not be loaded: {error}"))
                waiting[:] = [call for call in waiting if not call.given_up]
                loaded = False
                await asyncio.sleep(_LOAD_AGAIN_SECONDS)
            if loaded:
                break
        del self._waiting[place]
        for call in waiting:
            call.sent = 0
            try:
                self._link.send(call)
            except CountersUnavailable as error:
                call.fail(error)

    def _ask_as_loader(
        self, place: bytes, function: str, words: Sequence[bytes], *, epoch: bytes
    ) -> asyncio.Future[list[Any]]:
        tail = self.given_time + b"".join(map(bulk, words))
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._link.send(Call(place, head_of(function, place, 2 + len(words)), tail, future, epoch=epoch))
        return future


def _few(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    """Scopes whose limits one call reads; each has at most as many limits as there are."""
    most = AT_ONCE // len(CHECKED_LIMITS)
    return (numbers[start : start + most] for start in range(0, len(numbers), most))


def _refused(answer: Sequence[int], terms: Terms, demand: Demand) -> Refused:
    """The refusal that an answer means. What was needed is computed here, from the same allowance as there."""
    _, at, number, reason, until, used, used_low, held, held_low, allowance, retry = answer
    name, scope, limit = terms.ceilings[number - 1]
    counted = CHECKED_LIMITS[name]
    needed = demand.amounts(demand.min_allowance if counted.is_budget else allowance)[kind_of(counted)]
    remaining = max(0, limit - amount_of(name, used, used_low) - amount_of(name, held, held_low))
    violation = LimitViolation(name, scope, limit, _REASONS[reason], needed, None if until < 0 else until, remaining)
    return Refused(violation, None if retry < 0 else retry, at)
