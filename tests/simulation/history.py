"""One history: everything that happens in it is drawn from its seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from tests.simulation.client import Client, Plan
from tests.simulation.pool import CONTEXTS, NAMES, TROUBLES, Machine, machines
from tests.simulation.promises import (
    check_budgets,
    check_claims,
    check_counters,
    check_keys,
    check_ledger,
    check_let_out,
    check_pool,
    check_refusal,
    check_settled,
    check_sums,
    needed,
    places_of,
    running,
)
from tests.simulation.world import Time, World, turn
from tollkeeper.rules.admission import Refused
from tollkeeper.rules.errors import (
    GatewayError,
    IdempotencyInProgress,
    IdempotencyMismatch,
    IdempotencyReplayed,
    LedgerUnavailable,
    UpstreamUnavailable,
)
from tollkeeper.rules.limits import COUNTED
from tollkeeper.rules.money import format_usd
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.services.accounts.keys import NewKey
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.services.models.prices import NewPrice
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.counters import MemoryReservation
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.accounts import Key, UserStatus
from tollkeeper.store.ports.counters import AdmissionRequest
from tollkeeper.store.ports.records import Record

ROOT = Actor("@simulation")
STEPS = 80
BEGINNINGS = tuple(
    int(datetime.fromisoformat(moment).timestamp() * 1000)
    for moment in ("2026-11-20T12:00Z", "2026-11-30T23:59:58Z", "2026-12-31T23:58Z", "2028-02-28T23:00Z")
)
JUMPS = (1, 17, 500, 1_000, 1_017, 5_001, 60_000, 61_000, 1_200_000, 3_600_000, 3_660_001, 86_400_000, 87_600_001,
         31 * 86_400_000, 40 * 86_400_000)  # fmt: skip
"""Milliseconds by which the clock may jump: around the length of every window and bucket."""
COUNTS = {"delivered": 100, "let out": 100, "refused": 100, "crashes": 100, "waited": 50, "moved": 20, "rests": 30,
          "claimed": 50, "known": 20}  # fmt: skip
"""What is counted, each with the least of it in a hundred histories. `waited`: requests that were in line; `moved`:
those that another upstream served than the first; `rests`: those that an upstream turned away to be left alone;
`claimed`: those that left a record under an idempotency key; `known`: those that were refused since their key was."""
KNOWN = (IdempotencyInProgress, IdempotencyReplayed, IdempotencyMismatch)
FIGURES = {"requests": (1, 2, 3, 5, 8), "tokens": (300, 900, 2_500, 8_000), "cost": (10**8, 10**9, 5 * 10**9, 10**11)}


class History:
    """Plays one seed. A gentle history has no overshoot that is allowed: in it no budget is ever over."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.time = Time(self.rng.choice(BEGINNINGS) + self.rng.randrange(1000))
        self._gentle = self.rng.random() < 0.5
        self._strict_input = self._gentle or self.rng.random() < 0.7
        self._world: World
        self._clients: list[Client] = []
        self._past: list[Client] = []
        self._changes: list[asyncio.Task[None]] = []
        self._secrets: list[tuple[str, str]] = []
        self._keys: list[str] = []
        """Ids of keys, in the order in which they were made: the ids are random, so none of their own tells a history
        what comes first."""
        self._users: list[str] = []
        self._excused: set[str] = set()
        self._seen: list[Record] = []
        self._checked: set[str] = set()
        self._fault: AssertionError | None = None
        self.counts = dict.fromkeys(COUNTS, 0)

    async def play(self) -> None:
        rng = self.rng
        self._machines = machines(rng)
        self._world = World(self.time, rng, self._strict_input, self._decided, self._given, Tables(), self._machines)
        await self._world.start()
        for number in range(rng.randint(1, 3)):
            await self._new_user(f"user{number}")
        for model in CONTEXTS:
            if rng.random() < 0.8:
                await self._world.prices.put([self._price(model)], ROOT)
        steps, weights = zip(*self._table(), strict=True)
        for _ in range(STEPS):
            broken = self._world.store.fail is not None and rng.random() < 0.3
            await (self._fault_or_mend if broken else rng.choices(steps, weights)[0])()
            await self._check()
        await self._come_to_rest()

    def _table(self) -> list[tuple[Any, int]]:
        wild = 0 if self._gentle else 1
        return [
            (self._request, 30),
            (self._burst, 4),
            (self._advance, 40),
            (self._leave, 4),
            (self._jump, 12),
            (self._fault_or_mend, 3),
            (self._crash, 1),
            (self._replay, 2),
            (self._put_price, 2),
            (self._suspend_or_restore, 1),
            (self._new_key, 1),
            (self._rotate, 2),
            (self._trouble_or_recover, 8),
            (self._probe, 2),
            (self._unload, 2),
            (self._lose_or_get_model, 1),
            (self._save, 1),
            (self._limit, 5 * wild),
            (self._adjust, 3 * wild),
        ]

    # What happens

    async def _request(self) -> None:
        rng = self.rng
        user_id, secret = rng.choice(self._secrets)
        plan = Plan(
            user_id=user_id,
            secret=secret,
            model=rng.choice(NAMES),
            stream=rng.random() < 0.6,
            text_bytes=rng.choice((1, 20, 150, 700)),
            images=rng.choice((0, 0, 0, 0, 1)),
            max_tokens=rng.choice((None, 1, 15, 16, 40, 200, 2_000)),
            choices=rng.choice((1, 1, 1, 2, 3)),
            embeds=rng.random() < 0.1,
            fails=rng.choices(("never", "before", "after"), (8, 1, 1))[0],
            told=rng.random() < 0.8,
            honest=self._gentle or rng.random() < 0.9,
            input_share=rng.choice((0.1, 0.25, 0.9, 1.0)),
            output_share=rng.choice((0.0, 0.3, 1.0, 1.0)),
            cached_share=rng.choice((0.0, 0.5, 1.0)),
            body_steps=rng.choices((0, 1), (9, 1))[0],
            facts_steps=rng.choices((0, 1), (9, 1))[0],
            ready_steps=rng.choice((0, 0, 1)),
            connect_steps=rng.choice((0, 0, 1)),
            conversation=rng.choice((None, None, "a", "b")),
            key=rng.choice(("a", "b", "c")) if rng.random() < 0.2 else None,
        )
        client = Client(plan, self._world, self.time.ms)
        if not plan.honest:
            self._excused.add(user_id)
        failing = self._world.store.ledger.failing is not None
        self._clients.append(client)
        client.task = asyncio.create_task(client.live())
        await turn()
        if failing and not plan.body_steps and not plan.facts_steps:
            assert client.ended, "L7: the ledger fails, and a request waits"
            assert isinstance(client.refused, GatewayError), "L7: the ledger fails, and a request was let in"
            known = (
                isinstance(client.refused, LedgerUnavailable | UpstreamUnavailable)
                or client.refused.status in (401, 403, 404, 409, 422)
            )  # fmt: skip
            assert known, f"L7: the ledger fails, and a request is told {client.refused!r}"

    async def _burst(self) -> None:
        for _ in range(self.rng.randint(3, 8)):
            await self._request()

    async def _advance(self) -> None:
        waiting = [client for client in self._clients if not client.ended]
        if waiting:
            for client in self.rng.sample(waiting, self.rng.randint(1, min(3, len(waiting)))):
                client.advance()

    async def _leave(self) -> None:
        waiting = [client for client in self._clients if not client.ended]
        if waiting:
            task = self.rng.choice(waiting).task
            assert task is not None
            task.cancel()

    async def _jump(self) -> None:
        self.time.ms += self.rng.choice(JUMPS)

    async def _fault_or_mend(self) -> None:
        self._world.store.fail = None if self._world.store.fail else "disk full"

    async def _crash(self) -> None:
        self.counts["crashes"] += 1
        old = self._world
        self._world = await old.reborn()
        old.store.fail = None
        for task in [*self._changes, *(client.task for client in self._clients if client.task)]:
            task.cancel()
        await turn()
        for client in self._clients:
            found = client.request_id in self._world.settled
            assert found or not (client.paid and client.begun), "what is paid for leaves a record, whatever is killed"
            client.begun = found  # not found: its intent was not durable yet; or found, and not dispatched yet
        for machine in self._machines.values():
            machine.present.clear()
            machine.rests = {}
        self._past += self._clients
        self._clients, self._changes = [], []
        self._checked |= self._world.settled.keys()

    async def _replay(self) -> None:
        """A settlement that comes twice changes nothing."""
        durable = list(self._world.tables.records.values())
        if durable:
            self._world.store.ledger.settle(replace(self.rng.choice(durable), cost_pico=10**12, status="failed"))

    async def _put_price(self) -> None:
        await self._change(self._world.prices.put([self._price(self.rng.choice(list(CONTEXTS)))], ROOT))

    async def _suspend_or_restore(self) -> None:
        away = [user.user_id for user in self._world.accounts.users() if user.status != "active"]
        user = self._world.accounts.user(self.rng.choice(away or self._users))
        status: UserStatus = "suspended" if user.status == "active" else "active"
        await self._change(self._world.accounts.update_user(user.user_id, ROOT, UserChange(status=status)))

    async def _new_key(self) -> None:
        user_id = self.rng.choice(self._users)

        async def make() -> None:
            made = await self._world.accounts.create_key(user_id, ROOT, limits=self._limits(0.3))
            self._note_key(user_id, made)

        await self._change(make())

    async def _rotate(self) -> None:
        user_id = self.rng.choice(self._users)
        key = self._key_of(user_id)
        grace = self.rng.choice((0, 0, 60))

        async def make() -> None:
            made = await self._world.accounts.rotate_key(key.id, ROOT, grace_seconds=grace)
            self._note_key(user_id, made)

        await self._change(make())

    async def _limit(self) -> None:
        user_id = self.rng.choice(self._users)
        self._excused.add(user_id)
        accounts = self._world.accounts
        limits = self._limits(1.0, clears=True)
        if self.rng.random() < 0.6:
            await self._change(accounts.set_limits(user_id, ROOT, limits))
        else:
            key = self._key_of(user_id)
            await self._change(accounts.update_key(key.id, ROOT, KeyChange(limits=limits)))

    async def _adjust(self) -> None:
        user_id = self.rng.choice(self._users)
        self._excused.add(user_id)
        cost = self.rng.choice((-(10**9), -1, 1, 10**9))
        await self._change(self._world.adjustments.adjust(user_id, cost, "because", ROOT))

    # What the upstreams do

    def _machine(self) -> Machine:
        return self.rng.choice(list(self._machines.values()))

    async def _trouble_or_recover(self) -> None:
        machine, rng = self._machine(), self.rng
        machine.trouble = "" if machine.trouble else rng.choice(list(TROUBLES))
        machine.asks = rng.choice((None, 0.2, 3.0, 30.0, 300.0))

    async def _probe(self) -> None:
        machine = self._machine()
        health = self._world.upstream(machine.config.id).health
        health.probed(self.time.clock(), "it is down" if machine.trouble == "down" else None)

    async def _unload(self) -> None:
        load = self._world.upstream(self._machine().config.id).load
        if load.loaded is not None:
            load.loaded = frozenset(load.running_by_model)
            self._world.selection.line.changed()

    async def _lose_or_get_model(self) -> None:
        """Another upstream has it."""
        home, spare = self._machines["home"], self._machines["spare"]
        short = [machine for machine in (home, spare) if len(machine.models) == 1]
        machine = short[0] if short else self.rng.choice((home, spare))
        if short:
            machine.models = list(machine.config.models or ("small:latest", "other:latest"))
        else:
            machine.models.pop(self.rng.randrange(2))
        if self.rng.random() < 0.5:
            await self._change(self._world.catalog.refresh())

    async def _save(self) -> None:
        machine, rng = self._machine(), self.rng
        machine.config = replace(machine.config, weight=rng.choice((1, 2)), priority=rng.choice((0, 1)))
        await self._change(self._world.save(machine))

    # With what

    async def _new_user(self, user_id: str) -> None:
        _, made = await self._world.accounts.create_user(user_id, ROOT, limits=self._limits(0.7))
        self._users.append(user_id)
        self._note_key(user_id, made)

    def _note_key(self, user_id: str, made: NewKey) -> None:
        self._secrets.append((user_id, made.secret))
        self._keys.append(made.key.id)

    def _key_of(self, user_id: str) -> Key:
        """One of the user's keys."""
        held = {key.id: key for key in self._world.accounts.keys_of(user_id)}
        return self.rng.choice([held[each] for each in self._keys if each in held])

    def _limits(self, share: float, *, clears: bool = False) -> dict[str, Any]:
        rng = self.rng
        if rng.random() > share:
            return {}
        limits: dict[str, Any] = self._counts(rng.randint(1, 4), clears)
        if rng.random() < 0.2:
            limits["max_concurrent_requests"] = rng.randint(1, 3)
        if rng.random() < 0.15:
            limits["max_tokens_per_request"] = rng.choice((0, 10, 100, 1_000))
        if rng.random() < 0.3:
            limits["models"] = {rng.choice(("small", "small:latest", "other", "large")): self._counts(2, clears)}
        if rng.random() < 0.05:
            limits["allowed_models"] = ["small"]
        return limits

    def _counts(self, number: int, clears: bool) -> dict[str, Any]:
        rng = self.rng
        counts: dict[str, Any] = {}
        for name in rng.sample(list(COUNTED), number):
            quantity = COUNTED[name].quantity
            figure = 0 if rng.random() < 0.02 else rng.choice(FIGURES[quantity])
            counts[name] = format_usd(figure) if quantity == "cost" else figure
            if clears and rng.random() < 0.2:
                counts[name] = None
        return counts

    def _price(self, model: str) -> NewPrice:
        rng = self.rng
        later = self.time.ms + rng.choice(JUMPS) if rng.random() < 0.3 else None
        cached, write = rng.choice((None, 0, 5_000_000)), rng.choice((None, 3_750_000))
        upstream = rng.choice(list(self._machines)) if rng.random() < 0.3 else None
        return NewPrice(
            model, rng.choice((0, 150_000, 3_000_000)), rng.choice((0, 15_000_000)), cached, write, later, upstream
        )

    async def _change(self, change: Coroutine[Any, Any, object]) -> None:
        async def run() -> None:
            try:
                await change
            except (GatewayError, StoreError, asyncio.CancelledError):
                return

        self._changes.append(asyncio.create_task(run()))
        if self.rng.random() < 0.6:  # others go on in the midst of it
            for _ in range(self.rng.randrange(8)):
                await asyncio.sleep(0)
            await self._advance()
            if self.rng.random() < 0.15:
                await self._fault_or_mend()

    # What is checked

    def _decided(self, asked: AdmissionRequest, at: int, what: MemoryReservation | Refused) -> None:
        try:
            if isinstance(what, Refused):
                self.counts["refused"] += 1
                check_refusal(self._world, asked, at, what)
            else:
                self.counts["let out"] += 1
                check_let_out(self._world, self._clients, asked, at, what)
                self._let_out(self._world.asking[-1], asked, what)
        except AssertionError as fault:  # told at the end of the step: a request must not swallow it
            self._fault = self._fault or fault

    def _given(self, deployment: Deployment, now: float) -> None:
        try:
            self._machines[deployment.upstream.config.id].check_awake(deployment.model, now)
        except AssertionError as fault:
            self._fault = self._fault or fault

    def _let_out(self, client: Client, asked: AdmissionRequest, taken: MemoryReservation) -> None:
        places = places_of(asked)
        client.granted = True
        client.asked, client.taken = asked, taken
        budgets = {COUNTED[name].quantity for _, name in places if COUNTED[name].is_budget}
        if "tokens" in budgets and self._strict_input:
            client.bound = needed(asked, "tokens_total", taken.allowance)
        if "cost" in budgets and self._strict_input:
            client.cost_bound = needed(asked, "cost_usd_total", taken.allowance)

    async def _check(self) -> None:
        await turn()
        if self._fault is not None:
            raise self._fault
        world = self._world
        for client in self._clients:
            if client.fault is not None:
                raise client.fault
            if client.begun and client.request_id in world.settled and client.request_id not in self._checked:
                self._checked.add(client.request_id)
                check_settled(client, world.settled[client.request_id])
        self._changes = [change for change in self._changes if not change.done()]
        if not self._changes:  # a counter that is being made shows too little, and nobody is asked by it yet
            check_counters(world, self._clients)
        check_pool(world, self._clients)
        check_ledger(world, [*self._past, *self._clients], self._seen)
        check_keys([*self._past, *self._clients])
        if self._strict_input:
            check_budgets(world, self._clients, self._excused)
        if world.store.fail is None:
            assert world.store.ledger.failing is None, "L7: the ledger could write, and does not"
            assert world.tables.records == world.settled, "L1, L2: what was settled is not what is in the ledger"

    async def _come_to_rest(self) -> None:
        self._world.store.fail = None
        for _ in range(2):
            rounds = 0
            while any(not client.ended for client in self._clients):
                rounds += 1
                assert rounds < 100, f"requests that never end: {[c for c in self._clients if not c.ended]}"
                self.time.ms += 5_000
                for client in self._clients:
                    client.advance()
                await self._check()
            await self._check()
            assert not self._changes
            assert not list(running(self._clients))
            everyone = [*self._past, *self._clients]
            begun = {client.request_id for client in everyone if client.begun}
            requests = {record.request_id for record in self._world.settled.values() if record.endpoint != "adjustment"}
            assert begun == requests, "a record is there exactly when a request went out"
            assert not self._world.tables.intents
            check_claims(self._world)
            await check_sums(self._world)
            self.counts["delivered"] = sum(client.delivered is not None for client in everyone)
            self.counts["waited"] = sum(c.route is not None and c.route.ticket.queued > 0 for c in everyone)
            self.counts["moved"] = sum(c.delivered is not None and len(c.tried) > 1 for c in everyone)
            self.counts["rests"] = sum(client.rested for client in everyone)
            self.counts["claimed"] = sum(client.begun and client.plan.key is not None for client in everyone)
            self.counts["known"] = sum(isinstance(client.refused, KNOWN) for client in everyone)
            await self._crash()
            await self._check()
