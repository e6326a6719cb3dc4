"""Waiting for the database of the process before. Real processes: tests/process/test_handover.py"""

import asyncio

import pytest

from tollkeeper.app.build import now_ms, open_gateway
from tollkeeper.app.handover import open_store_in_turn
from tollkeeper.config import load_settings
from tollkeeper.store.errors import StoreBusy


async def test_a_database_in_use_is_waited_for_no_longer_than_is_said(tmp_path):
    settings = load_settings(database_path=tmp_path / "t.db")
    async with open_gateway(settings):
        with pytest.raises(StoreBusy):
            async with open_gateway(settings, patience=0.2):
                pass


async def test_a_database_is_opened_once_the_other_process_lets_go_of_it(tmp_path, caplog):
    caplog.set_level("INFO")
    settings = load_settings(database_path=tmp_path / "t.db")
    async with open_gateway(settings):
        waiting = asyncio.create_task(open_store_in_turn(settings, now_ms, 60, None))
        async with asyncio.timeout(60):
            while "another process has the database open" not in caplog.text:
                await asyncio.sleep(0.01)
        assert not waiting.done()
    await (await waiting).close()
    assert caplog.text.count("another process has the database open") == 1
