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
from tollkeeper.cli.export import FIELDS, write
from tollkeeper.control.usage import RecordBody, record_body
from tollkeeper.rules.chain import FIELDS as PROVED
from tollkeeper.rules.chain import GENESIS, link
from tollkeeper.rules.times import parse_time
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.store.ports import ADJUSTMENT, Record
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


async def test_a_sound_ledger(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 0
    assert ended.err == ""
    last = list(export(path))[-1]
    assert ended.lines == [
        f"The ledger holds: {len(RECORDS)} records.",
        f"Its chain ends with record {len(RECORDS)}, hash {last['hash']}",
    ]


async def test_the_database_of_the_settings(tollkeeper: Program, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept(path, RECORDS)
    monkeypatch.setenv("DATABASE_PATH", str(path))
    assert tollkeeper("ledger", "verify").code == 0
    assert len(tollkeeper("ledger", "export").lines) == len(RECORDS)


async def test_what_was_pruned_is_told(tollkeeper: Program, path: Path) -> None:
    await kept(path, [a_record(NOON - 3 * DAY), a_record(NOON)], prune=NOON - 2 * DAY)
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 0
    assert ended.lines[0] == "The ledger holds: 1 record. The first 1 were pruned."


async def test_each_fault_is_a_line(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    tampered(path, "UPDATE records SET cost_pico = cost_pico - 1 WHERE seq IN (1, 3)")
    tampered(path, "DELETE FROM records WHERE seq = 5")
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 1
    assert len(ended.lines) >= 4
    for line, told in zip(ended.lines, ("record 1 ", "record 3 ", "record 5 is missing"), strict=False):
        assert line.startswith(told)
    assert ended.err == f"tollkeeper: the ledger in {path} does not hold: {len(ended.lines)} faults\n"


async def test_a_fault_can_do_nothing_to_a_terminal(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    tampered(path, "UPDATE records SET request_id = 'x' || char(27, 10) || '[2Jy' WHERE seq = 2")
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert ended.code == 1
    assert "\x1b" not in ended.out
    assert any("(x\\x1b\\n[2Jy)" in line for line in ended.lines)


@pytest.mark.parametrize("words", [["verify"], ["export"], ["export", "--output", "out.csv"]])
def test_no_database_is_one_line_and_nothing_made(tollkeeper: Program, tmp_path: Path, words: list[str]) -> None:
    ended = tollkeeper("ledger", *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "tollkeeper: there is no database tollkeeper.db\n"
    assert list(tmp_path.iterdir()) == []


async def test_a_ledger_that_is_being_served(
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


def test_the_fields_are_those_of_the_api_and_of_the_proof() -> None:
    assert set(FIELDS) == {*RecordBody.model_fields, "seq", "settled_at", "hash"}


async def test_both_formats_say_the_same(tollkeeper: Program, path: Path, tmp_path: Path) -> None:
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
    for name in FIELDS:
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


async def test_no_cell_is_a_formula(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    text = tollkeeper("ledger", "export", "--database", path, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    asked = [row["requested_model"] for row in rows[-len(FORMULAS) :]]
    assert asked == ["'" + formula for formula in FORMULAS]
    assert rows[1]["cost_usd"] == "-0.001000000001"
    for row in rows:
        assert not [name for name, cell in row.items() if name != "cost_usd" and cell.startswith(tuple("=+-@\t\r\n"))]


async def test_lines_alone_prove_the_chain(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    digest = GENESIS
    for line in tollkeeper("ledger", "export", "--database", path).lines:
        shown = json.loads(line)
        metadata = shown["metadata"]
        shown |= {name: parse_time(shown[name]) for name in ("created_at", "settled_at")}
        shown |= {name: int(shown[name]) for name in ("stream", "estimated")}
        shown["cost_pico"] = int(Decimal(shown["cost_usd"]).scaleb(12))
        shown["metadata"] = metadata and json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
        digest = link(digest, shown["seq"], [shown[name] for name in PROVED])
        assert digest.hex() == shown["hash"]


async def test_an_export_takes_no_files_place(tollkeeper: Program, path: Path, tmp_path: Path) -> None:
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


async def test_each_record_is_written_before_the_next_is_asked_for(path: Path) -> None:
    await kept(path, RECORDS)
    out = io.StringIO()
    seen: list[int] = []

    def one_by_one():
        for record in export(path):
            seen.append(out.getvalue().count("\n"))
            yield record

    assert write(one_by_one(), "jsonl", out) == len(RECORDS)
    assert seen == list(range(len(RECORDS)))


async def test_metadata_that_was_tampered_with_is_exported_as_it_is(tollkeeper: Program, path: Path) -> None:
    await kept(path, RECORDS)
    tampered(path, "UPDATE records SET metadata = '{' WHERE seq = 1")
    ended = tollkeeper("ledger", "export", "--database", path)
    assert ended.code == 0
    assert json.loads(ended.lines[0])["metadata"] == "{"
