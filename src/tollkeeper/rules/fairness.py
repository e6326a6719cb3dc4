"""The fair order in which waiting requests are served by one upstream: virtual token counters (Sheng et al., "Fairness
in Serving Large Language Models", OSDI 2024).

Each user has a counter of the service that they got, divided by their weight. The waiting user with the smallest
counter is next; among equals the one who was served longest ago. Within a user: first in, first out.

- Service is charged when a request is dispatched, as its expected amount; `settle` adds the difference when the real
  amount is known.
- Being away earns nothing: a user who begins to wait is lifted to the smallest counter of those who wait, or, where
  nobody waits, to that of whoever left the line last. What running requests are only expected to use does not lift:
  once it turned out to be less, whoever was lifted by it would wait for all of the difference.

An upstream may be unable to serve one of its models at the moment, so requests wait by model, each model with a heap
of its users. Entries of a heap are brought up to date when they reach its top: counters mostly grow. What shrinks is
pushed again. So every step costs O(log users), times the number of models that are waited for.

An upstream that would have to load another model first serves the models that it has loaded; whoever is passed over for
that is next once `patience` has passed since the first time.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_ACCOUNTS = 20_000
"""Users whose counters are kept beyond those who wait."""


def service_of(input_tokens: int, output_tokens: int) -> int:
    """The service of a request: output costs twice as much as input."""
    return input_tokens + 2 * output_tokens


class Account(Generic[T]):
    """One user's counter at one upstream. `expected`: the part of it that is charged for requests that still run, of
    which there are `running`; `served`: the number of the turn at which they were served last; `waiting`: their
    requests in line; `present`: the same, a request that also waits elsewhere counting in parts."""

    __slots__ = ("counter", "expected", "lines", "present", "running", "served", "user", "waiting")

    def __init__(self, user: str) -> None:
        self.user = user
        self.counter = 0.0
        self.expected = 0.0
        self.running = 0
        self.served = 0
        self.waiting = 0
        self.present = 0.0
        self.lines: dict[str, _UserLine[T]] = {}

    def __repr__(self) -> str:
        return f"Account({self.user!r}, {self.counter:.0f}, {self.waiting} waiting)"


class Place(Generic[T]):
    """A request's place in line. `share`: the part of it that is expected to be served here."""

    __slots__ = ("item", "line", "number", "share")

    def __init__(self, item: T, line: _UserLine[T], number: int, share: float) -> None:
        self.item = item
        self.line = line
        self.number = number
        self.share = share

    def __repr__(self) -> str:
        return f"Place({self.item!r}, {self.line.account.user!r}, {self.line.lane.model!r})"

    @property
    def account(self) -> Account[T]:
        return self.line.account

    @property
    def model(self) -> str:
        return self.line.lane.model


class _UserLine(Generic[T]):
    """One user's waiting requests for one model, oldest first. `entry`: its valid entry in the heap."""

    __slots__ = ("account", "entry", "lane", "places")

    def __init__(self, account: Account[T], lane: _Lane[T]) -> None:
        self.account = account
        self.lane = lane
        self.places: OrderedDict[int, Place[T]] = OrderedDict()
        self.entry: _Entry[T] | None = None

    @property
    def head(self) -> Place[T]:
        return next(iter(self.places.values()))

    def items(self) -> Iterator[T]:
        return (place.item for place in self.places.values())


_Entry = tuple[float, int, int, int, _UserLine[T]]
"""Counter, turn, number of the oldest request, a serial number that no other entry has, and the user's line."""


class _Lane(Generic[T]):
    """The users who wait for one model. `passed_over_at`: when another model was first served before it because that
    was loaded."""

    __slots__ = ("heap", "model", "passed_over_at", "serial", "users")

    def __init__(self, model: str, serial: Iterator[int]) -> None:
        self.model = model
        self.heap: list[_Entry[T]] = []
        self.users = 0
        self.serial = serial
        self.passed_over_at: float | None = None

    def push(self, line: _UserLine[T]) -> None:
        """Enter a line anew, unless its entry comes early enough to be found in time."""
        account, number = line.account, next(iter(line.places))
        old = line.entry
        if old is not None and (old[0], old[1], old[2]) <= (account.counter, account.served, number):
            return
        entry = line.entry = (account.counter, account.served, number, next(self.serial), line)
        heapq.heappush(self.heap, entry)
        if len(self.heap) > 2 * self.users + 64:
            self.heap = [each for each in self.heap if each[4].entry is each and each[4].places]
            heapq.heapify(self.heap)

    def first(self) -> _Entry[T] | None:
        """The entry of the user who is next."""
        heap = self.heap
        while heap:
            entry = heap[0]
            line = entry[4]
            if line.entry is not entry or not line.places:
                heapq.heappop(heap)
                continue
            account, number = line.account, next(iter(line.places))
            if entry[0] == account.counter and entry[1] == account.served and entry[2] == number:
                return entry
            fresh = line.entry = (account.counter, account.served, number, next(self.serial), line)
            heapq.heapreplace(heap, fresh)
        return None


class FairOrder(Generic[T]):
    """Who waits for one upstream, and who is next."""

    def __init__(self, *, most_accounts: int = MOST_ACCOUNTS) -> None:
        self._most_accounts = most_accounts
        self._accounts: dict[str, Account[T]] = {}
        self._lanes: dict[str, _Lane[T]] = {}
        self._serial = count(1)
        self._turns = 0
        self._last: Account[T] = Account("")
        """Whoever left the line last."""
        self._running: dict[Account[T], None] = {}
        """Users who have been charged for requests that still run."""
        self.waiting = 0

    def __repr__(self) -> str:
        return f"FairOrder({self.waiting} waiting of {len(self._lanes)} models, {len(self._accounts)} users known)"

    def __len__(self) -> int:
        """Users whose counters are kept."""
        return len(self._accounts)

    @property
    def models(self) -> list[str]:
        """The models that are waited for."""
        return list(self._lanes)

    def accounts(self) -> Iterator[Account[T]]:
        """The users who are known, those who wait among them."""
        return iter(self._accounts.values())

    def find(self, user: str) -> Account[T] | None:
        """A user's account, if there is one."""
        return self._accounts.get(user)

    def account(self, user: str) -> Account[T]:
        """A user's account; a new one where there is none."""
        account = self._accounts.get(user)
        if account is None:
            if len(self._accounts) >= self._most_accounts:
                self._forget()
            account = self._accounts[user] = Account(user)
        return account

    def level(self) -> float:
        """The counter that a user who begins to wait is lifted to."""
        if not self._lanes:
            return self._last.counter - self._last.expected
        level = min(entry[0] for lane in self._lanes.values() if (entry := lane.first()) is not None)
        for account in self._running:  # no more than there are slots
            if account.waiting and account.counter - account.expected < level:
                level = account.counter - account.expected
        return level

    def head(self, model: str) -> Place[T] | None:
        """The request that is next of those that wait for this model."""
        lane = self._lanes.get(model)
        entry = lane.first() if lane is not None else None
        return entry[4].head if entry is not None else None

    def join(self, user: str, model: str, item: T, *, share: float = 1.0, first: bool = False) -> Place[T]:
        """Add a request; `first`: at the head of its user's line."""
        account = self.account(user)
        if not account.waiting:
            account.counter = max(account.counter, self.level())
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = _Lane(model, self._serial)
        line = account.lines.get(model)
        if line is None:
            line = account.lines[model] = _UserLine(account, lane)
            lane.users += 1
        serial = next(self._serial)
        number = -serial if first else serial
        place = line.places[number] = Place(item, line, number, share)
        if first:
            line.places.move_to_end(number, last=False)
        account.waiting += 1
        account.present += share
        self.waiting += 1
        if first or len(line.places) == 1:
            lane.push(line)
        return place

    def leave(self, place: Place[T]) -> None:
        """Take a request out of the line, served or not. Once only."""
        line = place.line
        account, lane = line.account, line.lane
        del line.places[place.number]
        account.waiting -= 1
        account.present -= place.share
        self.waiting -= 1
        self._last = account
        if not line.places:
            del account.lines[lane.model]
            lane.users -= 1
            if not lane.users:
                del self._lanes[lane.model]

    def next(
        self,
        now: float,
        can_serve: Callable[[str], bool],
        is_loaded: Callable[[str], bool],
        patience: Callable[[str], float],
    ) -> Place[T] | None:
        """The request to serve next, which stays in line; None: there is none that can be served.

        `can_serve`: whether the upstream can serve this model now. `is_loaded`: whether it can without loading it.
        `patience`: the seconds for which a model may be passed over for loaded ones.
        """
        if len(self._lanes) == 1:
            (lane,) = self._lanes.values()
            entry = lane.first() if can_serve(lane.model) else None
            lane.passed_over_at = None
            return entry[4].head if entry is not None else None
        best: _Entry[T] | None = None
        best_loaded: _Entry[T] | None = None
        overdue: _Entry[T] | None = None
        longest = 0.0
        for lane in self._lanes.values():
            if not can_serve(lane.model) or (entry := lane.first()) is None:
                continue
            if best is None or entry < best:
                best = entry
            if is_loaded(lane.model):
                lane.passed_over_at = None
                if best_loaded is None or entry < best_loaded:
                    best_loaded = entry
            elif lane.passed_over_at is not None:
                late = now - lane.passed_over_at - patience(lane.model)
                if late >= 0 and (overdue is None or late > longest):
                    overdue, longest = entry, late
        if overdue is not None:
            best = overdue
        elif best is not None and best_loaded is not None and best is not best_loaded:
            passed = best[4].lane
            if not is_loaded(passed.model):
                if passed.passed_over_at is None:
                    passed.passed_over_at = now
                best = best_loaded
        return best[4].head if best is not None else None

    def charge(self, account: Account[T], amount: float) -> None:
        """Charge expected service, divided by the weight, to a user who is served now. `settle` it in the end."""
        account.counter += amount
        account.expected += amount
        account.running += 1
        self._running[account] = None
        self._turns += 1
        account.served = self._turns

    def pass_through(self, user: str, amount: float) -> Account[T]:
        """Charge a request that is served at once, while nobody waits: as `join`, `leave` and `charge` would."""
        account = self.account(user)
        account.counter = max(account.counter, self._last.counter - self._last.expected)
        self._last = account
        self.charge(account, amount)
        return account

    def settle(self, account: Account[T], charged: float, real: float) -> None:
        """Replace what was charged for a request that has ended by its real service, divided by the weight."""
        account.counter += real - charged
        account.running -= 1
        if account.running:
            account.expected -= charged
        else:
            account.expected = 0.0
            del self._running[account]
        if real < charged and account.waiting:
            for line in account.lines.values():
                line.lane.push(line)

    def _forget(self) -> None:
        """Forget users who do not wait: first those who would be lifted to the level anyway, so that nothing is lost,
        then those who have been known longest."""
        level = self.level()
        idle = [account for account in self._accounts.values() if not account.waiting]
        idle.sort(key=lambda account: (account.counter > level, account.served))
        low = sum(account.counter <= level for account in idle)
        for account in idle[: max(low, len(idle) // 2)]:
            del self._accounts[account.user]
