"""Two hundred requests at once against every limit there is, wherever it may stand: never over, every refusal as
docs/limits.md has it, nothing held afterwards, and every counter the sum of the records."""

import asyncio
import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.gateway.test_limits import held
from tests.scripted import STREAM_HEAD, chat_answer, chat_chunks, chunked, json_response, sse, streamed
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.limits import CHECKED_LIMITS, CONCURRENCY, COUNTED, NO_LIMITS
from tollkeeper.rules.windows import SLIDING, month_of, new_window
from tollkeeper.services.upstreams.config import UpstreamConfig

MODEL = "tiny:latest"
PRICE = {"model": MODEL, "input_usd_per_mtok": "1", "output_usd_per_mtok": "10"}
CLIENTS = 200
ANSWER = 400
"""Tokens that each asks for, and gets."""
LEAVER = 7
"""The `seed` of requests whose client leaves at the first word."""
FIGURES: dict[str, Any] = {"requests": 30, "tokens": 6000, "cost": "0.02", "running": 7}
"""Limits that two hundred do not fit into."""
HOLDERS = ("user", "key", "model of the user", "model of the key")
WORDS = dict(zip(HOLDERS, ("", " of this key", f" for {MODEL}", f" of this key for {MODEL}"), strict=True))
NAMED = re.compile(r"the limit (\w+)(.*?) \([\d.]+\)")


class Crowd:
    """A gateway and the key that all requests carry. The upstream keeps the first answers back until half of the
    requests have been decided on: they all run at once. The other half meets them while they end."""

    def __init__(self, gateway, up):
        self.gateway = gateway
        self.placed = {}
        self.refused = []
        self.most_running = 0
        self._secret = gateway.secrets["alice"]
        self._key_id = None
        self._undecided = CLIENTS // 2
        self._go = asyncio.Event()
        up.always(self._answer)

    async def place(self, limits):
        """Set limits: by holder, the limits object."""
        admin, bearer = self.gateway.client, {"authorization": f"Bearer {ADMIN}"}
        await admin.put("/admin/prices", json=PRICE, headers=bearer)
        given: dict[str, dict[str, Any]] = {"user": {}, "key": {}}
        for holder, figures in limits.items():
            of_model, owner = holder.startswith("model"), holder.rpartition(" ")[2]
            given[owner] |= {"models": {MODEL: figures}} if of_model else figures
            for name in figures:
                self.placed[name, WORDS[holder]] = holder
        answer = await admin.put("/admin/users/alice/limits", json=given["user"], headers=bearer)
        assert answer.status_code == 200, answer.text
        answer = await admin.post("/admin/users/alice/keys", json={"limits": given["key"]}, headers=bearer)
        assert answer.status_code == 201, answer.text
        self._secret, self._key_id = answer.json()["api_key"], answer.json()["id"]
        self._limits = {
            (name, WORDS[holder]): NO_LIMITS.merged({name: figure})
            for holder, figures in limits.items()
            for name, figure in figures.items()
        }

    async def rush(self):
        """All of them; how many got in."""
        statuses = Counter(await asyncio.gather(*(self._one(number) for number in range(CLIENTS))))
        assert set(statuses) == {200, 429}
        return statuses[200]

    async def until_used_up(self, most):
        """One after another, until one is refused."""
        for _ in range(most):
            if await self._one(0) != 200:
                return
        raise AssertionError("none was refused")

    async def _one(self, number):
        """Whole answers, streams, and streams whose client leaves."""
        fields = ({}, {"stream": True}, {"stream": True, "seed": LEAVER})[number % 3]
        body = json.dumps(ask(max_tokens=ANSWER, **fields)).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        try:
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (self._secret.encode(), len(body), body)
            )
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            status = int(first.split(" ")[1])
            if status != 200:
                headers = dict(line.lower().split(": ", 1) for line in lines if line)
                self.refused.append((status, headers, json.loads(await reader.read())["error"]))
                self._decided()
            elif "seed" in fields:
                await reader.readuntil(b"data: ")
            else:
                await reader.read()
            return status
        finally:
            writer.close()

    async def _answer(self, conn, request):
        self.most_running = max(self.most_running, len(self.gateway.context.requests.active))
        self._decided()
        await self._go.wait()
        asked = request.json
        usage = (20, asked["max_tokens"])
        if not asked.get("stream"):
            await conn.send(json_response(chat_answer(usage=usage)))
        elif asked.get("seed") == LEAVER:
            await conn.send(STREAM_HEAD + chunked(sse(*chat_chunks(["a"]))[0], end=False))
            await conn.disconnected.wait()
        else:
            await conn.send(streamed(*sse(*chat_chunks(["a"], usage=usage))))

    def _decided(self):
        self._undecided -= 1
        if not self._undecided:
            self._go.set()

    def check_refusals(self):
        """Each is one that docs/limits.md foretells."""
        for status, headers, error in self.refused:
            name, words = named(error["message"])
            assert (name, words) in self.placed
            quantity, span = CHECKED_LIMITS[name]
            kind = "requests" if quantity in ("requests", "running") else "tokens"
            assert (status, error["param"]) == (429, None)
            wait = int(headers.get("retry-after-ms", "0"))
            assert headers.get("retry-after") == (str(-(-wait // 1000)) if wait else None)
            if "that are running hold" in error["message"]:
                assert quantity != "requests", "these count at once: none is held"
                assert (error["type"], error["code"], wait) == (kind, "rate_limit_exceeded", 1000)
                assert "x-should-retry" not in headers
                continue
            assert span != "now"
            if CHECKED_LIMITS[name].is_budget:
                assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
                assert headers["x-should-retry"] == "false"
                assert (span == "total") == ("There is room at 2" not in error["message"])
                assert wait == 0 if span == "total" else wait <= 3_600_000
            else:
                assert (error["type"], error["code"]) == (kind, "rate_limit_exceeded")
                assert headers.get("x-should-retry") == ("false" if not 0 < wait <= 65_000 else None)
            if span in SLIDING:
                length, buckets = SLIDING[span]
                # Over an hour it is left out.
                assert 0 < (wait or 3_600_001) <= length + length / buckets + 1

    async def check_counts(self):
        """No window of any limit ever held more, nothing is held, and each counter is the sum of the records."""
        records = await self.gateway.records()
        counters, now = self.gateway.context.admission.counters, self.gateway.context.now()
        assert held(self.gateway) == 0
        for (name, words), holder in self.placed.items():
            if name == CONCURRENCY:
                assert self.most_running <= FIGURES["running"]
                continue
            quantity, span = COUNTED[name]
            window = new_window(span)
            used = []
            for record in records:
                at = record.created_at if quantity == "requests" or span == "month" else record.settled_at
                amount = {"requests": 1, "tokens": record.usage.total_tokens, "cost": record.cost_pico}[quantity]
                used.append((at, amount))
            for moment in sorted(used):
                window.add(moment[1], moment[0])
            limits = self._limits[name, words]
            for begins, _ in used:
                assert sum(amount for at, amount in used if _together(span, begins, at)) <= limits.counts[name]
            owner = ("user", "alice") if holder.endswith("user") else ("key", self._key_id)
            scope = (*owner, MODEL) if holder.startswith("model") else owner
            [[status]] = await counters.status([(scope, limits.counts)], now)
            assert (status.used, status.reserved) == (window.used(now), 0)


def named(message):
    """The limit that a refusal names, and in which words whose it is."""
    found = NAMED.search(message)
    assert found, message
    return found[1], found[2]


def _together(span, begins, at):
    """Whether a moment is in the window that begins at another."""
    if span in SLIDING:
        return begins <= at < begins + SLIDING[span].length
    return span == "total" or month_of(at) == month_of(begins)


@pytest.fixture
async def crowd(start, up):
    unbounded = UpstreamConfig("default", OLLAMA, up.url, slots=0)  # so that nothing but limits keeps them apart
    async with start(upstreams=[unbounded]) as gateway:
        yield Crowd(gateway, up)


def everywhere():
    """Every limit at every holder. The quick loop tries each limit at one of them, in turn."""
    for number, (name, counted) in enumerate(CHECKED_LIMITS.items()):
        holders = HOLDERS[:2] if name == CONCURRENCY else HOLDERS
        for holder in holders:
            quick = holder == holders[number % len(holders)]
            yield pytest.param(
                name, FIGURES[counted.quantity], holder, marks=() if quick else pytest.mark.long, id=f"{name}, {holder}"
            )


@pytest.mark.parametrize(("name", "figure", "holder"), list(everywhere()))
async def test_two_hundred_at_once_never_go_over(crowd, name, figure, holder):
    await crowd.place({holder: {name: figure}})
    assert await crowd.rush() > 1
    assert {named(error["message"]) for _, _, error in crowd.refused} == {(name, WORDS[holder])}
    await crowd.check_counts()
    counted = CHECKED_LIMITS[name]
    if counted.span not in ("now", "second"):
        await crowd.until_used_up(40)
        _, _, last = crowd.refused[-1]
        assert last["code"] == ("insufficient_quota" if counted.is_budget else "rate_limit_exceeded")
        assert "are running" not in last["message"]
        await crowd.check_counts()
    crowd.check_refusals()


MIXES = {
    "pace before money": {
        "user": {"requests_per_minute": 60, "tokens_per_day": 9000, "cost_usd_total": "0.05"},
        "key": {"max_concurrent_requests": 7, "requests_total": 50},
    },
    "money before pace": {
        "user": {"cost_usd_per_month": "0.02", "tokens_per_hour": 50_000, "requests_per_second": 100},
        "key": {"cost_usd_per_day": "0.03", "tokens_total": 7000},
        "model of the user": {"tokens_per_minute": 8000},
        "model of the key": {"requests_per_day": 40, "tokens_per_month": 6500},
    },
}


@pytest.mark.parametrize("limits", MIXES.values(), ids=MIXES.keys())
async def test_two_hundred_at_once_against_several_limits(crowd, limits):
    await crowd.place(limits)
    assert await crowd.rush() > 1
    await crowd.check_counts()
    crowd.check_refusals()
