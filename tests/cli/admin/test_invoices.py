"""`tollkeeper invoices …`, as an admin runs it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import ADMIN, Gateway, running
from tests.scripted import ScriptedUpstream
from tests.services.in_memory import record
from tollkeeper.app.ids import RequestIds
from tollkeeper.rules.times import parse_time
from tollkeeper.rules.usage import Usage

OCTOBER, NOVEMBER = parse_time("2026-10-09T12:00:00Z"), parse_time("2026-11-02T09:00:00Z")


@pytest.fixture
async def november(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway in November; alice and bob used something in October."""
    async with (
        ScriptedUpstream({"tiny:latest": ("completion",)}) as upstream,
        running(tmp_path, upstream.url, now=lambda: NOVEMBER) as gateway,
    ):
        new_id = RequestIds()
        for user_id in ("alice", "bob"):
            await gateway.store.ledger.settle(
                record(
                    request_id=new_id(OCTOBER),
                    created_at=OCTOBER,
                    settled_at=OCTOBER,
                    user_id=user_id,
                    usage=Usage(prompt_tokens=1234),
                )
            )
        yield gateway


@pytest.fixture
def invoices(ask: Ask, november: Gateway, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("TOLLKEEPER_URL", november.url)
    monkeypatch.setenv("TOLLKEEPER_API_KEY", ADMIN)

    async def asks(*words: object, **given: object) -> object:
        return await ask("invoices", *words, **given)

    return asks  # type: ignore[return-value]


async def test_a_month_is_finalized_and_listed(invoices: Ask) -> None:
    drafts = await invoices("list", "--month", "2026-10", "--status", "draft")
    assert [line.split()[:4] for line in drafts.lines[1:]] == [
        ["draft-2026-10-user-alice", "alice", "2026-10", "draft"],
        ["draft-2026-10-user-bob", "bob", "2026-10", "draft"],
    ]
    assert await invoices("finalize", "2026-10", "--user", "bob") == (0, "Issued 1 invoice for 2026-10.\n", "")
    ended = await invoices("finalize", "2026-10")
    assert ended == (0, "Issued 1 invoice for 2026-10. 1 invoice was there already.\n", "")
    as_json = await invoices("finalize", "2026-10", "--json")
    assert json.loads(as_json.out) == {"month": "2026-10", "issued": 0, "already": 2}
    listed = await invoices("list", "--json")
    assert [json.loads(line)["number"] for line in listed.lines] == ["TK-2026-000002", "TK-2026-000001"]
    listed = await invoices("list", "--user", "bob", "--status", "finalized")
    assert listed.lines[1].split()[:5] == ["TK-2026-000001", "bob", "2026-10", "finalized", "0.00"]


async def test_one_is_shown(invoices: Ask) -> None:
    await invoices("finalize", "2026-10")
    shown = await invoices("show", "TK-2026-000001")
    assert (shown.code, shown.err) == (0, "")
    assert "payer.user_id" in shown.out
    line = next(line.split() for line in shown.lines if "1,234" in line)
    assert line[1:5] == ["tiny:latest", "default", "input", "1,234"]
    assert json.loads((await invoices("show", "TK-2026-000001", "--json")).out)["number"] == "TK-2026-000001"


async def test_paid_void_and_taken_back(invoices: Ask) -> None:
    await invoices("finalize", "2026-10")
    paid = await invoices("pay", "TK-2026-000001", "--reference", "bank 4711", "--paid-at", "2026-11-01")
    assert paid == (0, "TK-2026-000001 is paid.\n", "")
    void = await invoices("void", "TK-2026-000001", "--reason", "x")
    assert (void.code, void.out) == (1, "")
    assert "credit note" in void.err
    assert (await invoices("void", "TK-2026-000002", "--reason", "x")).code == 0
    note = await invoices("credit-note", "TK-2026-000001", "--reason", "x", "--json")
    assert json.loads(note.out)["corrects"] == "TK-2026-000001"
    assert (await invoices("void", "TK-2026-000002")).code == 2


async def test_verified(invoices: Ask) -> None:
    await invoices("finalize", "2026-10")
    assert await invoices("verify") == (0, "The ledger gives the invoices again, to the last digit.\n", "")
    assert (await invoices("verify", "TK-2026-000001", "--json")).out == '{"ok":true,"faults":[]}\n'

    missing = await invoices("verify", "TK-0")
    assert (missing.code, missing.out) == (1, "")


async def test_exported(invoices: Ask, tmp_path: Path) -> None:
    await invoices("finalize", "2026-10")
    rows = list(csv.DictReader(io.StringIO((await invoices("export", "2026-10")).out, newline="")))
    assert sorted(row["user_id"] for row in rows) == ["alice", "bob"]
    target = tmp_path / "october.zip"
    ended = await invoices("export", "2026-10", "--format", "zip", "--output", target)
    assert ended == (0, f"{target.stat().st_size} bytes written to {target}\n", "")
    assert target.stat().st_mode & 0o777 == 0o600
    assert len(zipfile.ZipFile(target).namelist()) == 6
    again = await invoices("export", "2026-10", "--output", target)
    assert again == (1, "", f"tollkeeper: {target} exists already\n")
    assert not list(tmp_path.glob("*.partial"))
    wrong = await invoices("export", "october", "--output", tmp_path / "x.csv")
    assert (wrong.code, (tmp_path / "x.csv").exists()) == (1, False)


async def test_the_requests_behind_an_invoice(invoices: Ask, tmp_path: Path) -> None:
    await invoices("finalize", "2026-10")
    rows = list(csv.DictReader(io.StringIO((await invoices("requests", "TK-2026-000002")).out, newline="")))
    assert [(row["number"], row["item"], row["user_id"]) for row in rows] == [("TK-2026-000002", "line", "bob")]
    target = tmp_path / "bob.csv"
    ended = await invoices("requests", "TK-2026-000002", "--output", target)
    assert ended == (0, f"{target.stat().st_size} bytes written to {target}\n", "")
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["finalize", "2026-11"], 1, "has not ended"),
        (["finalize", "october"], 1, "'month'"),
        (["finalize"], 2, "MONTH"),
        (["show", "TK-0"], 1, "no invoice"),
        (["show", ""], 2, "empty"),
        (["requests", "TK-0"], 1, "no invoice"),
        (["requests", ""], 2, "empty"),
        (["pay", "TK-0"], 1, "no invoice"),
        (["list", "--status", "open"], 2, "--status"),
        (["list", "--user", "nobody"], 1, "nobody"),
        (["credit-note", "TK-0"], 2, "--reason"),
    ],
)
async def test_what_goes_wrong(invoices: Ask, words: list[str], code: int, told: str) -> None:
    ended = await invoices(*words)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert ended.err.count("\n") == 1


async def test_faults_are_told_a_line_each(invoices: Ask, november: Gateway) -> None:
    await invoices("finalize", "2026-10")
    await november.store.ledger.settle(record(request_id=RequestIds()(OCTOBER), created_at=OCTOBER, settled_at=OCTOBER))
    assert (await invoices("verify")).code == 0, "what comes late is no fault"
