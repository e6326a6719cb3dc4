"""A clock that jumps, ahead and back, while the gateway runs and while it is away: no limit is exceeded, refusals stay
honest, sums agree and nothing is held."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from sqlite3 import Row
from typing import Any

import httpx2 as httpx
import pytest

from tests.process.books import records, sums_agree
from tests.process.clock import Clock
from tests.process.load import CHAT
from tests.process.served import PATIENCE, Served, served
from tests.scripted import Conn, Gate, Request, ScriptedUpstream
from tests.shapes import STREAM_HEAD, chat_answer, chat_chunks, chunked, json_response, sse
from tollkeeper.store.sqlite.verify import verify

pytestmark = pytest.mark.process

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
LENGTHS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY}
REMEMBERED = LENGTHS | {"day": HOUR}
"""How far a clock may be set back before a repeated time counts anew, also when the gateway has started since."""
BEGINNING = int(datetime(2026, 11, 29, 23, 58, tzinfo=UTC).timestamp()) * 1000
STEPS, STAYS = 30, 6
AHEAD = (0, 3, 400, SECOND, 7 * SECOND, 61 * SECOND, 25 * MINUTE, 61 * MINUTE, 9 * HOUR, 25 * HOUR, 3 * DAY, 31 * DAY)
BACK = (1, 400, 20 * SECOND, 5 * MINUTE, 45 * MINUTE, 2 * HOUR, 23 * HOUR, 4 * DAY, 31 * DAY)
INPUT, OUTPUT = 2, 3
"""Prices: dollars per million tokens, so micro-dollars per token."""
LIMITS: dict[str, dict[str, Any]] = {
    "ann": {"requests_per_second": 2, "requests_per_minute": 5, "requests_per_hour": 12, "requests_per_day": 20},
    "bob": {"requests_per_month": 40, "tokens_per_month": 6000, "cost_usd_per_month": "0.015", "requests_total": 400},
    "cat": {"tokens_per_minute": 600, "tokens_per_day": 1500, "cost_usd_per_day": "0.004", "tokens_total": 20_000},
}


async def honest(conn: Conn, request: Request) -> None:
    """As much as it is allowed to say."""
    usage = (2 + len(request.body) % 7, request.json["max_tokens"])
    await conn.send(json_response(chat_answer(usage=usage)))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_whatever_the_clock_does(tmp_path: Path, seed: int):
    dice = random.Random(seed)
    clock = Clock.at(tmp_path / "clock", BEGINNING - 1000 * DAY)  # prices begin then, and hold wherever it jumps
    before: dict[str, dict[str, Decimal]] = {}
    keys: dict[str, str] = {}
    answers: Counter[int] = Counter()
    async with ScriptedUpstream() as upstream:
        upstream.route(f"POST {CHAT}", honest)
        for _ in range(STAYS):
            with served(tmp_path, upstream.url, clock=clock) as gateway:
                if not keys:
                    keys = await asyncio.to_thread(furnish, gateway, LIMITS)
                    clock.set(BEGINNING)
                async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http:
                    after = await asyncio.to_thread(used, gateway)
                    for user_id, figures in before.items():
                        for name, figure in figures.items():
                            assert after[user_id][name] >= figure, f"a start forgot some of {name}"
                    earliest = month_before(clock())
                    for _ in range(STEPS):
                        clock.set(max(clock() + jump(dice), earliest))
                        answers.update(await burst(http, clock, dice, keys))
                before = await asyncio.to_thread(used, gateway)
                assert "Traceback" not in gateway.log.read_text()
                gateway.kill()
            check(gateway.database, before, clock())
            if dice.random() < 0.6:
                clock.set(clock() + jump(dice))
                before = {}
        dispatched = len(upstream.calls(f"POST {CHAT}"))
    assert len(records(gateway.database)) == dispatched == answers[200]
    print(dict(answers))
    assert min(answers[200], answers[429]) >= 100, "the limits were not reached, or too soon"


def jump(dice: random.Random) -> int:
    return dice.choice(AHEAD) if dice.random() < 0.75 else -dice.choice(BACK)


def month_before(at: int) -> int:
    """The beginning of the month before: what lies before that is not counted anew when the gateway starts."""
    this = datetime.fromtimestamp(at / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int((this - timedelta(days=1)).replace(day=1).timestamp()) * 1000


def furnish(gateway: Served, limits: dict[str, dict[str, Any]]) -> dict[str, str]:
    gateway.admin("PUT", "/admin/prices", {"model": "*", "input_usd_per_mtok": INPUT, "output_usd_per_mtok": OUTPUT})
    keys = {user_id: gateway.new_user(user_id) for user_id in limits}
    for user_id, wanted in limits.items():
        gateway.admin("PUT", f"/admin/users/{user_id}/limits", wanted)
    return keys


def used(gateway: Served) -> dict[str, dict[str, Decimal]]:
    """By user and limit; nothing is held."""
    found = {}
    for user_id in LIMITS:
        readings = gateway.admin("GET", f"/admin/users/{user_id}/limits")["usage"]
        assert {reading["reserved"] for reading in readings.values()} == {0}
        found[user_id] = {name: Decimal(str(reading["used"])) for name, reading in readings.items()}
    return found


async def burst(http: httpx.AsyncClient, clock: Clock, dice: random.Random, keys: dict[str, str]) -> list[int]:
    """A few requests of one user, until one is refused: then, perhaps, once more when it was told to come again."""
    key, statuses = keys[dice.choice(list(keys))], []
    body = chat(dice.choice((20, 100, 250)), words=dice.choice((1, 10)))
    for _ in range(dice.randrange(1, 8)):
        answer = await http.post(CHAT, json=body, headers=bearer(key))
        statuses.append(answer.status_code)
        if answer.status_code == 200:
            continue
        assert answer.status_code == 429, answer.text
        if "retry-after-ms" in answer.headers and dice.random() < 0.5:
            wait = int(answer.headers["retry-after-ms"])
            clock.set(clock() + wait - 1)
            early = await http.post(CHAT, json=body, headers=bearer(key))
            clock.set(clock() + 1)
            again = await http.post(CHAT, json=body, headers=bearer(key))
            assert (early.status_code, again.status_code) == (429, 200), (answer.text, wait, early.text, again.text)
            statuses += [429, 200]
        break
    return statuses


def check(database: Path, readings: dict[str, dict[str, Decimal]], now: int) -> None:
    """The records keep all limits, and `readings`, of that moment, count them."""
    found = sorted(records(database).values(), key=lambda row: row["seq"])
    for user_id, limits in LIMITS.items():
        own = [row for row in found if row["user_id"] == user_id]
        for name, limit in limits.items():
            quantity, span = name.removeprefix("cost_").partition("_")[0], name.rpartition("_")[2]
            most = Decimal(limit).scaleb(12) if quantity == "usd" else limit
            moment = "created_at" if quantity == "requests" or span in ("month", "total") else "settled_at"
            events = [(row[moment], amount(row, quantity)) for row in own]
            reading = readings[user_id][name].scaleb(12 if quantity == "usd" else 0)
            if span in LENGTHS:
                length = LENGTHS[span]
                assert reading >= sum(figure for at, figure in since_set_back(events, span) if now - length < at <= now)
                if name != "tokens_per_minute":  # of which only what is admitted is bounded, by a guess
                    check_windows(name, events, span, most)
            else:
                sums = Counter[Any]()
                for at, figure in events:
                    sums[month_of(at) if span == "month" else None] += figure
                assert all(figure <= most for figure in sums.values()), name
                assert reading == sums[month_of(now) if span == "month" else None]
    sums_agree(database)
    assert verify(database).faults == ()


def check_windows(name: str, events: list[tuple[int, int]], span: str, most: int | Decimal) -> None:
    while events:
        stretch = since_set_back(events, span)
        for begin, _ in stretch:
            held = sum(figure for at, figure in stretch if begin <= at < begin + LENGTHS[span])
            assert held <= most, f"{name} is {most}, and {held} lie in the window from {begin} on"
        events = events[: -len(stretch)]


def since_set_back(events: list[tuple[int, int]], span: str) -> list[tuple[int, int]]:
    """The last of them, in the order in which they were written, back to where the clock was set back by more than a
    window remembers."""
    newest, begin = 0, 0
    for place, (at, _) in enumerate(events):
        if at < newest - REMEMBERED[span]:
            newest, begin = at, place
        newest = max(newest, at)
    return events[begin:]


def amount(row: Row, quantity: str) -> int:
    if quantity == "requests":
        return 1
    return int(row["cost_pico"] if quantity == "usd" else row["prompt_tokens"] + row["completion_tokens"])


def month_of(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m")


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("name", "ahead"), [("requests_per_minute", HOUR), ("requests_per_day", 40 * DAY)])
async def test_a_clock_that_was_ahead_for_a_moment_gives_nothing_away(
    tmp_path: Path, name: str, ahead: int, restarts: bool
):
    clock = Clock.at(tmp_path / "clock", BEGINNING)
    async with ScriptedUpstream() as upstream:
        with served(tmp_path, upstream.url, clock=clock) as gateway:
            key = (await asyncio.to_thread(furnish, gateway, {"ann": {name: 3}}))["ann"]
            assert await ask(gateway, key, 4) == [200, 200, 200, 429]
            clock.set(BEGINNING + ahead)
            assert await ask(gateway, key, 1) == [200]
            if restarts:
                gateway.kill()
            clock.set(BEGINNING + SECOND)
            if not restarts:
                assert await ask(gateway, key, 1) == [429]
        with served(tmp_path, upstream.url, clock=clock) as gateway:
            assert await ask(gateway, key, 1) == [429]
            clock.set(BEGINNING + LENGTHS[name.rpartition("_")[2]] * 2)
            assert await ask(gateway, key, 4) == [200, 200, 200, 429]


async def test_requests_whose_clock_jumps_while_they_run(tmp_path: Path):
    """They count where they began, and what they used where they ended; a month's is that of their beginning."""
    clock = Clock.at(tmp_path / "clock", BEGINNING + HOUR)
    first, *rest = (chunked(event, end=False) for event in sse(*chat_chunks(usage=(5, 2))))
    limits = {"requests_per_hour": 9, "tokens_per_hour": 9000, "tokens_per_day": 9000, "tokens_per_month": 9000}
    async with ScriptedUpstream() as upstream:
        with served(tmp_path, upstream.url, clock=clock) as gateway:
            key = (await asyncio.to_thread(furnish, gateway, {"ann": limits}))["ann"]
            moments = []
            async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http:
                for jumped in (-HOUR, 40 * DAY, -40 * DAY):
                    gate = Gate([STREAM_HEAD + first, b"".join(rest) + b"0\r\n\r\n"])
                    upstream.answer(gate)
                    gate.open()
                    began = clock()
                    body = chat(50, words=1) | {"stream": True}
                    async with http.stream("POST", CHAT, json=body, headers=bearer(key)) as answer:
                        lines = answer.aiter_lines()
                        await anext(lines)
                        clock.set(began + jumped)
                        gate.open()
                        assert [line async for line in lines if line][-1] == "data: [DONE]"
                    moments.append((began, clock()))
            running = await asyncio.to_thread(gateway.admin, "GET", "/admin/users/ann/limits")
            gateway.kill()
        rows = sorted(records(gateway.database).values(), key=lambda row: row["seq"])
        assert [(row["created_at"], row["settled_at"]) for row in rows] == moments
        assert verify(gateway.database).faults == ()
        with served(tmp_path, upstream.url, clock=clock) as gateway:
            again = await asyncio.to_thread(gateway.admin, "GET", "/admin/users/ann/limits")
    assert running["usage"] == again["usage"]
    of_this_month = sum(7 for began, _ in moments if month_of(began) == month_of(clock()))
    figures = {name: (reading["used"], reading["reserved"]) for name, reading in running["usage"].items()}
    assert figures["tokens_per_month"] == (of_this_month, 0)
    assert figures["tokens_per_hour"] == (14, 0), "two ended now"


async def ask(gateway: Served, key: str, times: int) -> list[int]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http:
        return [(await http.post(CHAT, json=chat(20, words=1), headers=bearer(key))).status_code for _ in range(times)]


def chat(most: int, *, words: int) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": "hi " * words}], "max_tokens": most}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
