"""`tollkeeper ledger …`, as an operator runs it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.commands import Program
from tests.gateway.conftest import Gateway
from tests.store.values import NOON, a_record
from tollkeeper.cli.export import COLUMNS, write
from tollkeeper.control.usage.schemas import RecordBody, record_body
from tollkeeper.rules.chain import GENESIS, link
from tollkeeper.rules.times import parse_time
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.store.ports.record_fields import FIELDS, covered
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.export import export

DAY = 86_400_000
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "'quoted", "'")
REFUND = a_record(
    NOON + 1, endpoint=ADJUSTMENT, model="", requested_model="", upstream="", usage=NO_USAGE, cost_pico=-(10**9) - 1,
    metadata='{"reason":"=refund, \\"twice\\""}',
)  # fmt: skip
RECORDS = [
    a_record(NOON, cost_pico=10**18 + 1),
    REFUND,
    a_record(
        NOON + 2, key_id=None, metadata=None, finish_reason=None, first_token_ms=None, price_id=None, stream=False
    ),
    a_record(NOON + 3, usage=Usage(3, 0, 0, 4, 0, estimated=True), metadata='{"team":"blå, \\n\\"x\\""}'),
    *(a_record(NOON + 10 + n, requested_model=text) for n, text in enumerate(FORMULAS)),
]


async def kept(path: Path, records: list[Record], *, prune: int | None = None) -> None:
    store = await open_store(path, now=lambda: NOON)
    for record in records:
        await store.ledger.settle(record)
    if prune is not None:
        await store.ledger.prune(prune)
    await store.close()


def tampered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


async def test_an_intact_ledger(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 0
    assert ended.err == ""
    last = list(export(path))[-1]
    assert ended.lines == [
        f"The ledger is intact: {len(RECORDS)} records.",
        f"Last record of its chain: {len(RECORDS)}, hash {last.hash}",
    ]


async def test_the_database_named_by_the_settings(
    tollkeeper: Program, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(path, RECORDS)
    monkeypatch.setenv("DATABASE_PATH", str(path))
    assert tollkeeper("ledger", "verify").code == 0
    assert len(tollkeeper("ledger", "export").lines) == len(RECORDS)


async def test_pruned_records_are_reported(tollkeeper: Program, path: Path) -> None:
    await kept(path, [a_record(NOON - 3 * DAY), a_record(NOON)], prune=NOON - 2 * DAY)
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 0
    assert ended.lines[0] == "The ledger is intact: 1 record. 1 older record pruned."


async def test_each_fault_is_a_line(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    tampered(path, "UPDATE records SET cost_pico = cost_pico - 1 WHERE seq IN (1, 3)")
    tampered(path, "DELETE FROM records WHERE seq = 5")
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 1
    assert len(ended.lines) >= 4
    for line, told in zip(ended.lines, ("record 1 ", "record 3 ", "record 5 is missing"), strict=False):
        assert line.startswith(told)
    assert ended.err == f"tollkeeper: the ledger in {path} failed verification: {len(ended.lines)} faults\n"


async def test_control_characters_in_faults_are_escaped(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    tampered(path, "UPDATE records SET request_id = 'x' || char(27, 10) || '[2Jy' WHERE seq = 2")
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 1
    assert "\x1b" not in ended.out
    assert any("(x\\x1b\\n[2Jy)" in line for line in ended.lines)


@pytest.mark.parametrize("words", [["verify"], ["export"], ["export", "--output", "out.csv"]])
def test_a_missing_database_is_one_line_and_not_created(tollkeeper: Program, tmp_path: Path, words: list[str]) -> None:
    ended = tollkeeper("ledger", *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "tollkeeper: there is no database tollkeeper.db\n"
    assert list(tmp_path.iterdir()) == []


async def test_a_ledger_in_use_by_a_running_gateway(
    tollkeeper: Program, start: Callable[..., AbstractAsyncContextManager[Gateway]], path: Path
) -> None:
    async with start(database_path=path) as gateway:
        stop = asyncio.Event()
        told = 0

        async def ask() -> None:
            nonlocal told
            while not stop.is_set():
                assert (await gateway.chat()).status_code == 200
                told += 1

        asking = asyncio.create_task(ask())
        while told < 5:
            await asyncio.sleep(0)
        # The command's own thread: the gateway goes on meanwhile.
        verified = await asyncio.to_thread(tollkeeper, "ledger", "verify", "--database", path)
        exported = await asyncio.to_thread(tollkeeper, "ledger", "export", "--database", path)
        before = told
        while told < before + 5:
            await asyncio.sleep(0)
        stop.set()
        await asking
        assert verified.code == 0, verified.out + verified.err
        assert exported.code == 0
        assert len(exported.lines) >= 5
        for line in exported.lines[:5]:
            shown = json.loads(line)
            record = await gateway.store.reports.record(shown["request_id"])
            assert record is not None
            as_api = record_body(record).model_dump(mode="json")
            assert {name: shown[name] for name in as_api} == as_api


def test_columns_are_those_of_the_api_and_of_the_chain() -> None:
    assert set(COLUMNS) == {*RecordBody.model_fields, "seq", "settled_at", "opaque_user_id", "metadata_digest", "hash"}


async def test_both_formats_have_the_same_values(tollkeeper: Program, path: Path, tmp_path: Path) -> None:
    await kept(path, RECORDS)
    lines = tollkeeper("ledger", "export", "--database", path).lines
    ended = tollkeeper("ledger", "export", "--database", path, "--format", "csv", "--output", "out.csv")
    assert ended.lines == [f"{len(RECORDS)} records written to out.csv"]
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "out.csv.partial").exists()
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    objects = [json.loads(line) for line in lines]
    assert [record["request_id"] for record in objects] == [record.request_id for record in RECORDS]
    assert [record["request_id"] for record in rows] == [record.request_id for record in RECORDS]
    assert sum(Decimal(record["cost_usd"]) for record in rows) == sum(Decimal(r["cost_usd"]) for r in objects)
    for name in COLUMNS:
        if name.endswith("_tokens"):
            assert sum(int(row[name]) for row in rows) == sum(record[name] for record in objects)
    for record, row, shown in zip(RECORDS, rows, objects, strict=True):
        assert Decimal(shown["cost_usd"]).scaleb(12) == record.cost_pico
        assert row["cost_usd"] == shown["cost_usd"]
        assert row["created_at"] == shown["created_at"]
        assert row["metadata"] == (record.metadata or "")
        assert shown["metadata"] == (record.metadata and json.loads(record.metadata))
        assert row["stream"] == ("true" if record.stream else "false")
        assert row["estimated"] == ("true" if record.usage.estimated else "false")


async def test_no_csv_cell_is_a_formula(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    text = tollkeeper("ledger", "export", "--database", path, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    asked = [row["requested_model"] for row in rows[-len(FORMULAS) :]]
    assert asked == ["'" + formula for formula in FORMULAS]
    assert rows[1]["cost_usd"] == "-0.001000000001"
    for row in rows:
        assert not [name for name, cell in row.items() if name != "cost_usd" and cell.startswith(tuple("=+-@\t\r\n"))]


async def test_the_chain_can_be_verified_from_exported_lines(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    digest, newest = GENESIS, max(field.since or 1 for field in FIELDS)
    for line in tollkeeper("ledger", "export", "--database", path).lines:
        shown = json.loads(line)
        shown |= {name: parse_time(shown[name]) for name in ("created_at", "settled_at")}
        shown |= {name: int(shown[name]) for name in ("stream", "estimated")}
        shown["cost_pico"] = int(Decimal(shown["cost_usd"]).scaleb(12))
        shown["user_id"] = shown["opaque_user_id"]
        digest = link(digest, shown["seq"], [shown[field.stored_as] for field in covered(FIELDS, newest)], newest)
        assert digest.hex() == shown["hash"]


async def test_an_export_does_not_overwrite_a_file(tollkeeper: Program, path: Path, tmp_path: Path) -> None:
    await kept(path, RECORDS)
    (tmp_path / "letter").write_text("to a friend")
    ended = tollkeeper("ledger", "export", "--database", path, "--output", "letter")
    assert ended.code == 1
    assert ended.err == "tollkeeper: letter exists already\n"
    assert (tmp_path / "letter").read_text() == "to a friend"
    ended = tollkeeper("ledger", "export", "--database", path, "--output", "absent/letter")
    assert ended.code == 1
    assert ended.err == "tollkeeper: absent/letter cannot be written: No such file or directory\n"


def test_an_unknown_format_is_wrong_use(tollkeeper: Program) -> None:
    assert tollkeeper("ledger", "export", "--format", "xml").code == 2


async def test_each_record_is_written_before_the_next_is_read(path: Path) -> None:
    await kept(path, RECORDS)
    out = io.StringIO()
    seen: list[int] = []

    def one_by_one():
        for record in export(path):
            seen.append(out.getvalue().count("\n"))
            yield record

    assert write(one_by_one(), "jsonl", out) == len(RECORDS)
    assert seen == list(range(len(RECORDS)))


async def test_tampered_metadata_is_exported_unchanged(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    tampered(path, "UPDATE record_metadata SET metadata = '{'")
    ended = tollkeeper("ledger", "export", "--database", path)
    assert ended.code == 0
    assert json.loads(ended.lines[0])["metadata"] == "{"
