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
from tollkeeper.app.build import now_ms
from tollkeeper.app.ids import RequestIds
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.rules.limits import COUNTED, Limits
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.usage import Usage
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.ledger.observers import Observers
from tollkeeper.services.limits.admission import Admission
from tollkeeper.services.limits.backfill import Backfill
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.requests.dispatched import DispatchedRequests, Started
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.http.client import HttpClient
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.services.watching.metrics import Metrics
from tollkeeper.services.watching.totals import RunningTotals
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.commit import Committer
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.roll_up import roll_up
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.request import CHAT, read_request
from tollkeeper.wire.openai.response import read_whole

new_id = RequestIds()
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
(ADAPTER,) = OPENAI.adapters[CHAT.path]
PRICE = Price(1, "*", 100_000, 400_000, None, None, 0, 0)
DAYS, USERS, MODELS, GROUP = 90, 20, 5, 5_000
DAY_MS = 86_400_000


class Desk(NamedTuple):
    """What a request passes on its way, but for sockets."""

    admission: Admission
    requests: DispatchedRequests
    caller: Caller
    deployment: Deployment

    async def client(self, requests: int) -> None:
        """One request after the other."""
        ask, heard = read_request(BODY, CHAT), read_whole(ANSWER, "chatcmpl-1")
        for _ in range(requests):
            prefetched = await self.admission.prefetch(self.caller.owners, ask, ((self.deployment, ADAPTER),))
            at = now_ms()
            offers = (Offer(self.deployment, ADAPTER, PRICE),)
            with await self.admission.admit(self.caller.owners, ask, offers, prefetched, at) as grant:
                started = Started(new_id(at), at, time.monotonic())
                with self.requests.begin(started, self.caller, ask, grant, lambda _: None) as run:
                    run.attempt(self.deployment, PRICE)
                    run.journal()
                    run.sent = True
                    run.partial = heard
                    run.settle("completed")
                    await run.durable()


def caller_of(user: User, key: Key) -> Caller:
    return Caller(user, key, (owner_of(user), owner_of(key)))


async def one_round(folder: Path, names: tuple[str, ...], users: int = 1) -> float:
    """Microseconds of CPU, of all threads, for each request with these limits, of so many users in turn."""
    store = await open_store(folder / f"{len(names)}-{time.monotonic_ns()}.db", now=now_ms)
    registry = Registry(lambda config: HttpClient(config.base_url))
    upstream = registry.add(UpstreamConfig("default", OPENAI_COMPATIBLE, "http://127.0.0.1:9", open=True))
    try:
        counters = MemoryCounters()
        limits = Limits(counts=dict.fromkeys(names, WIDE))
        everyone = [User(f"user-{number}", "user", "active", None, 0, limits=limits) for number in range(users)]
        counting = Backfill(counters, store.ledger, store.reports, now_ms)
        for user in everyone:
            await counting.prepare(owner_of(user))
        facts = FactsCache(Catalog(registry, patience=1), patience=1)
        admission = Admission(counters, facts, default_max_tokens=4096)
        observers = Observers()
        observers.add(
            Metrics(__version__, lambda: None, lambda: len(requests.active), observers.failures),
            RunningTotals(store.ledger, store.reports, now_ms),
        )
        requests = DispatchedRequests(store.ledger, observers, now_ms, time.monotonic)
        deployment = Deployment("mock:latest", upstream, "mock:latest")
        desks = [
            Desk(
                admission,
                requests,
                caller_of(user, Key(f"key_{user.user_id}", user.user_id, None, "sk-", b"", 0)),
                deployment,
            )
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
        await registry.close()
        await store.close()


async def costs(folder: Path) -> None:
    for count, users in ((0, 1), (3, 1), (12, 1), (3, AT_ONCE)):
        rounds = sorted([await one_round(folder, ASKED[count], users) for _ in range(ROUNDS)])
        figures = f"{rounds[ROUNDS // 2]:6.1f} µs  ({rounds[0]:.1f} … {rounds[-1]:.1f})"
        whose = f"{count} limits" if users == 1 else f"{count} limits, {users} users"
        print(f"{f'CPU per request, {whose}':36}{figures}", flush=True)


def fill(path: Path, count: int, now: int) -> None:
    """Write records, spread evenly over the days before `now`."""
    first, committer = now - DAYS * DAY_MS, Committer(Identities())
    with closing(connect_writer(path, "process")) as connection:
        for start in range(0, count, GROUP):
            records = [
                a_record(number, first + number * DAYS * DAY_MS // count) for number in range(start, start + GROUP)
            ]
            connection.execute("BEGIN IMMEDIATE")
            committer.write(connection, (), records, ())
            connection.execute("COMMIT")
            roll_up(connection)


def a_record(number: int, at: int) -> Record:
    user, model = number % USERS, f"model-{number % MODELS}:latest"
    return Record(
        request_id=new_id(at),
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
        await Backfill(MemoryCounters(), store.ledger, store.reports, now_ms).start(map(owner_of, users))
        _say("start: opened, and all counters", time.monotonic() - began)
        since, until = month_bounds(month_bounds(now)[0] - 1)
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
