"""`tollkeeper usage`, as an admin runs it."""

from __future__ import annotations

import json

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import Gateway
from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.refusals import RefusalKey

HEAD = ["requests", "input", "output", "cost", "errors", "refused"]
NOVEMBER = ("--from", "2026-11-01", "--to", "2026-12-01")


@pytest.fixture(autouse=True)
async def records(gateway: Gateway) -> None:
    for number, (user_id, status) in enumerate([("alice", "failed"), ("bob", "completed"), ("alice", "completed")]):
        await gateway.store.ledger.settle(
            record(
                request_id=f"req_{number}",
                created_at=START + number * 86_400_000,
                user_id=user_id,
                status=status,
                usage=Usage(10, 0, 0, 20),
                cost_pico=10**9 * (1 + 5 * (user_id == "bob")),
                metadata='{"project":"blue\\u202e"}' if number else None,
            )
        )
    await gateway.store.refusals.add([(RefusalKey(START, "alice", "", "", 429, "rate_limit_exceeded", ""), 7)])


async def lines(admin: Ask, *words: str) -> list[list[str]]:
    ended = await admin("usage", *words, *NOVEMBER)
    assert (ended.code, ended.err) == (0, "")
    return [line.split() for line in ended.lines]


async def test_users_by_spend_and_the_total(admin: Ask) -> None:
    assert await lines(admin) == [
        ["user", *HEAD],
        ["bob", "1", "10", "20", "0.006", "0", "0"],
        ["alice", "2", "20", "40", "0.002", "1", "7"],
        ["total", "3", "30", "60", "0.008", "1", "7"],
    ]


async def test_groups_of_every_kind_have_their_columns(admin: Ask) -> None:
    assert await lines(admin, "--by", "day,user") == [
        ["day", "user", *HEAD],
        ["2026-11-20", "alice", "1", "10", "20", "0.001", "1", "7"],
        ["2026-11-21", "bob", "1", "10", "20", "0.006", "0", "0"],
        ["2026-11-22", "alice", "1", "10", "20", "0.001", "0", "0"],
        ["total", "3", "30", "60", "0.008", "1", "7"],
    ]
    tags = await lines(admin, "--by", "tag:project")
    assert [row[:2] for row in tags] == [["tag:project", "requests"], ["blue\\u202e", "2"], ["-", "1"], ["total", "3"]]
    for group in ("team", "key", "model", "upstream", "endpoint", "hour", "status", "end_user"):
        assert (await lines(admin, "--by", group))[0][0] == group


async def test_the_order_is_as_asked(admin: Ask) -> None:
    assert [row[0] for row in await lines(admin, "--order", "-requests")] == ["user", "alice", "bob", "total"]
    assert [row[0] for row in await lines(admin, "--order", "cost_usd")] == ["user", "alice", "bob", "total"]
    days = await lines(admin, "--by", "day", "--order", "-cost_usd")
    assert [row[0] for row in days][1:3] == ["2026-11-21", "2026-11-20"]


async def test_more_groups_than_asked_for_are_told(admin: Ask) -> None:
    ended = await admin("usage", "--limit", "1", *NOVEMBER)
    assert [line.split()[0] for line in ended.lines] == ["user", "bob", "total", "There"]
    assert "The total is of all." in ended.out


async def test_the_period_is_as_asked(admin: Ask) -> None:
    ended = await admin("usage", "--from", "2026-11-21", "--to", "2026-11-22", "--json")
    assert [json.loads(line)["user_id"] for line in ended.lines] == ["bob"]


async def test_what_is_wrong_is_the_gateways_word(admin: Ask) -> None:
    ended = await admin("usage", "--by", "colour")
    assert (ended.code, ended.out) == (1, "")
    assert "'colour' is none of them" in ended.err
    assert (await admin("usage", "--limit", "0")).code == 2
