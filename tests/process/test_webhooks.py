"""Webhooks of a real process that is killed: each event arrives, at least once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.docs.tables import code, rows, section
from tests.process.clock import Clock
from tests.process.disk import locked
from tests.process.served import PATIENCE, Served, served
from tests.scripted import ScriptedUpstream
from tests.services.events.rig import Receiver, receiving
from tollkeeper.app.build import now_ms
from tollkeeper.rules.events import EVENT_TYPES
from tollkeeper.rules.times import format_month, month_bounds

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


DOCUMENTED = {code(name)[0]: {*code(data)} for name, _, data in rows(section("docs/alerts.md", "Events"), first="type")}
DOCUMENTED["budget.exhausted"] = DOCUMENTED["budget.threshold"]  # it says "the same"


class Story:
    """A gateway with a receiver, and what a person does with it."""

    def __init__(self, gateway: Served, receiver: Receiver, model: str) -> None:
        self.gateway = gateway
        self.receiver = receiver
        self.chat = {"model": model, "messages": [{"role": "user", "content": "hi"}]}

    async def admin(self, method: str, path: str, body: object = None) -> Any:
        return await asyncio.to_thread(self.gateway.admin, method, path, body)

    async def ask(self, key: str) -> Any:
        return await asyncio.to_thread(self.gateway.ask, key, "POST", "/v1/chat/completions", self.chat)

    def told(self, event_type: str) -> list[dict[str, Any]]:
        """The data of what was told of this type, each event once."""
        found = {each.json["id"]: each.json for each in self.receiver.messages if each.json["type"] == event_type}
        return [each["data"] for each in found.values()]

    async def hears(self, event_type: str) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE):
            while not self.told(event_type):
                self.receiver.arrived.clear()
                await self.receiver.arrived.wait()
        return self.told(event_type)


async def test_everything_that_happens_is_told_signed_and_as_documented(tmp_path: Path):
    async with ScriptedUpstream() as upstream, receiving() as receiver:
        model = next(iter(upstream.models))
        before, _ = month_bounds(month_bounds(now_ms())[0] - 1)
        with served(tmp_path, upstream.url, clock=Clock.at(tmp_path / "clock", before)) as gateway:
            last_month = Story(gateway, receiver, model)
            keys = [await asyncio.to_thread(gateway.new_user, user_id) for user_id in ("ann", "bob")]
            for key in keys:
                await last_month.ask(key)
            gateway.terminate()
            await asyncio.to_thread(gateway.exit_code)
        with served(tmp_path, upstream.url, webhook_allow=receiver.address, invoice_after_days=0) as gateway:
            story = Story(gateway, receiver, model)
            secret = (await story.admin("POST", "/admin/webhooks", {"url": receiver.url}))["secret"]

            month = format_month(before)
            issued = (await story.admin("POST", "/admin/invoices/finalize", {"month": month}))["data"]
            numbers = {invoice["payer"]["user_id"]: invoice["number"] for invoice in issued}
            await story.admin("POST", f"/admin/invoices/{numbers['ann']}/pay", {"reference": "bank 7"})
            await story.admin("POST", f"/admin/invoices/{numbers['bob']}/void", {"reason": "a mistake"})
            [paid], [void] = await story.hears("invoice.paid"), await story.hears("invoice.void")
            assert (paid["number"], paid["status"], paid["reference"]) == (numbers["ann"], "paid", "bank 7")
            assert (void["number"], void["status"], void["reason"]) == (numbers["bob"], "void", "a mistake")
            assert paid["lines"]
            assert paid == await story.admin("GET", f"/admin/invoices/{numbers['ann']}")
            assert {each["number"] for each in await story.hears("invoice.finalized")} == {*numbers.values()}

            form = {"user_id": "eve", "limits": {"requests_total": 2, "alerts": [50, 100]}}
            key = (await story.admin("POST", "/admin/users", form))["api_key"]
            [made] = await story.hears("key.created")
            for event_type in ("budget.threshold", "budget.exhausted"):
                await story.ask(key)
                [data] = await story.hears(event_type)
                assert (data["owner"], data["user_id"], data["limit"]) == ("user", "eve", "requests_total")
            await story.admin("DELETE", f"/admin/keys/{made['key_id']}")
            assert [each["key_id"] for each in await story.hears("key.revoked")] == [made["key_id"]]
            await story.admin("PATCH", "/admin/users/eve", {"status": "suspended"})
            assert [each["user_id"] for each in await story.hears("user.suspended")] == ["eve"]

            await upstream.stop_listening()
            for connection in upstream.connections:
                connection.abort()
            assert [each["upstream"] for each in await story.hears("upstream.down")] == ["default"]
            await upstream.listen()
            await story.hears("upstream.up")

            with locked(gateway.place / "tollkeeper.db"):
                asking = asyncio.create_task(story.ask(keys[0]))
                [failing] = await story.hears("ledger.failing")
            assert failing["reason"] == (await story.hears("ledger.recovered"))[0]["reason"]
            await asyncio.gather(asking, return_exceptions=True)

        for message in receiver.messages:
            told = message.verified(secret)
            assert [*told] == ["id", "type", "timestamp", "data"]
            if not told["type"].startswith("invoice."):
                assert told["data"]
                assert {*told["data"]} <= DOCUMENTED[told["type"]]
        assert {message.json["type"] for message in receiver.messages} == set(EVENT_TYPES)
