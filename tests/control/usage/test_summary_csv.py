from __future__ import annotations

import csv
import io

import pytest

from tests.services.in_memory import START, record
from tollkeeper.control.usage import summary_csv
from tollkeeper.control.usage.groups import FIGURES
from tollkeeper.rules.usage import Usage
from tollkeeper.store.errors import StoreOverloaded, StoreTimeout
from tollkeeper.store.ports.refusals import RefusalKey

DAY = 86_400_000
ON_THE_TWENTIETH = "from=2026-11-20&to=2026-11-21"


@pytest.fixture(autouse=True)
async def records(desk):
    for number in range(5):
        await desk.house.store.ledger.settle(
            record(
                request_id=f"req_{number}",
                created_at=START - (number == 3) * DAY,
                user_id="bob" if number == 4 else "alice",
                model=f"model-{number % 3}",
                usage=Usage(10, 4, 2, 20, 5),
                cost_pico=123_000_000,
                latency_ms=60,
                metadata=f'{{"team":"=blue {number}"}}',
            )
        )
    await desk.house.store.refusals.add([(RefusalKey(START, "alice", "", "huge", 403, "model_not_allowed", ""), 2)])


async def sheet(client, path):
    response = (await client.get(path)).raise_for_status()
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="usage-summary.csv"'
    assert response.text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


async def test_a_row_has_its_groups_and_every_figure(alice):
    rows = await sheet(alice, f"/v1/usage/summary.csv?group_by=model,day&{ON_THE_TWENTIETH}")
    assert rows[1] == {
        "model": "model-0",
        "day": "2026-11-20",
        "requests": "1",
        "prompt_tokens": "10",
        "cached_tokens": "4",
        "cache_write_tokens": "2",
        "completion_tokens": "20",
        "reasoning_tokens": "5",
        "total_tokens": "30",
        "cost_usd": "0.000123",
        "errors": "0",
        "refused": "0",
        "first_token_p50": "",
        "first_token_p95": "",
        "latency_p50": "75",
        "latency_p95": "98",
    }
    assert (rows[0]["model"], rows[0]["requests"], rows[0]["refused"]) == ("huge", "0", "2")


async def test_figures_are_those_of_the_summary(admin):
    query = f"group_by=user&order_by=-requests&{ON_THE_TWENTIETH}"
    rows = await sheet(admin, f"/admin/usage/summary.csv?{query}")
    bodies = (await admin.get(f"/admin/usage/summary?{query}")).json()["data"]
    assert [row["user_id"] for row in rows] == [body["user_id"] for body in bodies] == ["alice", "bob"]
    for row, body in zip(rows, bodies, strict=True):
        flat = body | {f"latency_{name}": value for name, value in body["latency_ms"].items()}
        assert {name: row[name] for name in FIGURES if row[name]} == {
            name: str(flat[name]) for name in FIGURES if name in flat
        }


async def test_the_period_before_has_columns_of_its_own(alice):
    path = f"/v1/usage/summary.csv?group_by=model&{ON_THE_TWENTIETH}"
    rows = await sheet(alice, f"{path}&compare=true")
    assert list(rows[0]) == ["model", *FIGURES, *(f"previous_{figure}" for figure in FIGURES)]
    assert [(row["model"], row["requests"], row["previous_requests"], row["previous_latency_p50"]) for row in rows] == [
        ("huge", "0", "0", ""),
        ("model-0", "1", "1", "75"),
        ("model-1", "1", "0", ""),
        ("model-2", "1", "0", ""),
    ]
    assert list((await sheet(alice, path))[0]) == ["model", *FIGURES]


async def test_no_cell_is_a_formula(alice):
    rows = await sheet(alice, f"/v1/usage/summary.csv?group_by=tag:team&{ON_THE_TWENTIETH}")
    assert [(row["tag"], row["refused"]) for row in rows] == [(f"'=blue {number}", "") for number in range(3)]


async def test_a_credit_is_a_number(desk, alice):
    await desk.house.store.ledger.settle(record(request_id="req_credit", user_id="alice", cost_pico=-(10**12)))
    rows = await sheet(alice, "/v1/usage/summary.csv?group_by=status")
    assert rows[0]["cost_usd"] == "-0.999508"


@pytest.mark.parametrize("order", ["", "&order_by=-requests", "&order_by=cost_usd"])
async def test_a_sheet_has_all_rows_in_order(desk, admin, order):
    for number in range(30):
        await desk.house.store.ledger.settle(record(request_id=f"req_{number:04}", model=f"model-{number:02}"))
    query = f"group_by=model,user{order}"
    pages = (await admin.get(f"/admin/usage/summary?{query}")).json()["data"]
    whole = await sheet(admin, f"/admin/usage/summary.csv?{query}")
    assert [row["model"] for row in whole] == [row["model"] for row in pages]
    assert len(whole) == 35
    assert len(await sheet(admin, f"/admin/usage/summary.csv?{query}&compare=true")) == 35


async def test_a_sheet_has_an_end(admin, monkeypatch):
    monkeypatch.setattr(summary_csv, "_MOST_ROWS", 3)
    response = await admin.get("/admin/usage/summary.csv?group_by=model,user")
    assert response.status_code == 422
    assert "more than 3 groups" in response.json()["error"]["message"]


@pytest.mark.parametrize(("error", "status"), [(StoreTimeout("slow"), 422), (StoreOverloaded("busy"), 503)])
async def test_what_takes_too_long_is_told(desk, admin, monkeypatch, error, status):
    async def fail(*_):
        raise error

    for name, path in (("explore", "summary"), ("on_snapshot", "summary.csv")):
        monkeypatch.setattr(desk.house.store.explorer, name, fail)
        response = await admin.get(f"/admin/usage/{path}")
        assert response.status_code == status
        assert "shorter period" in response.text if status == 422 else response.headers["retry-after"] == "5"


async def test_a_sheet_without_rows_has_its_columns(alice):
    response = await alice.get("/v1/usage/summary.csv?model=none&group_by=model,tag:team")
    assert response.text == f"model,tag,{','.join(FIGURES)}\r\n"


async def test_ones_own_sheet_has_nothing_of_others(desk, alice):
    assert sum(int(row["requests"]) for row in await sheet(alice, "/v1/usage/summary.csv?group_by=key")) == 4
    for path, status in (
        ("/v1/usage/summary.csv?group_by=user", 422),
        ("/v1/usage/summary.csv?user_id=bob", 422),
        ("/v1/usage/summary.csv?limit=10", 422),
        ("/admin/usage/summary.csv", 403),
    ):
        assert (await alice.get(path)).status_code == status
    async with desk.client() as nobody:
        assert (await nobody.get("/v1/usage/summary.csv")).status_code == 401
