"""Users with limits and a price, and what the ledger promises of them, asked of a gateway and of its database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.process.books import intents, records, sums_agree, sums_of_records
from tests.process.load import Receipt
from tests.process.served import Served
from tollkeeper.store.sqlite.verify import verify

INPUT, OUTPUT = 2, 3
"""Prices: dollars per million tokens, so micro-dollars per token."""
MOST_REQUESTS = 400
"""Of carol, in all: few enough that she comes to it."""
WIDE = {"requests_total": 10**6, "tokens_per_day": 10**12, "cost_usd_total": "1000000"}
LIMITS: dict[str, dict[str, Any]] = {
    "alice": {},
    "bob": WIDE,
    "carol": WIDE | {"requests_total": MOST_REQUESTS, "cost_usd_per_day": "5000", "max_concurrent_requests": 2},
}
FOR_EVER = "from=2020-01-01&to=2100-01-01"


def furnish(gateway: Served) -> dict[str, str]:
    """Users with their limits, and a price. Their keys."""
    gateway.admin("PUT", "/admin/prices", {"model": "*", "input_usd_per_mtok": INPUT, "output_usd_per_mtok": OUTPUT})
    keys = {user_id: gateway.new_user(user_id) for user_id in LIMITS}
    for user_id, limits in LIMITS.items():
        gateway.admin("PUT", f"/admin/users/{user_id}/limits", limits)
    return keys


def check(gateway: Served, keys: dict[str, str], receipts: list[Receipt]) -> None:
    """While nothing is under way: what clients got in full is recorded so, every sum agrees, limits count what the
    records say and hold nothing, and the chain is whole."""
    found = records(gateway.database)
    for receipt in receipts:
        row = found[receipt.request_id]
        told = ("completed", receipt.prompt_tokens, receipt.completion_tokens, 0)
        assert (row["status"], row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == told
        pico = (receipt.prompt_tokens * INPUT + receipt.completion_tokens * OUTPUT) * 10**6
        assert row["cost_pico"] == pico
    assert len({receipt.request_id for receipt in receipts}) == len(receipts), "two answers with one id"
    assert intents(gateway.database) == 0, "what was under way is a record now"
    for row in found.values():
        assert row["status"] in ("completed", "cancelled", "lost")
        assert row["status"] != "lost" or (row["prompt_tokens"], row["completion_tokens"], row["cost_pico"]) == (
            0,
            0,
            0,
        )
    sums = sums_of_records(gateway.database)
    sums_agree(gateway.database)
    for user_id, key in keys.items():
        own = [figures for place, figures in sums.items() if place[1] == user_id]
        total = gateway.ask(key, "GET", f"/v1/usage/summary?{FOR_EVER}")["total"]
        assert total["requests"] == sum(figures[0] for figures in own)
        assert total["prompt_tokens"] == sum(figures[1] for figures in own)
        assert total["completion_tokens"] == sum(figures[4] for figures in own)
        whole, _, part = total["cost_usd"].partition(".")
        assert int(whole + part.ljust(12, "0")) == sum(figures[6] for figures in own)
        listed = gateway.ask(key, "GET", f"/v1/usage?limit=1&{FOR_EVER}")["totals"]
        assert listed == {name: total[name] for name in listed}
        check_limits(gateway, user_id, own)
    verified = verify(gateway.database)
    assert (verified.faults, verified.records) == ((), len(found))


def check_limits(gateway: Served, user_id: str, own: list[Any]) -> None:
    """Each counter is the sum of the records, and nothing is held."""
    readings = gateway.admin("GET", f"/admin/users/{user_id}/limits")["usage"]
    assert readings.keys() == LIMITS[user_id].keys()
    requests, tokens = sum(figures[0] for figures in own), sum(figures[1] + figures[4] for figures in own)
    cost = sum(figures[6] for figures in own)
    truth = {"requests": requests, "tokens": tokens, "cost": Decimal(cost).scaleb(-12), "max": 0}
    for name, reading in readings.items():
        assert (name, Decimal(str(reading["used"]))) == (name, truth[name.partition("_")[0]])
        assert (name, reading["reserved"]) == (name, 0)
    if user_id == "carol":
        assert requests <= MOST_REQUESTS
