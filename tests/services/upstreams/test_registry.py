"""Upstreams that come and go while requests run."""

from __future__ import annotations

import asyncio
import gc

import pytest

from tests.scripted import Conn, Request, ScriptedUpstream, json_response
from tests.services.in_memory import registry_of
from tests.services.upstreams.http.helpers import until
from tollkeeper.rules.errors import Conflict, NotFound
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.registry import Upstream

HERE = UpstreamConfig("a", OLLAMA, "http://127.0.0.1:1")


def client_of(upstream: Upstream) -> HttpClient:
    assert isinstance(upstream.client, HttpClient)
    return upstream.client


async def test_an_id_is_given_once_and_only_what_is_there_can_change() -> None:
    registry = registry_of(HERE)
    with pytest.raises(Conflict, match="'a'"):
        registry.add(HERE)
    for change in (lambda: registry.remove("b"), lambda: registry.replace(UpstreamConfig("b", OLLAMA, "http://b"))):
        with pytest.raises(NotFound, match="'b'"):
            change()
    assert [upstream.config for upstream in registry] == [HERE]


async def test_a_replaced_one_keeps_its_place_and_is_another() -> None:
    registry = registry_of(HERE, UpstreamConfig("b", OLLAMA, "http://127.0.0.1:2"))
    old = next(iter(registry))
    new = registry.replace(UpstreamConfig("a", OLLAMA, "http://127.0.0.1:3"))
    assert [upstream.config.base_url[-1] for upstream in registry] == ["3", "2"]
    assert (old in registry, new in registry) == (False, True)
    with pytest.raises(ValueError, match="address"):
        registry.replace(UpstreamConfig("a", OLLAMA, "not an address"))
    assert new in registry  # as it was


async def test_everyone_who_listens_hears_of_every_change() -> None:
    registry = registry_of()
    heard: list[int] = []
    registry.on_change.append(lambda: heard.append(len(list(registry))))
    registry.add(HERE)
    registry.replace(HERE)
    registry.remove("a")
    assert heard == [1, 1, 0]


async def test_what_was_removed_ends_its_requests_and_keeps_no_connection() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(conn: Conn, _: Request) -> None:
        asked.set()
        await go.wait()
        await conn.send(json_response({"ok": True}))

    async def send(client: HttpClient) -> bytes | bytearray:
        return await (await (await client.acquire()).send(b"POST", b"/v1/x", ())).read_all(100)

    async with ScriptedUpstream() as up:
        up.always(json_response({"ok": True}))
        registry = registry_of(UpstreamConfig("a", OLLAMA, up.url))
        client = client_of(next(iter(registry)))
        await asyncio.gather(send(client), send(client))
        assert client.statistics().idle == 2
        up.always(slow)
        running = asyncio.create_task(send(client))
        await asked.wait()
        registry.remove("a")
        late = asyncio.create_task(send(client))  # it had found its upstream just before
        go.set()
        assert [await running, await late] == [b'{"ok":true}'] * 2
        await until(lambda: not client.statistics().open)
        assert (client.statistics().idle, client.statistics().in_use) == (0, 0)
        await registry.close()


async def test_the_end_closes_what_was_removed_too() -> None:
    async with ScriptedUpstream() as up:
        registry = registry_of(UpstreamConfig("a", OLLAMA, up.url))
        client = client_of(next(iter(registry)))
        lease = await client.acquire()
        registry.remove("a")
        await registry.close()
        assert client.statistics().open == 0
        lease.release()


async def test_what_nobody_holds_any_more_is_gone() -> None:
    registry = registry_of(HERE)
    registry.remove("a")
    gc.collect()
    assert len(registry._retired) == 0


async def test_what_runs_at_an_address_counts_after_a_change_and_the_health_begins_anew() -> None:
    registry = registry_of(HERE)
    old = next(iter(registry))
    before = old.health
    seen = []
    registry.on_change.append(lambda: seen.append((old.health, old.config.slots)))
    old.load.take("m")
    same = registry.replace(UpstreamConfig("a", OLLAMA, HERE.base_url, slots=2))
    assert same.load is old.load
    assert same.health is not before
    assert seen == [(same.health, 2)], "who waits for the old one finds the new one when told of the change"
    assert registry.replace(UpstreamConfig("a", OLLAMA, "http://127.0.0.1:3")).load.running == 0


async def test_who_waits_for_a_former_one_sees_every_later_change_and_the_end() -> None:
    registry = registry_of(HERE)
    former = [next(iter(registry))]
    for slots in (2, 3):
        former.append(registry.replace(UpstreamConfig("a", OLLAMA, HERE.base_url, slots=slots)))
    assert [each.config.slots for each in former] == [3, 3, 3]
    assert {each.health for each in former} == {former[-1].health}
    registry.remove("a")
    assert [each.config.state for each in former] == ["disabled"] * 3


async def test_who_hears_of_a_change_sees_that_requests_for_the_old_one_may_go_on() -> None:
    registry = registry_of(HERE)
    old = next(iter(registry))
    old.health.rest(Outcome.UNAVAILABLE, "m", 0.0, 30.0)
    heard = []
    registry.on_change.append(lambda: heard.append(old.health.can_serve("m", 1.0)))
    registry.replace(HERE)
    assert heard == [True]


async def test_who_waits_through_two_changes_finds_the_newest() -> None:
    registry = registry_of(HERE, UpstreamConfig("b", OLLAMA, "http://127.0.0.1:2"))
    oldest, other = registry
    registry.replace(UpstreamConfig("a", OLLAMA, HERE.base_url, slots=1))
    newest = registry.replace(UpstreamConfig("a", OLLAMA, HERE.base_url, slots=2))
    assert (oldest.config, oldest.client, oldest.health) == (newest.config, newest.client, newest.health)
    assert other.config.id == "b"
    registry.replace(UpstreamConfig("b", OLLAMA, "http://127.0.0.1:3"))
    assert oldest.config.slots == 2
    assert oldest.load is newest.load


async def test_who_waits_for_one_that_is_removed_sees_that_it_serves_no_more_whatever_takes_its_id() -> None:
    registry = registry_of(HERE, UpstreamConfig("b", OLLAMA, "http://127.0.0.1:2"))
    oldest, other = registry
    removed = registry.replace(HERE)
    registry.remove("a")
    registry.add(HERE)
    registry.replace(HERE)
    assert [each.config.state for each in (oldest, removed, other)] == ["disabled", "disabled", "active"]
