"""Refusals are counted in memory, and written in lots."""

from __future__ import annotations

import pytest

from tests.services.in_memory import START, Clock
from tollkeeper.services.ledger.observers import Refusal
from tollkeeper.services.watching import refusals
from tollkeeper.services.watching.refusals import RefusalCounts
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.refusals import RefusalFilter, RefusalKey, RefusalSum
from tollkeeper.store.time_buckets import HOUR_MS, MINUTE_MS, MINUTES_KEPT_MS, hour_of, minute_of

CHAT = "/v1/chat/completions"
PACE = Refusal(CHAT, 429, "rate_limit_exceeded", "alice", "key_1", "tiny", "requests_per_minute")
STRANGER = Refusal(CHAT, 401, "invalid_api_key")
MINUTE = minute_of(START)


class Bench:
    def __init__(self) -> None:
        self.now = Clock()
        self.store = MemoryStore()
        self.counts = RefusalCounts(self.store.refusals, self.now)

    async def written(self, *groups: str) -> list[RefusalSum]:
        rows, _ = await self.store.refusals.summary(RefusalFilter(), groups, limit=100_000)  # type: ignore[arg-type]
        return rows


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_they_are_counted_by_minute_and_written_once(bench: Bench) -> None:
    for refusal in (PACE, PACE, STRANGER):
        bench.counts.refused(refusal)
    assert await bench.written("user") == []
    for _ in range(2):
        await bench.counts.write()
        assert await bench.written("user", "reason", "model", "key") == [
            RefusalSum(2, MINUTE, "alice", "key_1", "tiny", 429, "rate_limit_exceeded", "requests_per_minute"),
            RefusalSum(1, MINUTE, "", "", "", 401, "invalid_api_key", ""),
        ]
    bench.now.ms += MINUTE_MS
    bench.counts.refused(PACE)
    await bench.counts.write()
    assert (await bench.written("user"))[0] == RefusalSum(3, MINUTE + MINUTE_MS, user_id="alice")


async def test_what_cannot_be_written_is_kept_with_what_comes_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.counts.refused(PACE)

    async def fails(_: object) -> None:
        bench.counts.refused(PACE)
        raise StoreError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(bench.store.refusals, "add", fails)
        with pytest.raises(StoreError):
            await bench.counts.write()
    bench.counts.refused(STRANGER)
    await bench.counts.write()
    assert [(row.user_id, row.count) for row in await bench.written("user")] == [("alice", 2), ("", 1)]


async def test_they_are_bounded_in_number_and_none_is_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MOST", 10)
    for number in range(15):
        bench.counts.refused(Refusal(CHAT, 404, "model_not_found", "alice", "key_1", f"m{number}"))
    await bench.counts.write()
    by_model = {row.model: row.count for row in await bench.written("model")}
    assert by_model == {"": 5} | {f"m{number}": 1 for number in range(10)}
    for number in range(40):
        bench.counts.refused(Refusal(CHAT, 404, "model_not_found", f"u{number}", "key_1", "m"))
    assert repr(bench.counts) == "RefusalCounts(21 to write)"
    await bench.counts.write()
    by_user = {row.user_id: row.count for row in await bench.written("user")}
    assert by_user == {"alice": 15, "": 20} | {f"u{number}": 1 for number in range(20)}


async def test_minutes_are_folded_into_hours_after_a_day_and_an_hour(bench: Bench) -> None:
    key = RefusalKey(hour_of(START) + MINUTE_MS, "alice", "", "", 404, "model_not_found", "")
    await bench.store.refusals.add([(key, 1)])
    bench.now.ms = hour_of(START) + HOUR_MS + MINUTES_KEPT_MS - 1
    await bench.counts.fold()
    assert [row.last for row in await bench.written("user")] == [key.minute]
    bench.now.ms += 1
    await bench.counts.fold()
    assert [row.last for row in await bench.written("user")] == [hour_of(START)]


async def test_an_erased_user_is_not_named_anew(bench: Bench) -> None:
    bench.counts.refused(PACE)
    bench.counts.refused(STRANGER)
    bench.counts.rename("alice", "u_1")
    await bench.counts.write()
    assert sorted(row.user_id or "" for row in await bench.written("user")) == ["", "u_1"]
