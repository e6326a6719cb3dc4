"""One record with its price, records as CSV, and filters of both."""

from __future__ import annotations

import csv
import io

import pytest

from tests.control.desk import shape_of
from tests.services.in_memory import ROOT, START, record
from tollkeeper.control import calls
from tollkeeper.rules.usage import Usage
from tollkeeper.services.models.prices import NewPrice


@pytest.fixture
async def keys(desk):
    """The ids of alice's and bob's key; each has two records with it, and alice one without."""
    [alice], [bob] = desk.house.accounts.keys_of("alice"), desk.house.accounts.keys_of("bob")
    whose = [("alice", alice.id), ("alice", alice.id), ("alice", None), ("bob", bob.id), ("bob", bob.id)]
    for number, (user_id, key_id) in enumerate(whose):
        model, status = f"model-{number % 2}", "failed" if number % 2 else "completed"
        await desk.house.store.ledger.settle(
            record(
                request_id=f"req_{number}",
                created_at=START + number,
                user_id=user_id,
                key_id=key_id,
                model=model,
                status=status,
                usage=Usage(prompt_tokens=10**number),
            )
        )
    return alice.id, bob.id


def ids(response):
    return [entry["request_id"] for entry in response.raise_for_status().json()["data"]]


async def test_filters_by_user_and_key(admin, alice, keys):
    first, second = keys
    assert ids(await admin.get("/admin/usage?user_id=BOB")) == ["req_4", "req_3"]
    assert ids(await admin.get(f"/admin/usage?key_id={first}")) == ["req_1", "req_0"]
    assert ids(await admin.get(f"/admin/usage?key_id={second}&user_id=alice")) == []
    assert ids(await admin.get("/admin/usage?user_id=nobody")) == ids(await admin.get("/admin/usage?key_id=none")) == []
    assert ids(await admin.get(f"/admin/users/bob/usage?key_id={second}&status=failed")) == ["req_3"]
    assert ids(await alice.get(f"/v1/usage?key_id={first}&model=model-1")) == ["req_1"]
    assert ids(await alice.get(f"/v1/usage?key_id={second}")) == []
    assert (await alice.get("/v1/usage?user_id=bob")).status_code == 422


async def test_sums_have_the_same_filters(admin, alice, keys):
    async def tokens(client, path):
        return (await client.get(path)).raise_for_status().json()["total"]["total_tokens"]

    assert await tokens(admin, "/admin/usage/summary") == 11111
    assert await tokens(admin, "/admin/usage/summary?user_id=bob") == 11000
    assert await tokens(admin, f"/admin/usage/summary?key_id={keys[0]}") == 11
    assert await tokens(admin, "/admin/usage/summary?model=model-0&group_by=day") == 10101
    assert await tokens(admin, "/admin/usage/summary?status=failed") == 1010
    assert await tokens(alice, f"/v1/usage/summary?key_id={keys[1]}") == 0
    assert (await admin.get("/admin/usage/summary?user_id=Bob")).json()["user_id"] == "bob"


async def test_a_record_with_its_price(desk, admin, alice):
    [price] = await desk.services.prices.put([NewPrice("tiny:latest", 150_000, 600_000)], ROOT)
    await desk.house.store.ledger.settle(record(request_id="req_priced", price_id=price.id))
    await desk.services.prices.put([NewPrice("tiny:latest", 1, 1)], ROOT)
    await desk.house.store.ledger.settle(record(request_id="req_free"))
    for client, path in ((alice, "/v1/usage"), (admin, "/admin/usage")):
        body = (await client.get(f"{path}/req_priced")).json()
        assert body["settled_at"] == "2026-11-20T12:00:00.143Z"
        assert (body["price"]["id"], body["price"]["input_usd_per_mtok"]) == (price.id, "0.15")
        listed = (await client.get(path)).json()["data"]
        assert {key: body[key] for key in body if key not in ("settled_at", "price")} in listed
        assert (await client.get(f"{path}/req_free")).json()["price"] is None


async def test_others_records_look_as_if_they_were_not_there(desk, admin, alice):
    await desk.house.store.ledger.settle(record(request_id="req_bobs", user_id="bob"))
    answers = [await alice.get("/v1/usage/req_bobs"), await alice.get("/v1/usage/req_none")]
    assert [answer.status_code for answer in answers] == [404, 404]
    told = [shape_of(answer)["message"].replace("req_bobs", "req_none") for answer in answers]
    assert told[0] == told[1]
    assert (await admin.get("/admin/usage/req_bobs")).status_code == 200
    assert (await alice.get("/admin/usage/req_bobs")).status_code == 403


async def sheet(client, path):
    response = (await client.get(path)).raise_for_status()
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    assert response.text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


async def test_a_sheet_has_the_fields_of_records(desk, alice):
    await desk.house.store.ledger.settle(
        record(usage=Usage(10, 4, 1, 20, 5), cost_pico=-123_000_000, metadata='{"team":"blue, or \\"green\\""}')
    )
    [row] = await sheet(alice, "/v1/usage.csv")
    [body] = (await alice.get("/v1/usage")).json()["data"]
    assert list(row) == list(body)
    assert (row["cost_usd"], row["total_tokens"], row["stream"]) == ("-0.000123", "30", "true")
    assert (row["price_id"], row["created_at"]) == ("", "2026-11-20T12:00:00.123Z")
    assert row["metadata"] == '{"team":"blue, or \\"green\\""}'


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_is_a_formula(desk, alice, begin):
    evil = f'{begin}HYPERLINK("http://127.0.0.1/?"&A1,"x")\n,2'
    await desk.house.store.ledger.settle(record(requested_model=evil, finish_reason=evil))
    [row] = await sheet(alice, "/v1/usage.csv")
    assert row["requested_model"] == row["finish_reason"] == f"'{evil}"


async def test_a_sheet_has_all_pages_and_no_more(desk, admin, alice, monkeypatch):
    monkeypatch.setattr(calls, "_ROWS", 7)
    ledger = desk.house.store.ledger
    for number in range(30):
        await ledger.settle(record(request_id=f"req_{number:04}", user_id="alice" if number % 2 else "bob"))
    reports, read = desk.house.store.reports, desk.house.store.reports.records

    async def while_others_settle(*args, **fields):
        found = await read(*args, **fields)
        await ledger.settle(record(request_id=f"req_{9000 + len(ledger._tables.records)}"))
        return found

    monkeypatch.setattr(reports, "records", while_others_settle)
    rows = await sheet(admin, "/admin/usage.csv")
    assert [row["request_id"] for row in rows] == [f"req_{number:04}" for number in range(29, -1, -1)]
    rows = await sheet(alice, "/v1/usage.csv?to=2026-11-21&status=completed")
    assert {row["user_id"] for row in rows} == {"alice"}
    assert await sheet(admin, "/admin/usage.csv?model=none") == []


async def test_a_sheet_has_the_filters_of_the_list(admin, alice, keys):
    assert [row["request_id"] for row in await sheet(admin, "/admin/usage.csv?user_id=bob&status=failed")] == ["req_3"]
    assert len(await sheet(alice, f"/v1/usage.csv?key_id={keys[0]}")) == 2
    assert (await alice.get("/v1/usage.csv?limit=2")).status_code == 422
    assert (await alice.get("/admin/usage.csv")).status_code == 403
