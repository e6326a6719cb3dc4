from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.queue.machines import Machine, Option, is_empty, leap, line_of, only, serve, turns
from tollkeeper.rules.errors import AccountSuspended, ServerOverloaded, Stopping, UpstreamUnavailable
from tollkeeper.services.queue.line import Bounds, Line
from tollkeeper.services.queue.ticket import Ticket


def stopping() -> Stopping:
    return Stopping("The server is stopping.")


def step(coroutine: Any) -> Any:
    """Run a coroutine that must not suspend."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value


def test_a_free_slot_is_taken_without_a_loop():
    line, machine = line_of(clock=lambda: 0.0), Machine("a", slots=1)
    with line.enter("ann", 1, only(Option("m", machine))) as ticket:
        assert step(ticket.slot()) == Option("m", machine)
        assert machine.load.running_by_model == {"m": 1}
        assert (ticket.is_waiting, ticket.queued) == (False, 0.0)
        assert line.of_user("ann") == (0, 1, None, None)
        assert repr(ticket) == "Ticket('ann', at 'a')"
    assert is_empty(line, machine)


def test_an_upstream_without_a_bound_never_makes_anyone_wait():
    line, machine = line_of(clock=lambda: 0.0), Machine("a", slots=0)
    tickets = [line.enter("ann", 1, only(Option("m", machine))) for _ in range(50)]
    for ticket in tickets:
        step(ticket.slot())
    assert machine.load.running == 50
    for ticket in tickets:
        line.leave(ticket)
    assert is_empty(line, machine)


def test_users_take_turns_and_a_user_is_first_in_first_out():
    async def main() -> None:
        line, machine = line_of(), Machine("a")
        served: list[str] = []
        names = ["ann"] * 4 + ["bob"] * 2 + ["eve"]
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(serve(line, name, only(Option("m", machine)), served))
                await turns()
        assert served == [f"{name} at a" for name in ("ann", "bob", "eve", "ann", "bob", "ann", "ann")]
        assert is_empty(line, machine)

    leap(main())


def test_a_request_gets_the_first_slot_of_any_upstream():
    async def main() -> None:
        line, one, two = line_of(), Machine("one"), Machine("two")
        served: list[str] = []
        both = only(Option("m", one), Option("m", two))
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(line, "ann", both, served, 5.0))
            group.create_task(serve(line, "ann", both, served, 2.0))
            await turns()
            group.create_task(serve(line, "bob", both, served))
        assert served == ["ann at one", "ann at two", "bob at two"]
        assert is_empty(line, one, two)

    leap(main())


def test_a_class_is_used_only_while_no_earlier_one_can_serve():
    async def main() -> None:
        line, first, second = line_of(), Machine("first"), Machine("second")
        choices = [[Option("m", first)], [Option("m", second)]]
        served: list[str] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(serve(line, "ann", choices, served, 2.0))
            await asyncio.sleep(1)
            assert second.load.running == 0
            first.due = None
            line.changed("first")
            await asyncio.sleep(0.5)
            assert served == ["ann at first", "ann at second"]
            first.due = 0.0
            line.changed("first")
        assert served == ["ann at first", "ann at second", "ann at first"]
        assert is_empty(line, first, second)

    leap(main())


def test_a_resting_upstream_is_waited_for_until_it_is_due():
    async def main() -> None:
        line, machine = line_of(), Machine("a")
        machine.due = 7.0
        with line.enter("ann", 1, only(Option("m", machine))) as ticket:
            await ticket.slot()
            assert asyncio.get_running_loop().time() == pytest.approx(7.0, abs=0.01)
            assert ticket.queued == pytest.approx(7.0, abs=0.01)
        assert is_empty(line, machine)

    leap(main())


@pytest.mark.parametrize(("due", "retry_after"), [(61.0, 61.0), (None, None)])
def test_nobody_waits_for_an_upstream_that_is_not_due_in_time(due: float | None, retry_after: float | None):
    async def main() -> None:
        line, machine = line_of(), Machine("a")
        machine.due = due
        with pytest.raises(UpstreamUnavailable) as refused, line.enter("ann", 1, only(Option("m", machine))) as ticket:
            await ticket.slot()
        assert (refused.value.status, refused.value.retry_after) == (503, retry_after)
        assert asyncio.get_running_loop().time() == 0.0
        assert is_empty(line, machine)

    leap(main())


def test_those_who_wait_are_turned_away_when_their_upstream_is_gone_for_good():
    async def main() -> None:
        line, machine = line_of(), Machine("a")
        option = only(Option("m", machine))
        with line.enter("ann", 1, option) as holding:
            await holding.slot()
            waiting = asyncio.ensure_future(serve(line, "bob", option, []))
            await turns()
            machine.due = None
            line.changed("a")
            with pytest.raises(UpstreamUnavailable):
                await waiting
        assert is_empty(line, machine)

    leap(main())


def test_a_failed_attempt_returns_to_the_head_of_its_users_line_and_is_charged_once():
    async def main() -> None:
        line, one, two = line_of(), Machine("one"), Machine("two")
        both = only(Option("m", one), Option("m", two))
        served: list[str] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(line, "bob", only(Option("m", two)), served, 3.0))
            await turns()
            with line.enter("ann", 1, both) as ticket:
                choice = await ticket.slot()
                assert choice.upstream is one
                group.create_task(serve(line, "ann", only(Option("m", two)), served))
                await turns()
                ticket.failed(excluding=[choice])
                assert (one.load.running, ticket.account) == (0, None)
                assert (await ticket.slot()).upstream is two
                served.append("ann, again")
                assert ticket.station is not None
                assert ticket.station.order.account("ann").counter == ticket.charged  # bob's one still runs
        assert served == ["bob at two", "ann, again", "ann at two"]
        assert is_empty(line, one, two)

    leap(main())


def test_the_line_is_bounded_in_all_and_by_user():
    async def main() -> None:
        line, machine = line_of(Bounds(size=3, size_per_user=2)), Machine("a")
        option = only(Option("m", machine))
        async with asyncio.TaskGroup() as group:
            for name in ("ann", "ann", "ann", "bob"):
                group.create_task(serve(line, name, option, [], 10.0))
                await turns()
                if name == "ann" and len(line) == 2:
                    with pytest.raises(ServerOverloaded) as refused:
                        await serve(line, "ann", option, [])
            assert refused.value.status == 503
            assert refused.value.retry_after is not None
            for name in ("ann", "eve"):
                with pytest.raises(ServerOverloaded):
                    await serve(line, name, option, [])
            assert line.users() == {"ann": 2, "bob": 1}
        assert is_empty(line, machine)

    leap(main())


def test_the_suspended_are_dropped_and_at_the_end_everyone_is():
    async def main() -> None:
        line, machine = line_of(), Machine("a")
        option = only(Option("m", machine))
        with line.enter("ann", 1, option) as holding:
            await holding.slot()
            tasks = [asyncio.ensure_future(serve(line, name, option, [])) for name in ("bob", "eve", "bob")]
            await turns()
            assert line.drop(lambda ticket: ticket.user == "bob", lambda: AccountSuspended("suspended")) == 2
            with pytest.raises(AccountSuspended):
                await tasks[0]
            assert line.users() == {"eve": 1}
            line.close(stopping)
            with pytest.raises(Stopping):
                await tasks[1]
            with pytest.raises(Stopping):
                await serve(line, "ann", option, [])
            with pytest.raises(AccountSuspended):
                await tasks[2]
            assert machine.load.running == 1
        served: list[str] = []
        await serve(line, "joe", option, served)
        assert served == ["joe at a"], "who need not wait is served"
        assert is_empty(line, machine)

    leap(main())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.booleans())
def test_nothing_leaks_whenever_a_request_is_cancelled(seed: int, machines: int, fails: bool):
    """Slots are never exceeded, everything is freed, and no slot is left free while someone waits for it."""
    rng = random.Random(seed)

    async def request(line: Line[Option], user: str, choices: Any) -> None:
        with line.enter(user, rng.choice([1, 2]), choices) as ticket:
            choice = await ticket.slot()
            check()
            await asyncio.sleep(rng.choice([0, 0.5, 1]))
            if fails and rng.random() < 0.3:
                ticket.failed(excluding=[choice] if rng.random() < 0.5 else [])
                if any(ticket.choices):
                    choice = await ticket.slot()
                    check()
                    await asyncio.sleep(rng.random())
            ticket.settled(rng.randrange(1, 5000))

    async def main() -> None:
        line = line_of(Bounds(timeout=20.0))
        tasks = []
        for _ in range(60):
            chosen = [Option(rng.choice("mn"), each) for each in rng.sample(pool, rng.randint(1, machines))]
            cut = rng.randint(0, len(chosen))
            tasks.append(asyncio.ensure_future(request(line, rng.choice("abcd"), [chosen[:cut], chosen[cut:]])))
            if rng.random() < 0.4:
                await asyncio.sleep(rng.choice([0, 0, 0.2]))
            if rng.random() < 0.4:
                rng.choice(tasks).cancel()
            if rng.random() < 0.1:
                machine = rng.choice(pool)
                machine.due = asyncio.get_running_loop().time() + rng.choice([-1, 0.5, 2])
                line.changed(machine.config.id)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        unexpected = (BaseException,)
        assert [e for e in ended if isinstance(e, unexpected) and not isinstance(e, ALLOWED)] == []
        assert is_empty(line, *pool)

    def check() -> None:
        for each in pool:
            assert each.load.running <= each.config.most_running
            assert all(n <= each.config.model_slots for n in each.load.running_by_model.values())

    pool = [Machine(name, slots=rng.randint(1, 3), model_slots=rng.randint(1, 2)) for name in "xyz"[:machines]]
    leap(main())


ALLOWED = (asyncio.CancelledError, ServerOverloaded, UpstreamUnavailable)


def test_a_ticket_is_printable():
    ticket: Ticket[Option] = line_of(clock=lambda: 0.0).enter("ann", 1, ())
    assert repr(ticket) == "Ticket('ann', not waiting)"


def test_the_wait_of_a_request_that_would_come_now():
    async def main() -> None:
        line, machine, resting = line_of(), Machine("a"), Machine("b")
        option = Option("m", machine)
        resting.due = 9.0
        assert (line.wait("ann", 1, option), line.wait("ann", 1, Option("m", resting))) == (0.0, 9.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(line, "ann", only(option), [], 4.0))
            group.create_task(serve(line, "bob", only(option), [], 4.0))
            await asyncio.sleep(1)
            assert line.wait("ann", 1, option) == pytest.approx(9.0)  # of a model that is not known yet
        assert is_empty(line, machine)

    leap(main())


def test_those_who_hold_slots_are_charged_when_somebody_begins_to_wait():
    async def main() -> None:
        line, machine = line_of(), Machine("a", slots=2)
        option = only(Option("m", machine))
        served: list[str] = []
        with line.enter("ann", 1, option) as one, line.enter("ann", 1, option) as two:
            await one.slot()
            await two.slot()
            assert (one.account, two.account) == (None, None)
            tasks = [asyncio.ensure_future(serve(line, name, option, served)) for name in ("ann", "bob")]
            await turns()
            account = one.account
            assert account is not None
            assert account.counter == one.charged + two.charged == 2000.0
            one.settled(3000.0)
            assert account.counter == 4000.0
        await asyncio.gather(*tasks)
        assert served == ["bob at a", "ann at a"]
        assert is_empty(line, machine)

    leap(main())


def test_the_charge_of_a_request_of_whose_use_nothing_is_known_stands():
    """Otherwise a user whose requests fail would always be next. And nothing is learned from it."""

    async def main() -> None:
        line, machine = line_of(), Machine("a")
        option = only(Option("m", machine))
        served: list[str] = []
        with line.enter("ann", 1, option) as ticket:
            await ticket.slot()
            waits = asyncio.ensure_future(serve(line, "bob", option, served))
            await turns()
            account = ticket.account
            assert account is not None
            ticket.settled(0.0)
        assert (account.counter, account.expected) == (1000.0, 0.0)
        assert line.means.of("ann", "m").count == 0
        await waits
        assert is_empty(line, machine)

    leap(main())


async def test_a_model_that_rests_sends_its_waiters_elsewhere_though_another_takes_the_free_slot():
    """The slot that the resting one gives back goes to a request of another model at once."""
    line, first, second = line_of(), Machine("a", slots=1), Machine("b", slots=1)
    resting: set[str] = set()
    line._can_serve = lambda option, now: option.model not in resting or option.upstream is second
    line._due_at = lambda option, now: now + 30
    holder = line.enter("ann", 1, only(Option("m", first)))
    await holder.slot()
    other = line.enter("ann", 1, only(Option("n", first)))
    moves = line.enter("ann", 1, [[Option("m", first)], [Option("m", second)]])
    waiting = [asyncio.create_task(ticket.slot()) for ticket in (other, moves)]
    await turns()
    assert len(line) == 2
    resting.add("m")
    holder.leave()
    await turns()
    assert (other.choice, moves.choice) == (Option("n", first), Option("m", second))
    for ticket in (other, moves):
        ticket.leave()
    await asyncio.gather(*waiting)
    assert is_empty(line, first, second)


async def test_a_model_that_rests_a_second_time_sends_its_waiters_elsewhere_again():
    line, first, second = line_of(), Machine("a", slots=1), Machine("b", slots=1)
    choices = [[Option("m", first)], [Option("m", second)]]
    first.due = 1e12
    early = line.enter("ann", 1, only(Option("m", first)))
    line.bounds = Bounds(timeout=2e12)
    sleeping = asyncio.create_task(early.slot())
    await turns()  # it is seen to rest
    early.leave()
    sleeping.cancel()
    first.due = 0.0
    holder, busy = line.enter("ann", 1, only(Option("m", first))), line.enter("ann", 1, only(Option("m", second)))
    await holder.slot()
    await busy.slot()
    moves = line.enter("ann", 1, choices)
    waiting = asyncio.create_task(moves.slot())
    await turns()
    busy.leave()
    assert moves.is_waiting  # for the first, which can serve
    first.due = 1e12
    holder.leave()
    await turns()
    assert moves.choice == Option("m", second)
    moves.leave()
    await waiting
    assert is_empty(line, first, second)


async def test_who_waits_behind_a_trial_goes_elsewhere_meanwhile():
    first, second = Machine("a"), Machine("b")

    def taken(ticket: Ticket[Option], option: Option, now: float) -> None:
        if ticket.user == "bob":
            option.upstream.due = now + 5  # nobody else until there is an outcome

    line = line_of(taken=taken)
    holder = line.enter("ann", 1, only(Option("m", first)))
    await holder.slot()
    tries = line.enter("bob", 1, only(Option("m", first)))
    trying = asyncio.create_task(tries.slot())
    await turns()
    moves = line.enter("carol", 1, [[Option("m", first)], [Option("m", second)]])
    moving = asyncio.create_task(moves.slot())
    await turns()
    holder.leave()
    await turns()
    assert await trying == Option("m", first)
    assert moves.choice == Option("m", second)
    await moving
    for ticket in (tries, moves):
        ticket.leave()
    assert is_empty(line, first, second)


async def test_a_request_that_waits_for_two_models_of_an_upstream_is_one_request():
    line, machine = line_of(), Machine("a", slots=1)
    holder = line.enter("ann", 1, only(Option("m", machine)))
    await holder.slot()
    ticket = line.enter("ann", 1, only(Option("m", machine), Option("n", machine)))
    waiting = asyncio.create_task(ticket.slot())
    await turns()
    assert line.statistics()["a"][:2] == (1, 1)
    ticket.leave()
    holder.leave()
    waiting.cancel()
    await turns()
    assert is_empty(line, machine)


async def test_a_slot_goes_back_to_where_it_was_taken_though_the_upstream_was_replaced_meanwhile():
    """One that is saved at another address, or removed and added again, runs nothing yet."""
    line, old, new = line_of(), Machine("a", slots=1), Machine("a", slots=1)
    holder = line.enter("bob", 1, only(Option("m", old)))
    await holder.slot()
    early = line.enter("ann", 1, only(Option("m", old)))
    late = line.enter("bob", 1, only(Option("n", new)))
    waiting = [asyncio.create_task(early.slot())]
    await turns()
    waiting.append(asyncio.create_task(late.slot()))
    await turns()
    assert (early.choice, late.choice) == (Option("m", old), None), "the new one has a free slot"
    assert (old.load.running_by_model, new.load.running_by_model) == ({"m": 1}, {"m": 1})
    early.leave()
    await turns()
    assert (late.choice, new.load.running_by_model) == (Option("n", new), {"n": 1})
    for ticket in (late, holder):
        ticket.leave()
    await asyncio.gather(*waiting)
    assert is_empty(line, old, new)


async def test_while_the_last_slot_is_on_trial_the_others_go_elsewhere():
    """An upstream that is due again is tried by one request; the next class need not wait for its outcome."""
    line, first, second = line_of(), Machine("a", slots=1), Machine("b", slots=1)

    def begin_trial(ticket: Ticket[Option], option: Option, now: float) -> None:
        if trials:
            option.upstream.due = now + trials.pop()

    trials: list[float] = []
    line._taken = begin_trial
    holder = line.enter("ann", 1, only(Option("m", first)))
    await holder.slot()
    choices = [[Option("m", first)], [Option("m", second)]]
    tried, moves = [line.enter("ann", 1, choices) for _ in range(2)]
    tasks = [asyncio.create_task(each.slot()) for each in (tried, moves)]
    await turns()
    trials.append(5.0)
    holder.leave()
    await turns()
    assert (tried.choice, moves.choice) == (Option("m", first), Option("m", second))
    for each in (tried, moves):
        each.leave()
    await asyncio.gather(*tasks)
    assert is_empty(line, first, second)


async def test_who_joins_an_upstream_that_is_due_goes_elsewhere_while_another_tries_it():
    """It was seen to be down before, and is again: that is news to those who joined in between."""
    line, first, second = line_of(clock=lambda: now), Machine("a", slots=2), Machine("b", slots=1)
    now, due = 0.0, 10.0
    first.due = due

    def begin_trial(ticket: Ticket[Option], option: Option, at: float) -> None:
        option.upstream.due = at + 5.0

    line._taken = begin_trial
    tried = line.enter("ann", 1, only(Option("m", first)))
    tasks = [asyncio.create_task(tried.slot())]
    await turns()
    assert line._stations["a"].blocked == {"m"}
    now = due
    moves = line.enter("ann", 1, [[Option("m", first)], [Option("m", second)]])
    tasks.append(asyncio.create_task(moves.slot()))
    await turns()
    assert (tried.choice, moves.choice) == (Option("m", first), Option("m", second))
    for each in (tried, moves):
        each.leave()
    await asyncio.gather(*tasks)
    assert is_empty(line, first, second)
