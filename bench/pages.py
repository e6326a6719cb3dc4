"""How long the lists of the pages take, with many users and records.

    python -m bench.pages [--users 10000] [--records 1000000] [--keep FOLDER]

The whole gateway runs in this process, on a port of its own, over a database written beforehand: records are spread
evenly over the days before now, over all users (with one key each), 5 models and the statuses (1 in 50 failed, 1 in 50
cancelled). Each path is asked once, then a few times more: the first answer, the median of the others and the slowest;
and the CPU that an answer takes at the median, of all threads, the client's work among it, which other programs on the
machine change less.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx2 as httpx
import uvloop

from bench.database import GROUP, asked_database, write_records
from bench.timings import HEAD, Timing, say
from tollkeeper.app.build import now_ms, open_gateway
from tollkeeper.app.ids import RequestIds
from tollkeeper.config import load_settings
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.times import format_time
from tollkeeper.rules.usage import Usage
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.records import Record, RecordStatus
from tollkeeper.store.sqlite import open_store
from tollkeeper.wire.openai.request import CHAT

new_id = RequestIds()
DAYS, MODELS, ROUNDS = 30, 5, 11
DAY_MS = 86_400_000
ADMIN = "bench-admin-key"
BENCH = Actor("bench")
SORTS = ("user_id", "requests", "tokens", "cost", "last_seen", "created")
STATUSES: dict[int, RecordStatus] = {7: "failed", 29: "cancelled"}


async def prepare(path: Path, users: int, records: int) -> None:
    """Write users, keys and records."""
    store = await open_store(path, now=now_ms)
    now = now_ms()
    limits = Limits(counts={"tokens_per_day": 10**6, "cost_usd_per_month": 10**14})
    for start in range(0, users, GROUP):
        some = range(start, min(start + GROUP, users))
        await store.accounts.save(
            users=[User(f"user-{n:05}", "user", "active", f"User {n}", now - n * 1000, limits=limits) for n in some],
            keys=[
                Key(
                    f"key_{n}",
                    f"user-{n:05}",
                    None,
                    "sk-bench",
                    b"%032d" % n,
                    now,
                    last_used_at=now - n * 7919 % DAY_MS,
                )
                for n in some
            ],
            audit=BENCH.entry(now, "bench", "*", {}),
        )
    await store.close()
    await asyncio.to_thread(write_records, path, records, partial(_record, users=users, count=records, now=now))


def _record(number: int, *, users: int, count: int, now: int) -> Record:
    at = now - DAYS * DAY_MS + number * DAYS * DAY_MS // count
    user, model = number * 7919 % users, f"model-{number % MODELS}:latest"
    return Record(
        request_id=new_id(at),
        created_at=at,
        settled_at=at + 700,
        user_id=f"user-{user:05}",
        key_id=f"key_{user}",
        model=model,
        requested_model=model,
        endpoint=CHAT.path,
        upstream="default",
        stream=True,
        status=STATUSES.get(number % 50, "completed"),
        usage=Usage(26, 0, 0, 64 + user % 100, 0),
        cost_pico=28_200_000 + user,
        latency_ms=700,
    )


def paths(now: int) -> Iterator[tuple[str, str]]:
    """What is asked, by what it is called."""
    for sort in SORTS:
        for order in ("asc", "desc"):
            yield f"users by {sort}, {order}", f"/admin/users?sort={sort}&order={order}"
    yield "users, 1,000 a page", "/admin/users?sort=cost&order=desc&limit=1000"
    yield "users, searched", "/admin/users?q=0123&sort=cost&order=desc"
    yield "one user", "/admin/users/user-00007"
    yield "calls, no filter", "/admin/usage"
    yield "calls of a user", "/admin/usage?user_id=user-00007"
    yield "calls with a key", "/admin/usage?key_id=key_7"
    yield "calls of a model", "/admin/usage?model=model-3:latest"
    yield "calls of a model there is not", "/admin/usage?model=nothing:latest"
    yield "calls that failed", "/admin/usage?status=failed"
    yield "calls that were lost (none)", "/admin/usage?status=lost"
    yield "calls of 24 hours", f"/admin/usage?from={format_time(now - DAY_MS)}"
    yield "calls of 7 days", f"/admin/usage?from={format_time(now - 7 * DAY_MS)}"
    yield "calls up to 7 days ago", f"/admin/usage?to={format_time(now - 7 * DAY_MS)}"
    yield "calls, a user and a model", "/admin/usage?user_id=user-00007&model=model-3:latest"
    for figure in ("cost_usd", "latency_ms"):
        yield f"calls by {figure}, largest first", f"/admin/usage?order_by=-{figure}"
    yield "calls of a model by cost", "/admin/usage?model=model-3:latest&order_by=-cost_usd"
    yield "calls of 7 days by cost", f"/admin/usage?from={format_time(now - 7 * DAY_MS)}&order_by=-cost_usd"
    yield "calls by the beginning of an id", f"/admin/usage?request_id={new_id(now - 7 * DAY_MS)[:12]}"
    for text in ("user-0123", "sk-bench", new_id(now - 7 * DAY_MS)[:12], "TK-2026-000001"):
        yield f"search for {text}", f"/admin/search?q={text}"
    yield "this month by model and day", "/admin/usage/summary?group_by=model,day"
    yield "this month by user", "/admin/usage/summary?group_by=user"


async def measure(path: Path) -> None:
    settings = load_settings(ollama_base_url="http://127.0.0.1:9", admin_api_key=ADMIN, database_path=path)
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    began = time.perf_counter()
    async with open_gateway(settings, [UpstreamConfig("default", OLLAMA, settings.ollama_base_url)]) as gateway:
        server = gateway.server
        say("start", [Timing(time.perf_counter() - began, time.process_time())])
        ready = asyncio.Event()
        server.on_open = ready.set
        serving = asyncio.create_task(server.serve([listening]))
        await ready.wait()
        headers = {"authorization": f"Bearer {ADMIN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
            for name, target in paths(now_ms()):
                rounds = [await _timed(client, target) for _ in range(ROUNDS)]
                say(name, rounds)
        server.stop()
        await serving


async def _timed(client: httpx.AsyncClient, target: str) -> Timing:
    """Seconds that pass, and of CPU."""
    began, used = time.perf_counter(), time.process_time()
    (await client.get(target)).raise_for_status()
    return Timing(time.perf_counter() - began, time.process_time() - used)


async def run(path: Path, users: int, records: int) -> None:
    if not path.exists():
        await prepare(path, users, records)
    print(HEAD)
    await measure(path)


def main() -> None:
    with asked_database("bench.pages", "How long the lists of the pages take.", "pages.db") as asked:
        uvloop.run(run(*asked))
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
