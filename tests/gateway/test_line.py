"""The line before upstreams with slots, through the whole gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest
from msgspec.structs import replace

from tests.gateway.conftest import TEST, ask
from tests.gateway.pools import AS_ADMIN, Held, Pool, Start, code_of, pool, said
from tests.gateway.test_routing import Clock
from tests.scripted import Conn, Request, ScriptedUpstream, chat_chunks, sse
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked
from tollkeeper.rules.outcomes import Outcome


async def flood(one: Pool, count: int, user: str = "alice") -> list[asyncio.Task[object]]:
    """So many requests of one user, which are in line or at the upstream when this returns."""
    before = len(one.line) + sum(each.running for each in one.line.statistics().values())
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(one.say(f"{user} {number}", user)) for number in range(count)
    ]
    await until(lambda: len(one.line) + one.upstream("a").load.running == before + count)
    return tasks


async def test_one_users_flood_delays_another_by_one_service_time(start: Start) -> None:
    async with pool(start, {"slots": 2}) as one:
        held = Held()
        one["a"].always(held)
        tasks = await flood(one, 60)
        assert (one.upstream("a").load.running, len(one.line)) == (2, 58)
        bob = asyncio.create_task(one.say("bob", "bob"))
        await until(lambda: len(one.line) == 59)
        held.release(0)
        await until(lambda: len(held.asked) == 3)
        assert held.asked[2] == "bob", "the next slot is his"
        for number in range(1, 61):
            await until(lambda: len(held.asked) > number)  # noqa: B023 (it is awaited here)
            assert one.upstream("a").load.running <= 2
            held.release(number)
        assert said(await bob) == "bob"
        await asyncio.gather(*tasks)
        await one.nothing_is_left()


async def test_who_waits_how_long_and_where_is_seen_by_users_and_admins(start: Start) -> None:
    async with pool(start, {"slots": 1}, {"slots": 0, "listed": ["big"]}) as one:
        held, at = Held(), 1000.0
        one["a"].always(held)
        one["b"].always(held)
        one.line.clock = lambda: at
        feed = one.gateway.client.stream("GET", "/admin/live", headers=AS_ADMIN)
        async with feed as answer:
            lines = answer.aiter_lines()
            assert await state_of(lines, "now.queued", "upstreams.0.oldest_wait_s") == [0, None]
            tasks = await flood(one, 3)
            tasks.append(asyncio.create_task(one.say("bob", "bob")))
            await until(lambda: len(one.line) == 3)
            tasks.append(asyncio.create_task(one.say("bob at b", "bob", model="big")))
            await until(lambda: one.line.running("b") == 1)
            at += 2.5
            assert await queue_of(one, "alice") == {"waiting": 2, "running": 1, "position": 2, "estimate_s": 7.5}
            assert await queue_of(one, "bob") == {"waiting": 1, "running": 1, "position": 1, "estimate_s": 2.5}
            one.gateway.live.tick()
            assert await state_of(lines, "now", "point", "users", "upstreams", only=VISIBLE) == [
                {"in_flight": 2, "queued": 3},
                {"in_flight": 2, "queued": 3},
                [{"user_id": "alice", "in_flight": 1, "queued": 2}, {"user_id": "bob", "in_flight": 1, "queued": 1}],
                [
                    {"id": "a", "state": "up", "in_flight": 1, "slots": 1, "queued": 3, "oldest_wait_s": 2.5},
                    {"id": "b", "state": "up", "in_flight": 1, "slots": 0, "queued": 0, "oldest_wait_s": None},
                ],
            ]
        shown = (await one.gateway.client.get("/admin/upstreams", headers=AS_ADMIN)).json()["data"]
        assert [(each["health"]["in_flight"], each["health"]["queued"]) for each in shown] == [(1, 3), (1, 0)]
        metrics = (await one.gateway.client.get("/metrics", headers=AS_ADMIN)).text.splitlines()
        assert {
            "tollkeeper_in_flight 2.0",
            "tollkeeper_queued 3.0",
            'tollkeeper_upstream_queued{upstream="a"} 3.0',
            'tollkeeper_upstream_oldest_wait_seconds{upstream="a"} 2.5',
            'tollkeeper_upstream_breaker{state="closed",upstream="a"} 1.0',
        } <= set(metrics)
        for number in range(5):
            await until(lambda: len(held.asked) > number)  # noqa: B023
            held.release(number)
        await asyncio.gather(*tasks)
        assert await queue_of(one, "bob") == {"waiting": 0, "running": 0, "position": None, "estimate_s": None}
        shown = (await one.gateway.client.get("/admin/upstreams/a", headers=AS_ADMIN)).json()["health"]
        assert shown["latency_ms"] == round(one.upstream("a").health.latency * 1000, 1)  # type: ignore[operator]
        metrics = (await one.gateway.client.get("/metrics", headers=AS_ADMIN)).text.splitlines()
        assert {"tollkeeper_queue_wait_seconds_count 5.0", "tollkeeper_queue_wait_seconds_sum 7.5"} <= set(metrics)
        await one.nothing_is_left()


VISIBLE = ("id", "user_id", "state", "in_flight", "slots", "queued", "oldest_wait_s")


async def state_of(lines: AsyncIterator[str], *paths: str, only: Collection[str] = ()) -> list[Any]:
    """These parts of the next event of the live feed, with these fields only."""
    data = ""
    while not data.startswith("data: "):
        data = await anext(lines)
    found = []
    for path in paths:
        part = json.loads(data[6:])
        for name in path.split("."):
            part = part[int(name) if name.isdigit() else name]
        found.append(picked(part, only) if only else part)
    return found


def picked(part: Any, names: Collection[str]) -> Any:
    if isinstance(part, list):
        return [picked(each, names) for each in part]
    return {name: value for name, value in part.items() if name in names}


async def queue_of(one: Pool, user: str) -> Any:
    headers = {"authorization": f"Bearer {one.gateway.secrets[user]}"}
    return (await one.gateway.client.get("/me", headers=headers)).json()["queue"]


async def test_who_waits_for_one_that_is_taken_out_goes_elsewhere_or_is_told(start: Start) -> None:
    """Whatever was changed of it before, while they waited."""
    async with pool(start, {"slots": 1}, {"priority": 1, "listed": ["both"]}, models=["only", "both"]) as one:
        held, client = Held(), one.gateway.client
        one["a"].always(held)
        running = asyncio.create_task(one.say("runs", model="only"))
        await until(lambda: held.asked == ["runs"])
        elsewhere = asyncio.create_task(one.say("elsewhere", "bob", model="both"))
        nowhere = asyncio.create_task(one.say("nowhere", "bob", model="only"))
        await until(lambda: len(one.line) == 2)
        for change in ({"weight": 2}, {"weight": 3}):
            await client.patch("/admin/upstreams/a", json=change, headers=AS_ADMIN)
        assert len(one.line) == 2
        await client.patch("/admin/upstreams/a", json={"state": "draining"}, headers=AS_ADMIN)
        assert said(await elsewhere) == "b"
        told = await nowhere
        assert (told.status_code, code_of(told)) == (503, "upstream_unavailable")
        await one.gateway.upstreams.finish_drains()
        assert one.upstream("a").config.state == "draining", "one runs there still"
        held.release(0)
        await running
        await one.nothing_is_left()
        await one.gateway.upstreams.finish_drains()
        assert one.upstream("a").config.state == "disabled"


async def test_who_waits_for_one_that_is_removed_does_not_get_there(start: Start) -> None:
    async with pool(start, {"slots": 1}) as one:
        held = Held()
        one["a"].always(held)
        [running] = await flood(one, 1)
        waits = asyncio.create_task(one.say("waits", "bob"))
        await until(lambda: len(one.line) == 1)
        await one.gateway.client.delete("/admin/upstreams/a", headers=AS_ADMIN)
        told = await waits
        assert (told.status_code, code_of(told)) == (503, "upstream_unavailable")
        held.release(0)
        await running
        assert held.asked == ["alice 0"]
        await one.nothing_is_left()


async def test_the_line_is_bounded_for_all_and_for_each(start: Start) -> None:
    async with pool(start, {"slots": 1}, queue_size=3, queue_size_per_user=2) as one:
        held = Held()
        one["a"].always(held)
        tasks = await flood(one, 3)
        refused = await one.say("one too many")
        assert (refused.status_code, code_of(refused)) == (503, "server_overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert "Too many of your requests" in refused.text
        tasks.append(asyncio.create_task(one.say("bob", "bob")))
        await until(lambda: len(one.line) == 3)
        refused = await one.say("too many of all", "bob")
        assert (refused.status_code, code_of(refused)) == (503, "server_overloaded")
        for number in range(4):
            await until(lambda: len(held.asked) > number)  # noqa: B023
            held.release(number)
        await asyncio.gather(*tasks)
        assert {record.status for record in await one.gateway.records()} == {"completed"}, "none of the refused"
        await one.nothing_is_left()


async def test_a_wait_has_an_end(start: Start) -> None:
    async with pool(start, {"slots": 1}, queue_timeout=0.05) as one:
        held = Held()
        one["a"].always(held)
        tasks = await flood(one, 1)
        late = await one.say("late")
        assert (late.status_code, code_of(late)) == (503, "server_overloaded")
        assert "retry-after" in late.headers
        held.release(0)
        await asyncio.gather(*tasks)
        assert len(await one.gateway.records()) == 1
        await one.nothing_is_left()


async def test_who_leaves_or_may_no_longer_wait_gives_up_the_place_at_once(start: Start) -> None:
    async with pool(start, {"slots": 1}) as one:
        held = Held()
        one["a"].always(held)
        [running] = await flood(one, 1)
        leaves = asyncio.create_task(one.say("leaves"))
        await until(lambda: len(one.line) == 1)
        leaves.cancel()
        await until(lambda: not len(one.line))
        waits = asyncio.create_task(one.say("suspended", "bob"))
        await until(lambda: len(one.line) == 1)
        await one.gateway.client.patch("/admin/users/bob", json={"status": "suspended"}, headers=AS_ADMIN)
        assert (await waits).status_code == 403
        assert not len(one.line)
        held.release(0)
        await running
        assert held.asked == ["alice 0"]
        assert len(await one.gateway.records()) == 1, "who never left the line has no record"
        await one.nothing_is_left()


async def test_at_the_end_of_the_gateway_those_in_line_are_told_and_those_that_run_are_served(start: Start) -> None:
    async with pool(start, {"slots": 1}, shutdown_timeout=30) as one:
        held = Held()
        one["a"].always(held)
        [running] = await flood(one, 1)
        waits = asyncio.create_task(one.say("waits", "bob"))
        await until(lambda: len(one.line) == 1)
        one.gateway.server.stop()
        refused = await waits
        assert (refused.status_code, code_of(refused)) == (503, "server_stopping")
        held.release(0)
        await running


async def test_a_limit_is_told_before_the_line_and_counts_those_in_it(start: Start) -> None:
    async with pool(start, {"slots": 1}) as one:
        held = Held()
        one["a"].always(held)
        await one.gateway.context.accounts.set_limits("alice", TEST, {"max_concurrent_requests": 2})
        tasks = await flood(one, 2)
        refused = await one.say("third")
        assert (refused.status_code, code_of(refused)) == (429, "rate_limit_exceeded")
        for number in range(2):
            await until(lambda: len(held.asked) > number)  # noqa: B023
            held.release(number)
        await asyncio.gather(*tasks)
        queued = sorted(record.queued_ms for record in await one.gateway.records())
        assert queued[0] == 0
        await one.nothing_is_left()


async def test_who_leaves_a_stream_is_charged_what_it_used_in_the_line_too(start: Start) -> None:
    async with pool(start, {"slots": 1}) as one:
        events = sse(*chat_chunks(["word"] * 50))

        async def endless(conn: Conn, request: Request) -> None:
            await conn.send(STREAM_HEAD + b"".join(chunked(event, end=False) for event in events[:40]))
            await conn.hang()

        held = Held()
        one["a"].answer(held)
        one["a"].always(endless)
        bob = asyncio.create_task(one.say("bob", "bob"))
        await until(lambda: len(held.asked) == 1)

        async def leave_early() -> None:
            body = ask(stream=True)
            async with one.gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer:
                lines = answer.aiter_lines()
                for _ in range(40):
                    await anext(lines)

        leaves = asyncio.create_task(leave_early())
        await until(lambda: len(one.line) == 1)
        held.release_all()
        await asyncio.gather(bob, leaves)
        await until(lambda: not one.gateway.context.requests.active)
        (used,) = [record.usage for record in await one.gateway.records() if record.status == "cancelled"]
        assert used.completion_tokens > 10
        service = used.prompt_tokens + 2 * used.completion_tokens
        account = one.line._stations["a"].order.find("alice")
        assert (account.counter, account.expected) == (service, 0.0)
        assert one.line.means.of("alice", "tiny:latest").service == service
        await one.nothing_is_left()


async def test_who_waits_for_an_upstream_whose_address_changes_is_served_at_the_new_one(start: Start) -> None:
    """Both have one slot; what runs at the former address holds none of the new one's."""
    async with (
        pool(start, {"slots": 1}, models=("tiny:latest", "other:latest")) as one,
        ScriptedUpstream({"tiny:latest": (), "other:latest": ()}) as second,
    ):
        held, moved = Held(), Held()
        one["a"].always(held)
        second.always(moved)
        [running] = await flood(one, 1)
        waits = asyncio.create_task(one.say("waits"))
        await until(lambda: len(one.line) == 1)
        registry = one.gateway.context.registry
        registry.replace(replace(one.upstream("a").config, base_url=second.url))
        await until(lambda: moved.asked == ["waits"])
        await one.gateway.context.catalog.refresh()
        late = asyncio.create_task(one.say("late", "bob", model="other"))
        await until(lambda: len(one.line) == 1)
        held.release(0)
        moved.release(0)
        await until(lambda: moved.asked == ["waits", "late"])
        moved.release(1)
        assert [said(await task) for task in (waits, late)] == ["waits", "late"]
        await running
        await one.nothing_is_left()


async def test_who_waits_for_an_upstream_that_is_removed_goes_elsewhere_and_what_it_runs_goes_on(start: Start) -> None:
    async with pool(start, {"slots": 1}, {"slots": 1, "priority": 1}) as one:
        held = Held()
        one["a"].always(held)
        [running] = await flood(one, 1)
        waits = [asyncio.create_task(one.say(f"waits {number}")) for number in range(3)]
        await until(lambda: len(one.line) == 3)
        answer = await one.gateway.client.delete("/admin/upstreams/a", headers=AS_ADMIN)
        assert answer.status_code == 200
        assert [said(await each) for each in waits] == ["b"] * 3
        held.release(0)
        await running
        assert held.asked == ["alice 0"]
        await one.nothing_is_left()


async def test_who_waits_for_the_only_upstream_is_told_when_it_is_removed(start: Start) -> None:
    async with pool(start, {"slots": 1}) as one:
        held = Held()
        one["a"].always(held)
        [running] = await flood(one, 1)
        waits = asyncio.create_task(one.say("waits"))
        await until(lambda: len(one.line) == 1)
        await one.gateway.client.delete("/admin/upstreams/a", headers=AS_ADMIN)
        refused = await waits
        assert (refused.status_code, code_of(refused)) == (503, "upstream_unavailable")
        held.release(0)
        await running
        assert held.asked == ["alice 0"]
        await one.nothing_is_left()


async def test_only_a_stream_shows_how_long_a_model_took_to_load(start: Start) -> None:
    """A whole answer begins when all of it is there."""
    async with pool(start, {"slots": 1}) as one:
        load = one.upstream("a").load
        load.loaded = frozenset()
        await one.say()
        assert (load.loading, load.load_times) == (set(), {})
        load.loaded = frozenset()
        await one.say(stream=True)
        assert (load.loading, list(load.load_times)) == (set(), ["tiny:latest"])


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("outcome", [Outcome.BROKEN, Outcome.MODEL_FAILED])
@pytest.mark.parametrize("stream", [False, True])
async def test_who_waits_for_a_trial_is_served_when_it_has_served_or_its_client_left(
    start: Start, stream: bool, outcome: Outcome, leaves: bool
) -> None:
    """However long it took: what it says of the upstream is known before its slot is given to the next."""
    async with pool(start, {"slots": 1}) as one:
        clock = Clock(one)
        health, now = one.upstream("a").health, one.line.clock
        for _ in range(5):
            health.note_failure(outcome, "tiny:latest", now(), "it failed")
        clock.skip(2)
        held = Held()
        one["a"].answer(held)
        trial = asyncio.create_task(one.say("trial", stream=stream))
        await until(lambda: len(held.asked) == 1)
        waits = asyncio.create_task(one.say("waits", "bob"))
        await until(lambda: len(one.line) == 1)
        clock.skip(6)
        if leaves:
            trial.cancel()
        else:
            held.release(0)
        assert (await waits).status_code == 200
        await asyncio.gather(trial, return_exceptions=True)
        await one.nothing_is_left()
