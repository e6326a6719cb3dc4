"""Webhooks, as admins manage them."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.events.rig import KEY, Receiver, Sending, sending
from tests.services.in_memory import ROOT
from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.services.events.post import Poster
from tollkeeper.services.events.webhooks import MOST_WEBHOOKS, WebhookChange, Webhooks
from tollkeeper.services.keyring.master_key import MasterKey

URL = "https://hooks.example/x"


async def audited(sender: Sending) -> list[tuple[str, str, str]]:
    entries = await sender.store.audit.entries(limit=9, after=None)
    return [(entry.action, entry.target, entry.detail) for entry in entries]


async def test_changes_survive_a_restart_and_are_audited_without_secrets(sender: Sending) -> None:
    made = await sender.add(URL, events=["key.created", "key.created"], description="ours")
    changed = await sender.webhooks.change(made.id, WebhookChange(events=None, status="paused"), ROOT)
    rotated = await sender.webhooks.rotate(made.id, ROOT, grace_seconds=0)
    assert made.events == ("key.created",)
    assert (changed.events, changed.status, changed.description) == (None, "paused", "ours")
    assert len(rotated.secrets) == 1
    again = await sending(sender.clock, store=sender.store)
    assert again.webhooks.all() == [rotated]
    await sender.webhooks.remove(made.id, ROOT)
    found = await audited(sender)
    assert [action for action, _, _ in found] == [
        "webhook.delete",
        "webhook.rotate",
        "webhook.update",
        "webhook.create",
    ]
    assert "whsec" not in str(found)


async def test_a_second_rotation_ends_the_secret_before_the_last(sender: Sending) -> None:
    made = await sender.add(URL)
    await sender.webhooks.rotate(made.id, ROOT, grace_seconds=60)
    rotated = await sender.webhooks.rotate(made.id, ROOT, grace_seconds=60)
    assert len(rotated.secrets) == 2
    assert made.secrets[0].text not in [secret.text for secret in rotated.secrets]


@pytest.mark.parametrize("url", ["http://hooks.example/", "https://127.0.0.1/", "nonsense", "https://a@b.example/"])
async def test_a_wrong_url_is_named(sender: Sending, url: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        await sender.add(url)
    assert refused.value.param == "url"
    made = await sender.add(URL)
    with pytest.raises(Unprocessable):
        await sender.webhooks.change(made.id, WebhookChange(url=url), ROOT)


@pytest.mark.parametrize("events", [[], ["key.made"]])
async def test_wrong_events_are_named(sender: Sending, events: list[str]) -> None:
    with pytest.raises(Unprocessable) as refused:
        await sender.add(URL, events=events)
    assert refused.value.param == "events"


async def test_there_is_a_most(sender: Sending) -> None:
    await asyncio.gather(*(sender.add(URL) for _ in range(MOST_WEBHOOKS)))
    with pytest.raises(Conflict):
        await sender.add(URL)


async def test_what_is_not_there_is_not_found(sender: Sending) -> None:
    for attempt in (
        sender.webhooks.rotate("wh_0", ROOT, grace_seconds=0),
        sender.webhooks.remove("wh_0", ROOT),
        sender.webhooks.change("wh_0", WebhookChange(status="paused"), ROOT),
        sender.webhooks.test("wh_0", ROOT),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_test_is_sent_at_once_and_leaves_nothing(sender: Sending, receiver: Receiver) -> None:
    made = await sender.add(receiver.url, status="paused")
    receiver.answers = [200, 500]
    tried = await sender.webhooks.test(made.id, ROOT)
    assert tried.outcome.delivered
    content = receiver.messages[0].verified(made.secrets[0].text)
    assert (content["type"], content["data"]) == ("webhook.test", {"webhook_id": made.id, "by": "@bootstrap"})
    assert (await sender.webhooks.test(made.id, ROOT)).outcome.error == "it answered 500"
    assert await sender.store.events.deliveries(target=made.id, limit=9) == []


async def test_a_webhook_whose_secrets_do_not_open_stops_no_other(sender: Sending) -> None:
    made = await sender.add(URL)
    foreign = Webhooks(sender.store.webhooks, MasterKey(b"x" * 32), Poster(), sender.clock)
    await foreign.load()
    other = await foreign.add(URL, ROOT)
    ours = Webhooks(sender.store.webhooks, KEY, Poster(), sender.clock)
    await ours.load()
    assert [webhook.id for webhook in ours.all()] == [made.id]
    assert other.id != made.id


async def test_what_is_read_anew_does_not_undo_a_change_that_is_saved_meanwhile(sender: Sending) -> None:
    made = await sender.add(URL)
    load = sender.store.webhooks.load
    read, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        rows = await load()
        read.set()
        await go_on.wait()
        return rows

    sender.store.webhooks.load = slow  # type: ignore[method-assign]
    loading = asyncio.create_task(sender.webhooks.load())
    await read.wait()
    rotating = asyncio.create_task(sender.webhooks.rotate(made.id, ROOT, grace_seconds=0))
    await asyncio.sleep(0)
    go_on.set()
    await loading
    assert sender.webhooks.get(made.id) in (made, await rotating)
    assert sender.webhooks.get(made.id) == rotating.result()
