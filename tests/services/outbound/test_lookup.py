"""Names that hang hold nothing but the threads of these look-ups."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter
from functools import partial

import pytest

from tests.services.images.rig import Detour
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.fetch import Fetcher
from tollkeeper.services.outbound.lookup import SystemLookup

AT_ONCE = 3


class SlowNames:
    """Names ending in "slow" hang until `go`; the rest is 93.184.216.34."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: Counter[str] = Counter()
        self.now = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self, host, port, *_, **__):
        with self._lock:
            self.asked[host] += 1
            self.now += 1
            self.most = max(self.most, self.now)
        if host.endswith("slow"):
            self.go.wait(60)
        with self._lock:
            self.now -= 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))] * 2


@pytest.fixture
def system():
    names = SlowNames()
    yield names
    names.go.set()


async def until_asked(system, host, times):
    while system.asked[host] < times:
        await asyncio.sleep(0.001)


async def test_addresses_are_told_once(system):
    assert await SystemLookup(getaddrinfo=system)("a.example", 80) == ["93.184.216.34"]


@pytest.mark.parametrize("host", ["no.such.name.invalid", "a" * 64 + ".example"])
async def test_what_the_system_raises_is_raised(host):
    with pytest.raises((OSError, UnicodeError)):
        await SystemLookup()(host, 80)


async def test_the_loops_own_threads_stay_free(monkeypatch, system):
    """More hang than the loop has threads; it still looks up an upstream, and works aside."""
    monkeypatch.setattr(socket, "getaddrinfo", system)  # of the loop
    monkeypatch.setattr("tollkeeper.services.images.fetch.SystemLookup", partial(SystemLookup, getaddrinfo=system))
    fetcher = Fetcher(network=Detour())
    hanging = [asyncio.create_task(fetcher.fetch("http://a.slow/")) for _ in range(100)]
    await until_asked(system, "a.slow", 1)
    for _ in range(10):
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        assert await asyncio.to_thread(lambda: True)
        assert await asyncio.get_running_loop().getaddrinfo("upstream.example", 80)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_the_fetch_ends_at_its_deadline(system):
    fetcher = Fetcher(network=Detour(), resolve=SystemLookup(getaddrinfo=system), timeout=0.05)
    with pytest.raises(InvalidImage, match=r"within 0\.05 seconds"):
        await fetcher.fetch("http://a.slow/")


async def test_what_nobody_waits_for_keeps_its_place_until_it_ends(system):
    look_up = SystemLookup(at_once=AT_ONCE, getaddrinfo=system)
    hanging = [asyncio.create_task(look_up("a.slow", 80)) for _ in range(2 * AT_ONCE)]
    await until_asked(system, "a.slow", AT_ONCE)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    waiting = asyncio.create_task(look_up("a.example", 80))
    for _ in range(10):
        await asyncio.sleep(0)
    assert system.asked == {"a.slow": AT_ONCE}
    system.go.set()
    async with asyncio.timeout(30):
        assert await waiting == ["93.184.216.34"]
        assert len(await asyncio.gather(*(look_up("a.example", 80) for _ in range(20)))) == 20
    assert system.most <= AT_ONCE


def test_a_process_ends_while_a_look_up_hangs():
    program = (
        "import asyncio, threading\n"
        "from tollkeeper.services.outbound.lookup import SystemLookup\n"
        "look_up = SystemLookup(getaddrinfo=lambda *_, **__: threading.Event().wait())\n"
        "async def main():\n"
        "    try:\n"
        "        async with asyncio.timeout(0.05):\n"
        "            await look_up('a.slow', 80)\n"
        "    except TimeoutError:\n"
        "        print('gave up')\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (ended.stdout, ended.stderr) == ("gave up\n", "")
