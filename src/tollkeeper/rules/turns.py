"""A bounded fair queue: how long an item waits does not depend on how many items others submit.

Addresses take turns, and within an address its names do. Where the queue is full, whoever has the most items in it
gives one up to a newcomer that has fewer; among equals the newcomer is refused.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sized
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
K = TypeVar("K")


class QueueFull(Exception):
    """The queue has no room, and no other requester has more items in it than the newcomer would."""


class Requester(NamedTuple):
    """Who submits an item: a client's address, and the name of the account that it concerns. The address None is the
    gateway itself, which takes turns like one more address and has room of its own."""

    address: str | None
    name: str


INTERNAL = Requester(None, "")


class FairQueue(Generic[T]):
    """At most `per_address` items of one address wait, `most` of all addresses, and as many again of the gateway's
    own."""

    def __init__(self, *, per_address: int, most: int) -> None:
        self._per_address = per_address
        self._most = most
        self._line: OrderedDict[str | None, OrderedDict[str, deque[T]]] = OrderedDict()
        self._sizes: dict[str | None, int] = {}

    def __len__(self) -> int:
        return sum(self._sizes.values())

    def __repr__(self) -> str:
        return f"FairQueue({len(self)} of {len(self._line)} addresses)"

    @property
    def addresses(self) -> int:
        """How many addresses have items in the queue."""
        return len(self._line)

    def join(self, place: Requester, item: T) -> T | None:
        """Add an item. Returns the one that gave up its place for it, if any. Raises QueueFull."""
        address, name = place
        gone: T | None = None
        if address is None:
            if self._sizes.get(None, 0) >= self._most:
                raise QueueFull
        elif self._sizes.get(address, 0) >= self._per_address:
            counts = {other: len(items) for other, items in self._line[address].items()}
            gone = self._give_up(address, _greediest(counts, counts.get(name, 0)))
        elif len(self) - self._sizes.get(None, 0) >= self._most:
            sizes = {other: size for other, size in self._sizes.items() if other is not None}
            most = _greediest(sizes, sizes.get(address, 0))
            gone = self._give_up(most, _longest(self._line[most]))
        self._line.setdefault(address, OrderedDict()).setdefault(name, deque()).append(item)
        self._sizes[address] = self._sizes.get(address, 0) + 1
        return gone

    def next(self) -> T | None:
        """Take out the next item; None when the queue is empty."""
        for address, names in self._line.items():
            name, items = next(iter(names.items()))
            item = items.popleft()
            names.move_to_end(name)
            self._line.move_to_end(address)
            self._left(address, name)
            return item
        return None

    def leave(self, place: Requester, item: T) -> None:
        """Take out an item, if it still waits."""
        names = self._line.get(place.address)
        items = names.get(place.name) if names is not None else None
        if items is not None and item in items:
            items.remove(item)
            self._left(place.address, place.name)

    def _give_up(self, address: str | None, name: str) -> T:
        item = self._line[address][name].pop()  # the newest: those before it have waited longer
        self._left(address, name)
        return item

    def _left(self, address: str | None, name: str) -> None:
        """Account for one item less, and forget names and addresses that have none left."""
        names = self._line[address]
        if not names[name]:
            del names[name]
        self._sizes[address] -= 1
        if not names:
            del self._line[address], self._sizes[address]


def _longest(queues: Mapping[K, Sized]) -> K:
    return max(queues, key=lambda key: len(queues[key]))


def _greediest(counts: Mapping[K, int], own: int) -> K:
    """The key with the highest count, which exceeds `own` by more than one. Raises QueueFull where none does."""
    most = max(counts, key=lambda key: counts[key])
    if counts[most] <= own + 1:
        raise QueueFull
    return most
