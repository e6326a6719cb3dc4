"""The promises, checked by a slow obvious model: lists of records, summed anew each time."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tests.rules.admission import allow
from tests.simulation.client import Client
from tests.simulation.world import World
from tollkeeper.rules.admission import Counter, LimitCheck, Refused
from tollkeeper.rules.limits import CHECKED_LIMITS, COUNTED, Limits
from tollkeeper.rules.owners import Scope
from tollkeeper.rules.windows import SLIDING, month_of
from tollkeeper.services.requests.idempotency import KEPT_MS
from tollkeeper.store.memory.counters import MemoryReservation
from tollkeeper.store.ports.counters import AdmissionRequest
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.ports.reports import Filter, Group

Place = tuple[Scope, str]
GROUPS: tuple[Group, ...] = ("user", "model", "key", "day")


def belongs(scope: Scope, user_id: str, key_id: str | None, model: str) -> bool:
    whose = user_id if scope[0] == "user" else key_id
    return whose == scope[1] and (len(scope) == 2 or model == scope[2])


def entries(world: World, clients: Iterable[Client], place: Place) -> list[tuple[int, int]]:
    """(when, how much) of everything that a counter counts."""
    scope, name = place
    quantity, span = COUNTED[name]
    found = []
    for record in world.settled.values():
        key_id = record.key_id and world.accounts.key(record.key_id).counter_id
        if belongs(scope, record.user_id, key_id, record.model):
            if quantity == "requests":
                if record.endpoint != ADJUSTMENT:
                    found.append((record.created_at, 1))
            else:
                amount = record.usage.total_tokens if quantity == "tokens" else record.cost_pico
                found.append((record.created_at if span == "month" else record.settled_at, amount))
    if quantity == "requests":
        found += [(client.created_at, 1) for client in running(clients) if counts_at(client, place[0])]
    return found


def within(found: Iterable[tuple[int, int]], name: str, at: int, *, exact: bool) -> int:
    """What lies in the window that ends at `at`: to the millisecond, or as the windows promise to count it: in whole
    buckets."""
    span = COUNTED[name].span
    if span == "total":
        return sum(amount for _, amount in found)
    if span == "month":
        return sum(amount for when, amount in found if month_of(when) == month_of(at))
    length, buckets = SLIDING[span]
    if exact:
        return sum(amount for when, amount in found if at - length < when)
    return sum(amount for when, amount in found if when * buckets // length >= at * buckets // length - buckets)


def most_within(found: Iterable[tuple[int, int]], name: str, at: int) -> int:
    """The most that lies in any window that holds `at`, wherever it begins."""
    found = [*found, (at, 0)]
    span = COUNTED[name].span
    if span not in SLIDING:
        return within(found, name, at, exact=True)
    length = SLIDING[span].length
    begins = [when for when, _ in found if when <= at < when + length]
    return max(sum(amount for when, amount in found if begin <= when < begin + length) for begin in begins)


def running(clients: Iterable[Client]) -> Iterable[Client]:
    """Those that hold something now."""
    return [c for c in clients if c.granted and not c.ended and c.request_id not in c.world.settled]


def owners_of(asked: AdmissionRequest) -> list[tuple[tuple[str, ...], Limits]]:
    """Whose limits a request must pass."""
    return [((owner.kind.name, owner.id), owner.limits) for owner in asked.terms.owners]


def counts_at(client: Client, scope: Scope) -> bool:
    """Whether a request is of this user, key or model: then each of its counters counts it, limited or not, those that
    came while it ran included."""
    return client.asked is not None and scope in client.asked.terms.scopes


def holding(client: Client, place: Place) -> int:
    """What a running request holds of one counter."""
    scope, name = place
    if client.asked is None or client.taken is None or not counts_at(client, scope):
        return 0
    return 0 if COUNTED[name].quantity == "requests" else needed(client.asked, name, client.taken.allowance)


def places_of(asked: AdmissionRequest) -> dict[Place, int]:
    """Every limit that a request must pass, with its figure."""
    found: dict[Place, int] = {}
    for scope, limits in owners_of(asked):
        found |= {(scope, name): limit for name, limit in limits.counts.items()}
        for model in asked.terms.models or (asked.terms.model,):
            found |= {((*scope, model), name): limit for name, limit in limits.of_model(model).items()}
    return found


def needed(asked: AdmissionRequest, name: str, allowance: int) -> int:
    demand, (quantity, _) = asked.demand, COUNTED[name]
    if quantity == "requests":
        return 1
    if quantity == "tokens":
        return (demand.budget_input if COUNTED[name].is_budget else demand.pace_input) + allowance
    return demand.budget_input * demand.input_price + allowance * demand.output_price


def check_let_out(
    world: World, clients: Sequence[Client], asked: AdmissionRequest, at: int, taken: MemoryReservation
) -> None:
    """L3, at the only moment at which it can be broken: what was used, what runs and this fit below every limit."""
    assert at == world.time.ms, "L3: it is decided at another moment than it counts at"
    for place, limit in places_of(asked).items():
        _, name = place
        found = entries(world, clients, place)
        if COUNTED[name].quantity == "requests":
            used = most_within(found, name, at)
        else:  # a refund stays in its window as long as its bucket: up to one bucket more than the whole length
            now = world.time.ms
            used = min(within(found, name, now, exact=True), within(found, name, now, exact=False))
        held = sum(holding(client, place) for client in running(clients))
        need = needed(asked, name, taken.allowance)
        assert used + held + need <= limit, f"L3: {place}: {used} used + {held} held + {need} > {limit}"
    for scope, limits in owners_of(asked):
        most = limits.max_concurrent_requests
        beside = [client for client in running(clients) if counts_at(client, scope)]
        assert most is None or len(beside) < most, f"L3: {len(beside) + 1} run beside each other under {scope}"
    least = min(asked.demand.allowance, 16 * asked.demand.choices)
    assert least <= taken.allowance <= asked.demand.allowance
    assert taken.allowance % asked.demand.choices == 0


def check_refusal(world: World, asked: AdmissionRequest, at: int, refused: Refused) -> None:
    """L6: alone it goes out at the moment that was named and at none before; where none was named, never."""
    checks = [
        LimitCheck(check.name, check.scope, check.limit, _alone(check.name, check.counter))
        for check in world.counters.checks(asked.terms)
    ]
    if refused.retry_at is None:
        for later in (1, 3_600_000, 86_400_000 * 3, 86_400_000 * 800):
            assert not _goes(checks, asked, at + later), f"L6: {refused.violation} would have ended"
        return
    assert refused.retry_at > at
    if refused.violation.reason == "held":  # the moment named is a guess: nobody knows when what runs will end
        assert _goes(checks, asked, at), f"L6: {refused.violation}: not the holds alone were in the way"
    else:
        assert _goes(checks, asked, refused.retry_at), f"L6: {refused.violation} still stands at the moment named"
        assert not _goes(checks, asked, refused.retry_at - 1), f"L6: {refused.violation} had ended before"


def _alone(name: str, counter: Counter) -> Counter:
    twin = Counter(CHECKED_LIMITS[name])
    twin.window = counter.window
    return twin


def _goes(checks: Sequence[LimitCheck], asked: AdmissionRequest, at: int) -> bool:
    try:
        allow(checks, asked.demand, at)
    except Refused:
        return False
    return True


def check_settled(client: Client, record: Record) -> None:
    """L3: what was held was enough. And the record is that of what happened."""
    machine, model, price = client.tried[-1]
    assert (record.upstream, record.model) == (machine, model), f"{record} went to {client.tried}"
    assert record.attempts == len(client.tried), f"{len(client.tried)} attempts, {record.attempts} in {record}"
    assert record.price_id == (price.id if price else None), f"{record} is priced by another than {price}"
    assert record.cost_pico == (price.cost(record.usage) if price else 0), f"{record} is not what {price} makes of it"
    assert client.sent or not record.usage.total_tokens, f"{record} is billed, and nobody served it"
    if client.plan.honest:
        used = record.usage.total_tokens
        assert client.bound is None or used <= client.bound, f"L3: {used} tokens used, {client.bound} held"
        cost = record.cost_pico
        assert client.cost_bound is None or cost <= client.cost_bound, f"L3: cost {cost}, {client.cost_bound} held"


def check_counters(world: World, clients: Sequence[Client]) -> None:
    """L4, and more: at any time every counter shows the sum of its records and holds what runs."""
    alive = running(clients)
    for scope, counters in world.counters._scopes.items():
        for name, counter in counters.items():
            place = (scope, name)
            if name in COUNTED:
                used, now = counter.window.used(world.time.ms), world.time.ms
                truth = within(entries(world, clients, place), name, now, exact=False)
                assert used == truth, f"L4: {place} shows {used}, its records say {truth}"
                held = sum(holding(client, place) for client in alive)
            else:
                held = sum(counts_at(client, scope) for client in alive)
            assert counter.held == held, f"L4: {place} holds {counter.held}, what runs {held}"
    if not alive:
        assert world.counters.held() == 0, "L4: something is held and nothing runs"


def check_budgets(world: World, clients: Sequence[Client], excused: set[str]) -> None:
    """L3: no budget is over, of users whose limits and costs nobody has changed by hand."""
    for user in world.accounts.users():
        if user.user_id in excused:
            continue
        owners: list[tuple[tuple[str, ...], Limits]] = [(("user", user.user_id), user.limits)]
        owners += [(("key", key.counter_id), key.limits) for key in world.accounts.keys_of(user.user_id)]
        for owner, limits in owners:
            for scope, counts in [(owner, limits.counts), *(((*owner, m), c) for m, c in limits.models.items())]:
                for name, limit in counts.items():
                    if COUNTED[name].is_budget:
                        used = within(entries(world, clients, (scope, name)), name, world.time.ms, exact=True)
                        assert used <= limit, f"L3: {scope} {name}: {used} used of {limit}"


def check_ledger(world: World, clients: Iterable[Client], seen: list[Record]) -> None:
    """L1: what was delivered is there. L2: once. L8: what was there stays as it is, in its place. `seen` grows."""
    chain = list(world.tables.chain())
    assert chain[: len(seen)] == seen, "L8: a record was changed, taken out or moved"
    seen += chain[len(seen) :]
    assert len({record.request_id for record in chain}) == len(chain), "L2: a request has two records"
    assert not world.tables.intents.keys() & world.tables.records.keys(), "L2: settled, and under way still"
    for client in clients:
        told = client.delivered
        if told is not None:
            record = world.tables.records.get(client.request_id)
            assert record is not None, f"L1: {client.request_id} was delivered and is not in the ledger"
            assert record.status == "completed"
            usage = record.usage
            assert told.estimated or usage == told, f"L1: {usage} is not what was told: {told}"


def check_keys(clients: Iterable[Client]) -> None:
    """L2: of those with one key one at most was sent in 24 hours."""
    sent: dict[tuple[str, str], list[int]] = {}
    for client in clients:
        if client.begun and client.plan.key is not None:
            sent.setdefault((client.plan.user_id, client.plan.key), []).append(client.created_at)
    for place, moments in sent.items():
        moments.sort()
        between = [later - earlier for earlier, later in pairwise(moments)]
        assert min(between, default=KEPT_MS) >= KEPT_MS, f"L2: {place} was sent again after {min(between)} ms"


def check_claims(world: World) -> None:
    """L2, at rest: the keys that are claimed are those of records, and none is kept in memory."""
    claimed = {claim.request_id for claim in world.tables.claims.values()}
    assert claimed <= world.tables.records.keys(), "L2: a key is claimed by a request that left no record"
    assert repr(world.keys) == "IdempotencyKeys(0 running)"
    assert not world.keys._withdrawn


async def check_sums(world: World) -> None:
    """L5: by whatever it is summed, it is the same."""
    records = list(world.settled.values())
    cost = sum(record.cost_pico for record in records)
    tokens = sum(record.usage.total_tokens for record in records)
    requests = sum(record.endpoint != ADJUSTMENT for record in records)
    for groups in ((), *((group,) for group in GROUPS), GROUPS):
        rows = [totals for _, totals in await world.store.reports.summary(Filter(), groups)]
        sums = (
            sum(row.cost_pico for row in rows),
            sum(row.prompt_tokens + row.completion_tokens for row in rows),
            sum(row.requests for row in rows),
        )
        assert sums == (cost, tokens, requests), f"L5: by {groups}: {sums}, records: {(cost, tokens, requests)}"


def check_pool(world: World, clients: Sequence[Client]) -> None:
    """Slots are held by those who run, places by those who wait; and nobody waits for nothing."""
    line, now = world.selection.line, world.time.clock()
    routes = [client.route for client in clients if client.route is not None and not client.ended]
    held = [route.ticket.choice for route in routes if route.ticket.choice is not None]
    shown = line.statistics()
    for name, machine in world.machines.items():
        load, most = world.upstream(name).load, machine.config.most_running
        models = Counted(choice.model for choice in held if choice.upstream.config.id == name)
        assert load.running_by_model == models, f"{name}: {load}, but {models} hold its slots"
        assert load.running == models.total(), f"{name}: {load}, but {models} hold its slots"
        assert not most or load.running <= most, f"{name}: {load} with {most} slots"
        if name in shown:
            assert shown[name].running == models.total(), f"{name}: {shown[name]}, but {models} hold its slots"
            assert shown[name].waiting <= len(line), f"{name}: {shown[name]} of {line}"
    waiting = [route.ticket for route in routes if route.ticket.is_waiting]
    assert len(line) == sum(line.users().values()) == len(waiting), f"{line}, but {len(waiting)} wait"
    assert sum(not ticket.returns for ticket in waiting) <= line.bounds.size, "whose attempt failed may come back"
    for ticket in waiting:
        assert ticket.deadline >= now or ticket.entered_at == now, f"{ticket} waits longer than it may"
        for tier in ticket.choices:
            able = [choice for choice in tier if choice.upstream.health.can_serve(choice.model, now)]
            for choice in able:
                load = choice.upstream.load
                swaps = load.loaded is not None and choice.model not in load.loaded
                until = line._stations[choice.upstream.config.id].swap_until
                swaps |= now < until <= now + line.bounds.timeout and load.loads_another(choice.model)
                assert swaps or not load.room(choice.upstream.config, choice.model), f"{ticket} could go to {choice}"
            if able:
                break
    trials = world.selection._trials.keys() - {route.ticket for route in routes}
    assert not trials, f"trials that nobody makes: {trials}"
