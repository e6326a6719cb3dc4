"""Alerts of the whole gateway: what requests use is reported to a real receiver, and no request waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.gateway.conftest import Gateway, ask
from tests.scripted import Gate, ScriptedUpstream, chat_answer, json_response, ollama_error
from tests.services.events.rig import Receiver, receiving
from tests.services.events.test_mail import smtp
from tollkeeper.app.build import now_ms
from tollkeeper.store.ports.counters import PastUse


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


async def report(gateway: Gateway) -> None:
    """What the background work does next."""
    await gateway.records()
    await gateway.alerts.budgets.check()
    await gateway.alerts.deliveries.step()
    await gateway.alerts.deliveries.idle()


async def add_webhook(gateway: Gateway, receiver: Receiver, **fields: Any) -> str:
    body = {"url": receiver.url} | fields
    response = await gateway.client.post("/admin/webhooks", headers=gateway.as_admin, json=body)
    assert response.status_code == 201
    secret: str = response.json()["secret"]
    return secret


async def admin(gateway: Gateway, method: str, path: str, body: Any = None) -> Any:
    response = await gateway.client.request(method, path, headers=gateway.as_admin, json=body)
    assert response.is_success, response.text
    return response.json()


async def set_limits(gateway: Gateway, **limits: Any) -> None:
    path = "/admin/users/alice/limits"
    assert (await gateway.client.put(path, headers=gateway.as_admin, json=limits)).status_code == 200


async def test_a_budget_is_reported_as_it_is_used_up(start, receiver: Receiver) -> None:
    async with start(webhook_allow=receiver.address) as gateway:
        secret = await add_webhook(gateway, receiver, events=["budget.threshold", "budget.exhausted"])
        await set_limits(gateway, requests_per_month=5)
        statuses = []
        for _ in range(6):
            statuses.append((await gateway.chat()).status_code)
            await report(gateway)
        assert statuses == [200] * 5 + [429]
        told = [message.verified(secret) for message in receiver.messages]
        assert [(each["type"], each["data"]["used"]) for each in told] == [
            ("budget.threshold", 4),
            ("budget.exhausted", 5),
        ]
        alerts = (await gateway.client.get("/me/alerts")).json()["data"]
        assert [(each["limit"], each["percent"]) for each in alerts] == [
            ("requests_per_month", 100),
            ("requests_per_month", 80),
        ]
        await set_limits(gateway, requests_per_month=50)
        await report(gateway)
        assert (await gateway.client.get("/me/alerts")).json()["data"] == []


async def test_a_budget_whose_rest_is_too_small_for_any_request_is_exhausted(start, receiver: Receiver) -> None:
    async with start(webhook_allow=receiver.address) as gateway:
        await add_webhook(gateway, receiver, events=["budget.exhausted"])
        await set_limits(gateway, tokens_per_day=100_000)
        used = PastUse(("user", "alice"), "tokens_per_day", 99_990, now_ms())
        await gateway.context.admission.counters.add([used])
        await report(gateway)
        assert receiver.messages == []
        refused = await gateway.chat()
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
        await report(gateway)
        assert [message.json["data"]["used"] for message in receiver.messages] == [99_990]


async def test_the_percentages_of_the_limits_count(start, receiver: Receiver) -> None:
    async with start(webhook_allow=receiver.address) as gateway:
        await add_webhook(gateway, receiver)
        await set_limits(gateway, requests_total=4, alerts=[50])
        for _ in range(4):
            await gateway.chat()
            await report(gateway)
        assert [message.json["data"]["percent"] for message in receiver.messages] == [50]


async def test_a_budget_of_everyone_together(start, receiver: Receiver) -> None:
    async with start(webhook_allow=receiver.address, budget_per_month="1") as gateway:
        await add_webhook(gateway, receiver)
        body = {"user_id": "bob", "cost_usd": "0.85", "reason": "a correction"}
        await gateway.client.post("/admin/adjustments", headers=gateway.as_admin, json=body)
        await report(gateway)
        [message] = receiver.messages
        data = message.json["data"]
        assert (data["owner"], data["percent"], data["value"], data["used"]) == ("everyone", 80, "1", "0.85")


async def test_changes_of_accounts_are_reported(start, receiver: Receiver) -> None:
    async with start(webhook_allow=receiver.address) as gateway:
        secret = await add_webhook(gateway, receiver)
        for body in ({"status": "suspended"}, {"status": "active"}):
            await gateway.client.patch("/admin/users/bob", headers=gateway.as_admin, json=body)
        await gateway.client.post("/me/keys", json={"name": "second"})
        await report(gateway)
        told = sorted(message.verified(secret)["type"] for message in receiver.messages)
        assert told == ["key.created", "user.suspended"]
        assert all(gateway.secrets["alice"] not in message.body.decode() for message in receiver.messages)


async def test_no_request_waits_for_receivers_that_never_answer(start, receiver: Receiver) -> None:
    receiver.answers = [0] * 1000
    async with start(webhook_allow=receiver.address) as gateway:
        for _ in range(10):
            await add_webhook(gateway, receiver)
        await set_limits(gateway, requests_total=100, alerts=[1, 2, 3, 4, 5])
        running = asyncio.create_task(gateway.alerts.deliveries.run())
        answers = []
        for _ in range(5):
            answers += await asyncio.gather(*(gateway.chat() for _ in range(4)))
            await gateway.alerts.budgets.check()
        await receiver.arrived.wait()
        answers += await asyncio.gather(*(gateway.chat() for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_webhook_to_this_machine_is_refused_unless_it_is_allowed(start, receiver: Receiver) -> None:
    async with start() as gateway:
        for url in (receiver.url, receiver.url.replace("http:", "https:"), "https://localhost/"):
            response = await gateway.client.post("/admin/webhooks", headers=gateway.as_admin, json={"url": url})
            if response.status_code == 201:  # a name: it is vetted when it is asked
                path = f"/admin/webhooks/{response.json()['id']}/test"
                tried = (await gateway.client.post(path, headers=gateway.as_admin)).json()
                assert tried["error"].startswith("its address is refused")
            else:
                assert response.status_code == 422
        assert receiver.messages == []


async def test_two_hundred_at_once_that_cross_a_threshold_are_one_event(start, receiver: Receiver) -> None:
    async with start(webhook_allow=receiver.address) as gateway:
        await add_webhook(gateway, receiver)
        await set_limits(gateway, requests_per_day=200)
        checking = asyncio.create_task(repeat(gateway.alerts.budgets.check))
        answers = await asyncio.gather(*(gateway.chat() for _ in range(200)))
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
        assert {answer.status_code for answer in answers} == {200}
        await report(gateway)
        await report(gateway)
        told = [message.json["type"] for message in receiver.messages]
        assert sorted(told) == ["budget.exhausted", "budget.threshold"]


async def repeat(check: Any) -> None:
    while True:
        await check()
        await asyncio.sleep(0)


async def test_the_budget_of_an_end_user_is_reported_and_mailed(start, receiver: Receiver) -> None:
    async with smtp() as mailbox:
        settings = {"smtp_host": "127.0.0.1", "smtp_port": mailbox.port, "smtp_tls": "none"}
        settings |= {"smtp_from": "gate@tolls.example", "alert_emails": "ops@example.com"}
        async with start(webhook_allow=receiver.address, **settings) as gateway:
            await add_webhook(gateway, receiver, events=["budget.threshold", "budget.exhausted"])
            await admin(gateway, "PATCH", "/admin/users/alice", {"email": "alice@example.com"})
            form = {"acts_for": "users", "acts_for_limits": {"requests_total": 4, "alerts": [50, 100]}}
            key = await admin(gateway, "POST", "/admin/users/alice/keys", form)
            app = {"authorization": f"Bearer {key['api_key']}", "x-tollkeeper-user": "mia"}
            for _ in range(4):
                assert (await gateway.client.post("/v1/chat/completions", json=ask(), headers=app)).is_success
                await report(gateway)
            [mia] = (await admin(gateway, "GET", "/admin/users/alice/end-users"))["data"]
            told = [message.json["data"] for message in receiver.messages]
            assert [(each["owner"], each["percent"], each["end_user_id"], each["user_id"]) for each in told] == [
                ("end_user", 50, mia["id"], "alice"),
                ("end_user", 100, mia["id"], "alice"),
            ]
            [alert, _] = (await gateway.client.get("/me/alerts")).json()["data"]
            assert (alert["kind"], alert["id"], alert["percent"]) == ("end_user", mia["id"], 100)
            await admin(gateway, "PUT", f"/admin/end-users/{mia['id']}/limits", {"requests_total": 40})
            await report(gateway)
            assert (await gateway.client.get("/me/alerts")).json()["data"] == []
        assert [mail["subject"] for mail in mailbox.mails] == [
            f"50 % of requests_total of the end user {mia['id']} of alice is used",
            f"Budget used up: requests_total of the end user {mia['id']} of alice",
        ]
        assert mailbox.recipients == [["alice@example.com"]] * 2
        assert all("mia" not in str(mail) for mail in mailbox.mails)


async def test_what_ends_after_a_move_is_reported_to_the_team_that_it_counts_for(
    start, receiver: Receiver, up: ScriptedUpstream
) -> None:
    async with start(webhook_allow=receiver.address) as gateway:
        await add_webhook(gateway, receiver)
        for team in ("blue", "red"):
            await admin(gateway, "POST", "/admin/teams", {"team_id": team, "limits": {"tokens_total": 10_000}})
        await admin(gateway, "PATCH", "/admin/users/alice", {"team": "blue"})
        gate = Gate([json_response(chat_answer(usage=(8_000, 900)))])
        up.answer(gate)
        asking = asyncio.create_task(gateway.chat())
        while not up.calls("POST /v1/chat/completions"):
            await asyncio.sleep(0)
        await admin(gateway, "PATCH", "/admin/users/alice", {"team": "red"})
        await gateway.alerts.budgets.check()  # the teams' new limits have been looked at
        gate.open()
        await asking
        await report(gateway)
        [data] = [message.json["data"] for message in receiver.messages]
        assert (data["owner"], data["team_id"], data["percent"], data["used"]) == ("team", "blue", 80, 8_900)


async def test_a_team_s_budget_is_shown_to_its_members_and_mailed_to_its_admins(start) -> None:
    async with smtp() as mailbox:
        settings = {"smtp_host": "127.0.0.1", "smtp_port": mailbox.port, "smtp_tls": "none"}
        async with start(smtp_from="gate@tolls.example", **settings) as gateway:
            limits = {"requests_total": 5}
            await admin(gateway, "POST", "/admin/teams", {"team_id": "blue", "limits": limits})
            boss = {"user_id": "boss", "team": "blue", "team_admin": True, "email": "boss@example.com"}
            key = (await admin(gateway, "POST", "/admin/users", boss))["api_key"]
            await admin(gateway, "PATCH", "/admin/users/alice", {"team": "blue", "email": "alice@example.com"})
            for _ in range(4):
                await gateway.chat()
            await report(gateway)
            for headers in ({}, {"authorization": f"Bearer {key}"}):
                [alert] = (await gateway.client.get("/me/alerts", headers=headers)).json()["data"]
                assert (alert["kind"], alert["team_id"], alert["percent"]) == ("team", "blue", 80)
        assert mailbox.recipients == [["boss@example.com"]]
        assert mailbox.mails[0]["subject"] == "80 % of requests_total of the team blue is used"


@pytest.mark.parametrize("status", [401, 402])
async def test_an_upstream_that_refuses_the_operator_s_key_is_reported_until_it_serves_again(
    start, receiver: Receiver, up: ScriptedUpstream, status: int
) -> None:
    async with start(webhook_allow=receiver.address) as gateway:
        await add_webhook(gateway, receiver, events=["upstream.down", "upstream.up"])
        up.answer(ollama_error(status, "no"))
        assert (await gateway.chat()).status_code == 502
        for _ in range(2):
            await gateway.alerts.conditions.check()
            await report(gateway)
        [down] = receiver.messages
        assert down.json["data"] == {
            "upstream": "default",
            "reason": "it refuses the gateway's key, or its account cannot pay",
        }
        [upstream] = gateway.context.registry.active()
        upstream.health.clear()  # as an admin does who changes its key
        assert (await gateway.chat()).status_code == 200
        await gateway.alerts.conditions.check()
        await report(gateway)
        assert [message.json["type"] for message in receiver.messages] == ["upstream.down", "upstream.up"]
