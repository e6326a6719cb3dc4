"""How long the explorer's questions take, with many users and records.

    python -m bench.explorer [--users 10000] [--records 1000000] [--keep FOLDER]

The store is asked, as the API asks it, over a database written beforehand: records are spread evenly over 30 days,
which end in the middle of a month and of an hour, so that no period is of whole ones, over all users (with one key
each, one in five of them in one of 40 teams), 5 models of 3 upstreams, 4 endpoints and the statuses (1 in 50 failed, 1
in 50 cancelled); one in ten has a tag. Each question is for the 100 rows that cost most, of today, of 7 and of 30 days
up to now, of this month, and of 30 days compared with the 30 before (of which there are no records, but the rows that
are compared are looked up). It is asked once, then a few times more: the first answer, the median of the others and the
slowest; and the CPU of all threads that an answer takes at the median, which other programs on the machine change less.
All in milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import uvloop
from msgspec.structs import replace

from bench.database import asked_database, write_records
from bench.timings import HEAD, Timing, say
from tollkeeper.app.build import now_ms
from tollkeeper.app.ids import RequestIds
from tollkeeper.rules.times import DAY_MS, month_bounds
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.explorer import Explorer, Question
from tollkeeper.store.ports.records import Record, RecordStatus
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sqlite import open_store

new_id = RequestIds()
END = 1_794_745_800_000
"""2026-11-15, 12:30 UTC."""
DAYS, MODELS, TEAMS, PROJECTS, ROUNDS, ROWS = 30, 5, 40, 20, 6, 100
STATUSES: dict[int, RecordStatus] = {7: "failed", 29: "cancelled"}
ENDPOINTS = ("/v1/chat/completions", "/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings")
GROUPS: Sequence[Sequence[str]] = (
    ("user",),
    ("team",),
    ("key",),
    ("model",),
    ("upstream",),
    ("endpoint",),
    ("status",),
    ("day",),
    ("hour",),
    ("user", "model"),
    ("user", "day"),
    ("model", "day"),
    ("tag:project",),
)


def _record(number: int, *, users: int, count: int, now: int) -> Record:
    at = now - DAYS * DAY_MS + number * DAYS * DAY_MS // count
    user, chance = number * 7919 % users, number * 2_654_435_761 % 2**32 >> 8
    model = chance % MODELS
    return Record(
        request_id=new_id(at),
        created_at=at,
        settled_at=at + 700,
        user_id=f"user-{user:05}",
        key_id=f"key_{user}",
        model=f"model-{model}:latest",
        requested_model=f"model-{model}",
        endpoint=ENDPOINTS[chance // 7 % len(ENDPOINTS)],
        upstream=f"upstream-{model % 3}",
        stream=True,
        status=STATUSES.get(chance % 50, "completed"),
        usage=Usage(26, 0, 0, 64 + user % 100, 0),
        cost_pico=28_200_000 + user,
        latency_ms=200 + chance % 9000,
        first_token_ms=50 + chance % 400,
        metadata=f'{{"project":"{chance % PROJECTS}"}}' if chance % 10 == 0 else None,
        team_id=f"team-{user % TEAMS}" if user % 5 == 0 else None,
    )


async def prepare(path: Path, users: int, records: int) -> None:
    """Write records."""
    await (await open_store(path, now=now_ms)).close()
    await asyncio.to_thread(write_records, path, records, partial(_record, users=users, count=records, now=END))


def periods(now: int) -> Iterator[tuple[str, Filter]]:
    yield "today", Filter(since=now - now % DAY_MS, until=now)
    yield "7 days", Filter(since=now - 7 * DAY_MS, until=now)
    yield "30 days", Filter(since=now - 30 * DAY_MS, until=now)
    yield "month", Filter(since=month_bounds(now)[0], until=now)


async def measure(path: Path) -> None:
    store = await open_store(path, now=now_ms)
    [newest] = await store.reports.records(Filter(), limit=1, after=None)
    now = newest.created_at + 1
    for group_by in GROUPS:
        for name, which in periods(now):
            question = Question(which, group_by, "cost_usd", limit=ROWS)
            say(f"{'+'.join(group_by)}, {name}", [await _timed(store.explorer, question) for _ in range(ROUNDS)])
        before = replace(which, since=now - 60 * DAY_MS, until=now - 30 * DAY_MS)
        question = Question(Filter(since=now - 30 * DAY_MS, until=now), group_by, "cost_usd", limit=ROWS)
        compared = [await _timed(store.explorer, question, before) for _ in range(ROUNDS)]
        say(f"{'+'.join(group_by)}, compared", compared)
    slow = Question(Filter(since=now - 30 * DAY_MS, until=now), ["user"], "latency_p95", limit=ROWS)
    say("user, 30 days, by latency_p95", [await _timed(store.explorer, slow) for _ in range(2)])
    await store.close()


async def _timed(explorer: Explorer, question: Question, before: Filter | None = None) -> Timing:
    """Seconds of one answer, and of CPU; `before`: compared with that period."""
    began, used = time.perf_counter(), time.process_time()
    found = await explorer.explore(question)
    if before is not None:
        await explorer.explore_groups(replace(question, which=before), [group for group, _ in found.rows])
    return Timing(time.perf_counter() - began, time.process_time() - used)


async def run(path: Path, users: int, records: int) -> None:
    if not path.exists():
        await prepare(path, users, records)
    print(HEAD)
    await measure(path)


def main() -> None:
    with asked_database("bench.explorer", "How long the explorer's questions take.", "explorer.db") as asked:
        uvloop.run(run(*asked))
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
