"""All invoices of a month in one file."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal

import msgspec
import pytest

from tests.control.desk import shape_of
from tests.control.invoices.samples import an_invoice
from tollkeeper.control.invoices import archive
from tollkeeper.control.invoices.archive import ZipWriter


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_all_lines_of_a_month(admin, finalized):
    answer = (await admin.get("/admin/invoices.csv?month=2026-10")).raise_for_status()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="invoices-2026-10.csv"'
    rows = rows_of(answer)
    assert {row["user_id"] for row in rows} == {"alice", "bob"}
    wanted = sum(Decimal(invoice["total_exact_usd"]) for invoice in finalized.values())
    assert sum(Decimal(row["cost_exact_usd"]) for row in rows) == wanted


async def test_void_ones_are_left_out_unless_they_are_asked_for(admin, finalized):
    await admin.post(f"/admin/invoices/{finalized['alice']['id']}/void", json={"reason": "x"})
    assert {row["user_id"] for row in rows_of(await admin.get("/admin/invoices.csv?month=2026-10"))} == {"bob"}
    void = rows_of(await admin.get("/admin/invoices.csv?month=2026-10&status=void"))
    assert {row["status"] for row in void} == {"void"}
    assert rows_of(await admin.get("/admin/invoices.csv?month=2026-10&user=alice")) == []


async def test_every_batch_is_there(admin, finalized, monkeypatch):
    whole = (await admin.get("/admin/invoices.csv?month=2026-10")).text
    monkeypatch.setattr(archive, "AT_A_TIME", 1)
    assert (await admin.get("/admin/invoices.csv?month=2026-10")).text == whole
    content = (await admin.get("/admin/invoices.zip?month=2026-10")).content
    assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 6


async def test_an_archive_of_a_month(admin, finalized):
    await admin.post(f"/admin/invoices/{finalized['bob']['id']}/void", json={"reason": "x"})
    answer = (await admin.get("/admin/invoices.zip?month=2026-10")).raise_for_status()
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="invoices-2026-10.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        assert found.testzip() is None
        numbers = sorted(invoice["number"] for invoice in finalized.values())
        assert sorted(found.namelist()) == [
            f"{number}.{form}" for number in numbers for form in ("csv", "html", "json")
        ]
        number = finalized["alice"]["number"]
        one = (await admin.get(f"/admin/invoices/{number}")).json()
        assert msgspec.json.decode(found.read(f"{number}.json")) == one
        assert found.read(f"{number}.html") == (await admin.get(f"/admin/invoices/{number}.html")).content
        assert found.read(f"{number}.csv") == (await admin.get(f"/admin/invoices/{number}.csv")).content
    assert (await admin.get("/admin/invoices.zip?month=2026-10")).content == answer.content


async def test_an_archive_of_nothing(admin):
    answer = (await admin.get("/admin/invoices.zip?month=2026-01")).raise_for_status()
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == []
    assert rows_of(await admin.get("/admin/invoices.csv?month=2026-01")) == []


def test_a_writer_keeps_nothing_that_it_has_given_out():
    writer = ZipWriter()
    parts = [writer.add([an_invoice(number=f"TK-{number}")]) for number in range(200)]
    assert max(map(len, parts)) < 20_000
    whole = b"".join([*parts, writer.end()])
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        assert found.testzip() is None
        assert len(found.namelist()) == 600
        assert found.infolist()[0].date_time == (2026, 11, 3, 0, 0, 0)
    assert repr(writer) == "ZipWriter(600 entries)"


@pytest.mark.parametrize("path", ["/admin/invoices.csv", "/admin/invoices.zip"])
async def test_a_month_must_be_given(admin, alice, path):
    for query in ("", "?month=october"):
        answer = await admin.get(path + query)
        assert (answer.status_code, shape_of(answer)["param"]) == (422, "month")
    assert (await alice.get(f"{path}?month=2026-10")).status_code == 403
