"""What limits and the ledger cost by themselves, without a socket.

    python -m bench.limits [--records 1000000]

First the CPU of admission, intent and settlement together: the real services over a real database, 64 requests at once,
of one user and of as many users: then each record has sums of its own, and its own place in the index by user.
Then a database with so many records: how long it takes to open it and to count all that was used, and to sum a month.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import uvloop

from tollkeeper import __version__
from tollkeeper.app import Mint, now_ms
from tollkeeper.rules.limits import COUNTED, Limits
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import month_of
from tollkeeper.rules.usage import Usage
from tollkeeper.services.admission import Admission
from tollkeeper.services.catalog import Catalog, Route
from tollkeeper.services.counting import Counting
from tollkeeper.services.directory import Caller
from tollkeeper.services.figures import Figures
from tollkeeper.services.metrics import Metrics
from tollkeeper.services.runs import Runs, Started
from tollkeeper.services.upstream.client import HttpClient
from tollkeeper.services.upstream.config import UpstreamConfig
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports import Filter, Key, Record, User
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.commit import Committer
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.wire.openai import CHAT, read_ask
from tollkeeper.wire.openai_answer import read_whole

mint = Mint()
AT_ONCE = 64
REQUESTS = 20_000
ROUNDS = 3
WIDE = 10**15
THREE = ("requests_per_minute", "tokens_per_day", "cost_usd_total")
ASKED = {0: (), 3: THREE, 12: (*THREE, *(name for name in COUNTED if name not in THREE))[:12]}
BODY = b'{"model":"mock","messages":[{"role":"user","content":"%s"}]}' % (b"word " * 50)
ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","model":"mock:latest","choices":[{"index":0,"message":{"role":'
    b'"assistant","content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":26,"completion_tokens":64,'
    b'"total_tokens":90}}'
)
PRICE = Price(1, "*", 100_000, 400_000, None, None, 0, 0)
DAYS, USERS, MODELS, GROUP = 90, 20, 5, 5_000
DAY_MS = 86_400_000


class Desk(NamedTuple):
    """What a request passes on its way, but for sockets."""

    admission: Admission
    runs: Runs
    caller: Caller
    route: Route

    async def client(self, requests: int) -> None:
        """One request after the other."""
        ask, heard = read_ask(BODY, CHAT), read_whole(ANSWER, "chatcmpl-1")
        for _ in range(requests):
            foreseen = await self.admission.foresee(self.caller, ask, self.route)
            at = now_ms()
            with await self.admission.admit(self.caller, ask, self.route, PRICE, foreseen, at) as grant:
                started = Started(mint(at), at, time.monotonic())
                with self.runs.begin(
                    started, self.caller, CHAT, ask, self.route, PRICE, grant, lambda _: None
                ) as run:  # fmt: skip
                    run.dispatched = True
                    run.heard = heard
                    run.settle("completed")
                    await run.durable()


async def one_round(folder: Path, names: tuple[str, ...], users: int = 1) -> float:
    """Microseconds of CPU, of all threads, for each request with these limits, of so many users in turn."""
    store = await open_store(folder / f"{len(names)}-{time.monotonic_ns()}.db", now=now_ms)
    upstream = UpstreamConfig("default", "openai-compatible", "http://127.0.0.1:9")
    client = HttpClient(upstream.base_url)
    try:
        counters = MemoryCounters()
        limits = Limits(counts=dict.fromkeys(names, WIDE))
        everyone = [User(f"user-{number}", "user", "active", None, 0, limits=limits) for number in range(users)]
        counting = Counting(counters, store.ledger, store.reports, now_ms)
        for user in everyone:
            await counting.prepare(user)
        catalog = Catalog([(upstream, client)], store.book, now_ms, patience=1)
        admission = Admission(counters, catalog, now_ms, default_max_tokens=4096)
        figures = Figures(store.ledger, store.reports, now_ms)
        runs = Runs(store.ledger, Metrics(__version__, lambda: None), figures, now_ms, time.monotonic)
        route = Route("mock:latest", upstream, client)
        desks = [
            Desk(admission, runs, Caller(user, Key(f"key_{user.user_id}", user.user_id, None, "sk-", b"", 0)), route)
            for user in everyone
        ]
        for desk in desks:
            await desk.client(100 // users + 1)
        gc.collect()
        gc.freeze()  # as the gateway does once it is up
        before = time.process_time()
        await asyncio.gather(*(desks[place % users].client(REQUESTS // AT_ONCE) for place in range(AT_ONCE)))
        return (time.process_time() - before) * 1e6 / (REQUESTS // AT_ONCE * AT_ONCE)
    finally:
        await client.close()
        await store.close()


async def costs(folder: Path) -> None:
    for count, users in ((0, 1), (3, 1), (12, 1), (3, AT_ONCE)):
        rounds = sorted([await one_round(folder, ASKED[count], users) for _ in range(ROUNDS)])
        figures = f"{rounds[ROUNDS // 2]:6.1f} µs  ({rounds[0]:.1f} … {rounds[-1]:.1f})"
        whose = f"{count} limits" if users == 1 else f"{count} limits, {users} users"
        print(f"{f'CPU per request, {whose}':36}{figures}", flush=True)


def fill(path: Path, count: int, now: int) -> None:
    """Write records, spread evenly over the days before `now`."""
    first, committer = now - DAYS * DAY_MS, Committer()
    with closing(connect_writer(path, "process")) as connection:
        for start in range(0, count, GROUP):
            records = [
                a_record(number, first + number * DAYS * DAY_MS // count) for number in range(start, start + GROUP)
            ]
            connection.execute("BEGIN IMMEDIATE")
            committer.write(connection, (), records, ())
            connection.execute("COMMIT")


def a_record(number: int, at: int) -> Record:
    user, model = number % USERS, f"model-{number % MODELS}:latest"
    return Record(
        request_id=mint(at),
        created_at=at,
        settled_at=at + 700,
        user_id=f"user-{user}",
        key_id=f"key_{user}",
        model=model,
        requested_model=model,
        endpoint=CHAT.path,
        upstream="default",
        stream=True,
        status="completed",
        usage=Usage(26, 0, 0, 64, 0),
        cost_pico=28_200_000,
        latency_ms=700,
    )


async def history(path: Path, count: int) -> None:
    """A start and a month's sums with so many records."""
    now = now_ms()
    await (await open_store(path, now=now_ms)).close()
    began = time.monotonic()
    await asyncio.to_thread(fill, path, count, now)
    _say(f"writing {count:,} records", time.monotonic() - began)
    began = time.monotonic()
    store = await open_store(path, now=now_ms)
    try:
        users = [
            User(f"user-{n}", "user", "active", None, 0, limits=Limits(counts=dict.fromkeys(COUNTED, WIDE)))
            for n in range(USERS)
        ]
        await Counting(MemoryCounters(), store.ledger, store.reports, now_ms).start(users)
        _say("start: opened, and all counters", time.monotonic() - began)
        since, until = month_of(month_of(now)[0] - 1)
        month = Filter(since=since, until=until)
        for _ in range(2):
            began = time.monotonic()
            await store.reports.summary(month, ["user", "model"])
            _say("a whole month by user and model", time.monotonic() - began)
        began = time.monotonic()
        await store.reports.summary(Filter(user_id="user-1", since=since, until=until), ["day"])
        _say("a user's whole month by day", time.monotonic() - began)
    finally:
        await store.close()


def _say(what: str, seconds: float) -> None:
    print(f"{what:36}{seconds * 1000:8,.0f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser("bench.limits", description="What limits and the ledger cost by themselves.")
    parser.add_argument("--records", type=int, default=1_000_000, help=f"a multiple of {GROUP:,}; 1,000,000 by default")
    asked = parser.parse_args()
    print(
        f"load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}; {ROUNDS} rounds of {REQUESTS:,}, medians"
    )
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        uvloop.run(costs(Path(name)))
        uvloop.run(history(Path(name) / "history.db", asked.records))
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
