"""Three days of use over the end of a month and of a year, in a process whose own time zone is half a day away and is
put forward and back in them: all is UTC, and all sums are those of a slow model."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest

from tests.process.books import records, sums_agree
from tests.process.clock import Clock
from tests.process.load import CHAT
from tests.process.served import PATIENCE, Served, served
from tests.scripted import Conn, Request, ScriptedUpstream
from tests.shapes import STREAM_HEAD, chat_answer, chat_chunks, chunked, json_response, sse
from tollkeeper.store.sqlite.verify import verify

pytestmark = pytest.mark.process

ZONE = "XST-9:30XDT,M12.5.4/2,M1.1.6/3"
"""Nine hours and a half ahead; an hour more from Thursday, 31 December 2026, to Saturday, 2 January 2027."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
BEGINNING = datetime(2026, 12, 30, 6, tzinfo=UTC)
REQUESTS = 500
STARTS = 5
INPUT, OUTPUT = {"tiny:latest": 2, "small:latest": 7}, {"tiny:latest": 3, "small:latest": 11}
"""Prices: dollars per million tokens, so micro-dollars per token."""
WIDE = ("tokens_per_hour", "tokens_per_day", "tokens_per_month", "tokens_total", "cost_usd_per_day",
        "cost_usd_per_month", "cost_usd_total")  # fmt: skip
LIMITS: dict[str, dict[str, int]] = {
    "ann": {"requests_per_hour": 4, "requests_per_day": 45, "requests_per_month": 10**6},
    "bob": {"requests_per_month": 70, "requests_total": 110, "requests_per_day": 10**6},
    "cat": {"requests_per_minute": 10**6} | dict.fromkeys(WIDE, 10**9),
}


class Use(NamedTuple):
    """One request that went out, as the model knows it."""

    request_id: str
    created: datetime
    settled: datetime
    user_id: str
    key: str
    model: str
    prompt: int
    completion: int

    @property
    def pico(self) -> int:
        return (self.prompt * INPUT[self.model] + self.completion * OUTPUT[self.model]) * 10**6

    def amount(self, quantity: str) -> int:
        return {"requests": 1, "tokens": self.prompt + self.completion, "cost": self.pico}[quantity]


def moment(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)


def ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Model:
    """All that was used, and every answer found by looking through it."""

    def __init__(self) -> None:
        self.uses: list[Use] = []

    def used(self, user_id: str, name: str, at: datetime) -> int:
        quantity, span = name.partition("_")[0], name.rpartition("_")[2]
        return sum(
            use.amount(quantity) for use in self.uses if use.user_id == user_id and in_window(use, quantity, span, at)
        )

    def retry_at(self, user_id: str, at: datetime) -> datetime | None:
        """The first moment from now on at which one more request fits all limits on requests."""
        limits = {name: limit for name, limit in LIMITS[user_id].items() if name.startswith("requests")}

        def fits(then: datetime) -> bool:
            return all(self.used(user_id, name, then) < limit for name, limit in limits.items())

        changes = {end_of(use, "requests", span) for use in self.uses for span in ("minute", "hour", "day", "month")}
        return next((then for then in sorted({at} | changes) if then >= at and fits(then)), None)

    def reset(self, user_id: str, name: str, at: datetime) -> str | None:
        quantity, span = name.partition("_")[0], name.rpartition("_")[2]
        counted = [use for use in self.uses if use.user_id == user_id and in_window(use, quantity, span, at)]
        return None if span == "total" else written(max(end_of(use, quantity, span) for use in counted))

    def sums(self, name_of: Callable[[Use], str], which: Callable[[Use], bool] = lambda _: True) -> dict[str, Any]:
        sums: dict[str, tuple[int, ...]] = {}
        for use in filter(which, self.uses):
            before = sums.get(name_of(use), (0, 0, 0, 0))
            figures = (1, use.prompt, use.completion, use.pico)
            sums[name_of(use)] = tuple(a + b for a, b in zip(before, figures, strict=True))
        return sums


def in_window(use: Use, quantity: str, span: str, at: datetime) -> bool:
    if span == "total":
        return True
    if span == "month":
        return (use.created.year, use.created.month) == (at.year, at.month)
    counted = use.created if quantity == "requests" else use.settled
    bucket, count = BUCKETS[span]
    return ms(counted) // bucket >= ms(at) // bucket - count and counted <= at


def end_of(use: Use, quantity: str, span: str) -> datetime:
    if span == "month":
        year, month = (use.created.year + use.created.month // 12, use.created.month % 12 + 1)
        return datetime(year, month, 1, tzinfo=UTC)
    counted = use.created if quantity == "requests" else use.settled
    bucket, count = BUCKETS[span]
    return moment((ms(counted) // bucket + count + 1) * bucket)


BUCKETS = {"minute": (1000, 60), "hour": (MINUTE, 60), "day": (20 * MINUTE, 72)}
"""As docs/limits.md has them."""


def test_the_zone_is_put_forward_and_back_in_these_days():
    code = "import time; print([time.localtime(at * 86400).tm_gmtoff for at in (20817, 20818.5, 20820.5)])"
    told = subprocess.run([sys.executable, "-c", code], env={"TZ": ZONE}, capture_output=True, text=True, check=True)
    days = [moment(int(at * DAY)).date().isoformat() for at in (20817, 20818.5, 20820.5)]
    assert days == ["2026-12-30", "2026-12-31", "2027-01-02"]
    assert json.loads(told.stdout) == [34_200, 37_800, 34_200]


async def test_three_days_over_the_end_of_a_year(tmp_path: Path):
    dice = random.Random(int(os.environ.get("DAYS_SEED", "1")))
    clock = Clock.at(tmp_path / "clock", ms(BEGINNING))
    model, keys, answers = Model(), dict[str, list[tuple[str, str]]](), Counter[int]()
    times = sorted(ms(BEGINNING) + dice.randrange(3 * DAY) for _ in range(REQUESTS))
    figures = (0, 0)

    async def answer(conn: Conn, request: Request) -> None:
        """It takes a while now and then, so that requests end in another minute, hour, day and month."""
        if not request.json.get("stream"):
            clock.set(clock() + dice.choice((0, 700, 90_000)))
            await conn.send(json_response(chat_answer(usage=figures)))
            return
        first, *rest = (chunked(event, end=False) for event in sse(*chat_chunks(usage=figures)))
        await conn.send(STREAM_HEAD + first)
        clock.set(clock() + dice.choice((0, 30_000, 25 * MINUTE)))
        await conn.send(b"".join(rest) + b"0\r\n\r\n")

    async with ScriptedUpstream(dict.fromkeys(INPUT, ("completion",))) as upstream:
        upstream.route(f"POST {CHAT}", answer)
        for number in range(STARTS):
            with served(tmp_path, upstream.url, clock=clock, zone=ZONE) as gateway:
                keys = keys or await asyncio.to_thread(furnish, gateway)
                await asyncio.to_thread(check, gateway, model, keys, moment(clock()))
                async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http:
                    for at in times[number * REQUESTS // STARTS : (number + 1) * REQUESTS // STARTS]:
                        clock.set(max(at, clock()))
                        figures = (dice.randrange(1, 2000), dice.randrange(1, 500))
                        user_id = dice.choice(list(LIMITS))
                        key_id, secret = dice.choice(keys[user_id])
                        wanted, began = dice.choice(list(INPUT)), moment(clock())
                        body = {"model": wanted, "messages": [], "stream": dice.random() < 0.5}
                        told = await http.post(CHAT, json=body, headers={"authorization": f"Bearer {secret}"})
                        answers[told.status_code] += 1
                        check_answer(told, model.retry_at(user_id, began), began)
                        if told.status_code == 200:
                            use = (told.headers["x-request-id"], began, moment(clock()), user_id, key_id, wanted)
                            model.uses.append(Use(*use, *figures))
                await asyncio.to_thread(check, gateway, model, keys, moment(clock()))
                gateway.kill()
    print(dict(answers))
    assert (clock() - ms(BEGINNING)) // DAY >= 2
    assert min(answers[200], answers[429]) > 50


def check_answer(answer: httpx.Response, retry: datetime | None, now: datetime) -> None:
    if retry == now:
        assert answer.status_code == 200, answer.text
        return
    assert answer.status_code == 429, "it is over a limit"
    wait = answer.headers.get("retry-after-ms")
    expected = None if retry is None else ms(retry) - ms(now)
    if expected is not None and expected > 3_600_000:
        expected = None  # over an hour it is left out
    assert wait == (None if expected is None else str(expected)), answer.text


def furnish(gateway: Served) -> dict[str, list[tuple[str, str]]]:
    """Two keys of each user: ids and secrets."""
    for name in INPUT:
        price = {"model": name, "input_usd_per_mtok": INPUT[name], "output_usd_per_mtok": OUTPUT[name]}
        gateway.admin("PUT", "/admin/prices", price)
    keys = {}
    for user_id, limits in LIMITS.items():
        first = gateway.admin("POST", "/admin/users", {"user_id": user_id})
        second = gateway.admin("POST", f"/admin/users/{user_id}/keys", {})
        gateway.admin("PUT", f"/admin/users/{user_id}/limits", limits)
        [first_id] = {key["id"] for key in gateway.admin("GET", f"/admin/users/{user_id}/keys")["data"]} - {
            second["id"]
        }
        keys[user_id] = [(first_id, first["api_key"]), (second["id"], second["api_key"])]
    return keys


def check(gateway: Served, model: Model, keys: dict[str, list[tuple[str, str]]], now: datetime) -> None:
    rows = sorted(records(gateway.database).values(), key=lambda row: row["seq"])
    assert [(row["request_id"], row["created_at"], row["settled_at"], row["cost_pico"]) for row in rows] == [
        (use.request_id, ms(use.created), ms(use.settled), use.pico) for use in model.uses
    ]
    sums_agree(gateway.database)
    assert verify(gateway.database).faults == ()
    shown = list(pages(gateway, "/admin/usage?limit=100"))
    assert {row["request_id"]: row["created_at"] for row in shown} == {
        use.request_id: written(use.created) for use in model.uses
    }
    check_summaries(gateway, model, now)
    for user_id, limits in LIMITS.items():
        readings = gateway.admin("GET", f"/admin/users/{user_id}/limits")["usage"]
        assert readings.keys() == limits.keys()
        for name, reading in readings.items():
            count = model.used(user_id, name, now)
            exact = Decimal(count).scaleb(-12) if name.startswith("cost") else count
            assert (name, Decimal(str(reading["used"])), reading["reserved"]) == (name, exact, 0)
            if count:
                assert (name, reading["resets_at"]) == (name, model.reset(user_id, name, now))


def check_summaries(gateway: Served, model: Model, now: datetime) -> None:
    groups: dict[str, tuple[str, Callable[[Use], str]]] = {
        "day": ("day", lambda use: use.created.date().isoformat()),
        "hour": ("hour", lambda use: use.created.strftime("%Y-%m-%dT%H:00:00Z")),
        "model": ("model", lambda use: use.model),
        "key": ("key_id", lambda use: use.key),
        "user": ("user_id", lambda use: use.user_id),
    }
    ragged = (BEGINNING + timedelta(hours=17, minutes=59, seconds=3), BEGINNING + timedelta(days=2, minutes=1))
    spans = [(datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)), ragged]
    spans += [(datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))]
    for group, (field, name_of) in groups.items():
        for since, until in spans:
            asked = f"/admin/usage/summary?group_by={group}&from={written(since)}&to={written(until)}"
            found = gateway.admin("GET", asked)["data"]
            wanted = model.sums(name_of, partial(lies_in, since, until))
            assert {row[field]: figures(row) for row in found} == wanted, asked
    month = gateway.admin("GET", "/admin/usage/summary")
    this = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = this.replace(year=this.year + this.month // 12, month=this.month % 12 + 1)
    assert (month["from"], month["to"]) == (written(this), written(after))
    whole = model.sums(lambda _: "", lambda use: use.created >= this)
    assert figures(month["total"]) == whole.get("", (0, 0, 0, 0))


def lies_in(since: datetime, until: datetime, use: Use) -> bool:
    return since <= use.created < until


def figures(row: dict[str, Any]) -> tuple[int, ...]:
    return row["requests"], row["prompt_tokens"], row["completion_tokens"], int(Decimal(row["cost_usd"]).scaleb(12))


def pages(gateway: Served, path: str) -> Iterator[dict[str, Any]]:
    page = gateway.admin("GET", path)
    yield from page["data"]
    while page["has_more"]:
        page = gateway.admin("GET", f"{path}&after={page['next']}")
        yield from page["data"]
