"""Webhooks of a real process that is killed: each event arrives, at least once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.process.served import PATIENCE, served
from tests.scripted import ScriptedUpstream
from tests.services.events.rig import receiving

pytestmark = pytest.mark.process


async def test_what_was_not_delivered_before_a_kill_arrives_after_it(tmp_path: Path):
    async with ScriptedUpstream() as upstream, receiving() as receiver:
        receiver.answers = [0, 0]  # it takes them, and never says so
        with served(tmp_path, upstream.url, webhook_allow=receiver.address) as gateway:
            events = ["key.created"]
            body = {"url": receiver.url, "events": events}
            secret = (await asyncio.to_thread(gateway.admin, "POST", "/admin/webhooks", body))["secret"]
            await asyncio.to_thread(gateway.new_user, "ann")
            await receiver.arrived.wait()
            await asyncio.to_thread(gateway.new_user, "bob")
            gateway.kill()
            await asyncio.to_thread(gateway.exit_code)
        receiver.answers = []
        with served(tmp_path, upstream.url, webhook_allow=receiver.address) as gateway:
            async with asyncio.timeout(PATIENCE):
                while {message.json["data"]["user_id"] for message in receiver.messages[1:]} < {"ann", "bob"}:
                    receiver.arrived.clear()
                    await receiver.arrived.wait()
        of_ann = {message.json["id"] for message in receiver.messages if message.json["data"]["user_id"] == "ann"}
        assert len(of_ann) == 1
        assert all(message.verified(secret)["type"] == "key.created" for message in receiver.messages)


async def test_a_threshold_that_a_killed_process_did_not_report_is_found_at_the_start(tmp_path: Path):
    async with ScriptedUpstream() as upstream, receiving() as receiver:
        with served(tmp_path, upstream.url, webhook_allow=receiver.address) as gateway:
            key = await asyncio.to_thread(gateway.new_user, "ann")
            limits = {"requests_total": 2, "alerts": []}
            await asyncio.to_thread(gateway.admin, "PUT", "/admin/users/ann/limits", limits)
            chat = {"model": next(iter(upstream.models)), "messages": [{"role": "user", "content": "hi"}]}
            await asyncio.to_thread(gateway.ask, key, "POST", "/v1/chat/completions", chat)
            await asyncio.to_thread(gateway.admin, "POST", "/admin/webhooks", {"url": receiver.url})
            body = {"alerts": [50]}
            await asyncio.to_thread(gateway.admin, "PUT", "/admin/users/ann/limits", body)
            gateway.kill()
            await asyncio.to_thread(gateway.exit_code)
        with served(tmp_path, upstream.url, webhook_allow=receiver.address):
            async with asyncio.timeout(PATIENCE):
                while "budget.threshold" not in [message.json["type"] for message in receiver.messages]:
                    receiver.arrived.clear()
                    await receiver.arrived.wait()
