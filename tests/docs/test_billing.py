"""The commands of docs/billing.md take an operator through a month's end, one after another."""

from __future__ import annotations

import asyncio
import shlex
import zipfile
from pathlib import Path

import pytest

from tests.cli.commands import program
from tests.docs.tables import blocks
from tests.gateway.conftest import ADMIN, running
from tests.scripted import ScriptedUpstream
from tests.services.in_memory import record
from tollkeeper.app.ids import RequestIds
from tollkeeper.rules.times import parse_time

OCTOBER, NOVEMBER = parse_time("2026-10-31T23:59:00Z"), parse_time("2026-11-02T09:00:00Z")


async def test_every_command_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [OCTOBER]
    async with (
        ScriptedUpstream({"llama3.2:1b": ("completion",)}) as upstream,
        running(tmp_path, upstream.url, now=lambda: now[0]) as gateway,
    ):
        new_id = RequestIds()
        for user_id in ("alice", "bob"):
            await gateway.store.ledger.settle(
                record(request_id=new_id(OCTOBER), created_at=OCTOBER, settled_at=OCTOBER, user_id=user_id)
            )
        now[0] = NOVEMBER
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "TOLLKEEPER_URL": gateway.url,
            "TOLLKEEPER_API_KEY": ADMIN,
            "DATABASE_PATH": str(tmp_path / "t.db"),
        }.items():
            monkeypatch.setenv(name, value)
        run = program(monkeypatch, capsys)
        told: list[str] = []
        close, after = blocks("docs/billing.md", "bash")
        for command in [*close.splitlines(), *after.splitlines()]:
            name, *words = shlex.split(command)
            assert name == "tollkeeper"
            ended = await asyncio.to_thread(run, *words)
            assert (ended.code, ended.err) == (0, ""), command
            told.append(ended.out)
    [archive] = tmp_path.glob("*.zip")
    assert len(zipfile.ZipFile(archive).namelist()) == 6
    assert told[2] == "Issued 2 invoices for 2026-10.\n"
    assert told[-4:-1] == [
        "TK-2026-000002 is void. Its records are open again.\n",
        "Issued 1 invoice for 2026-10. 1 invoice was there already.\n",
        "TK-2026-000001 is taken back by the credit note TK-2026-000004.\n",
    ]
    assert "TK-2026-000001" in told[-1]
