"""A connection that is kept up: what is late fails in time, and what was sent counts once, whatever the server does."""

import asyncio
import socket
import time

import pytest

from tests.store.ports.test_counters import NOW, USER, asked, stands
from tests.store.valkey.server import ClockedCounters, EmptyCounters, Server, nothing
from tollkeeper.rules.admission import Demand
from tollkeeper.store.valkey.address import Address, parse_address
from tollkeeper.store.valkey.counters import ValkeyCounters
from tollkeeper.store.valkey.errors import CountersUnavailable
from tollkeeper.store.valkey.link import epoch_in

LIMITS = {"requests_total": 1000, "tokens_total": 10**6, "max_concurrent_requests": 1000}


@pytest.fixture
def server():
    started = Server()
    yield started
    started.stop()


@pytest.fixture
async def counters(server):
    opened = await EmptyCounters.opened(server, patience=0.25)
    yield opened
    await opened.close()


async def until_it_answers(counters):
    for _ in range(200):
        try:
            return await stands(counters, **LIMITS)
        except CountersUnavailable:
            await asyncio.sleep(0.02)
    raise AssertionError("it never answers again")


async def test_calls_of_one_turn_of_the_loop_go_out_together(counters):
    await stands(counters, **LIMITS)
    written, write = [], counters._link._protocol.write

    def note(data):
        written.append(data)
        write(data)

    counters._link._protocol.write = note
    await asyncio.gather(*(counters.admit(asked(LIMITS), NOW) for _ in range(20)))
    assert len(written) == 1


async def test_a_server_that_does_not_answer_is_unavailable_in_time_and_what_it_took_is_given_back(server, counters):
    await counters.admit(asked(LIMITS, demand=Demand(5, 5, 10)), NOW)
    server.pause()
    began = time.monotonic()
    late = [asyncio.create_task(counters.admit(asked(LIMITS, demand=Demand(5, 5, 10)), NOW)) for _ in range(5)]
    results = await asyncio.gather(*late, return_exceptions=True)
    assert {type(result) for result in results} == {CountersUnavailable}
    assert time.monotonic() - began < 0.5
    await asyncio.sleep(0.3)
    began = time.monotonic()
    with pytest.raises(CountersUnavailable):
        await counters.admit(asked(LIMITS), NOW)
    assert time.monotonic() - began < 0.1, "it is known to be away"
    server.go_on()
    assert await until_it_answers(counters) == {
        "requests_total": (1, 0),
        "tokens_total": (0, 15),
        "max_concurrent_requests": (0, 1),
    }


async def test_whatever_becomes_of_connections_every_call_counts_once(server, counters):
    counters._link._patience = 5
    admitted = 0

    async def live():
        nonlocal admitted
        for _ in range(25):
            taken = await counters.admit(asked(LIMITS, demand=Demand(5, 5, 10)), NOW)
            await asyncio.sleep(0.001)
            if admitted % 3:
                counters.settle(taken, "tiny:latest", 7, 0, NOW)
            else:
                counters.settle(taken, "tiny:latest", 1, 0, NOW)
                counters.adjust(USER, 1, NOW)
            admitted += 1

    async def cut():
        for _ in range(15):
            await asyncio.sleep(0.01)
            await asyncio.to_thread(server.ask, "CLIENT", "KILL", "TYPE", "normal")

    await asyncio.gather(*(live() for _ in range(8)), cut())
    assert admitted == 200
    found = await stands(counters, **LIMITS)
    assert found["requests_total"] == (200, 0)
    assert found["tokens_total"] == (sum(7 if number % 3 else 1 for number in range(200)), 0)
    assert found["max_concurrent_requests"] == (0, 0)


async def test_a_server_that_comes_back_empty_is_another_one(server, counters):
    before = counters._link.epoch
    taken = await counters.admit(asked(LIMITS, demand=Demand(5, 5, 10)), NOW)
    await asyncio.to_thread(server.kill)
    counters.settle(taken, "tiny:latest", 7, 0, NOW)
    await asyncio.to_thread(server.start)
    found = await until_it_answers(counters)
    assert counters._link.epoch != before
    assert found["tokens_total"] == (0, 0), "what it had is the loader's to say"


async def test_functions_that_were_flushed_are_loaded_again(server, counters):
    await counters.admit(asked(LIMITS), NOW)
    server.ask("FUNCTION", "FLUSH")
    counters._link._patience = 2
    await counters.admit(asked(LIMITS), NOW)
    assert (await stands(counters, **LIMITS))["requests_total"] == (2, 0)


async def test_a_call_that_the_server_refuses_fails_alone(server, counters):
    server.ask("SET", "{u:alice}", "somebody else's")
    with pytest.raises(CountersUnavailable, match="WRONGTYPE"):
        await counters.admit(asked(LIMITS), NOW)
    server.ask("DEL", "{u:alice}")
    await counters.admit(asked(LIMITS), NOW)
    assert counters._link.faults > 0


async def test_a_server_without_memory_is_unavailable_and_is_not_pestered(server, counters):
    server.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(CountersUnavailable, match="OOM"):
        await counters.admit(asked(LIMITS), NOW)
    stats = dict(line.split(b":") for line in server.ask("INFO", "stats").splitlines() if b":" in line)
    assert int(stats[b"total_connections_received"]) < 10
    server.ask("CONFIG", "SET", "maxmemory", "0")
    assert (await until_it_answers(counters))["requests_total"] == (0, 0)


async def test_a_replica_is_not_asked(server, counters):
    server.ask("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(CountersUnavailable):
        await counters.admit(asked(LIMITS), NOW)
    server.ask("REPLICAOF", "NO", "ONE")
    await until_it_answers(counters)


async def test_a_server_on_the_network_with_a_password():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server("--port", str(port), "--bind", "127.0.0.1", "--requirepass", "secret")
    address = parse_address(f"valkey://:secret@127.0.0.1:{port}/1")
    counters = ClockedCounters(address, lambda scope: b"{u:alice}", nothing, patience=5)
    try:
        await counters.open()
        counters.settle(await counters.admit(asked(LIMITS), NOW), "tiny:latest", 7, 0, NOW)
        assert (await stands(counters, **LIMITS))["tokens_total"] == (7, 0)
    finally:
        await counters.close()
        server.stop()


async def test_no_server_is_unavailable():
    counters = ValkeyCounters(Address(path="/nowhere"), lambda scope: b"{u:a}", nothing, patience=0.05)
    with pytest.raises(CountersUnavailable, match="No such file"):
        await counters.open()
    await counters.close()


def test_the_epoch_is_of_the_run_and_of_the_replication():
    info = b"# Server\r\nrun_id:aaaa\r\n", b"role:master\r\nmaster_replid:bbbb\r\n"
    assert epoch_in(*info) == b"aaaabbbb"
    with pytest.raises(OSError, match="replica"):
        epoch_in(info[0], b"role:slave\r\nmaster_replid:bbbb\r\n")
