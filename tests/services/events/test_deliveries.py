"""Deliveries to a real receiver: at least once, for a day, and never for long."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.services.events.rig import Clock, Receiver, Sending, receiving, sending
from tests.services.in_memory import ROOT
from tollkeeper.rules.retries import TRIED_FOR_MS
from tollkeeper.services.events.deliveries import AT_ONCE, CLAIM_MS, KEPT_MS, POLL_SECONDS, TRIES_KEPT
from tollkeeper.services.events.post import Outcome
from tollkeeper.services.events.webhooks import WebhookChange
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.events import Event


async def states(sender: Sending, target: str) -> list[tuple[str, int]]:
    return [
        (due.delivery.status, due.delivery.count)
        for due in await sender.store.events.deliveries(target=target, limit=99)
    ]


async def test_an_event_arrives_signed_and_once(sender: Sending, receiver: Receiver) -> None:
    webhook = await sender.add(receiver.url)
    event_id = await sender.happen("upstream.down", upstream="gpu", reason="it fails its probe")
    await sender.deliver()
    await sender.deliver()
    [message] = receiver.messages
    content = message.verified(webhook.secrets[0].text)
    assert content == {
        "id": event_id,
        "type": "upstream.down",
        "timestamp": content["timestamp"],
        "data": {"upstream": "gpu", "reason": "it fails its probe"},
    }
    assert message.headers["webhook-id"] == event_id
    assert message.headers["webhook-timestamp"] == str(sender.clock.ms // 1000)
    assert message.headers["content-type"] == "application/json"
    assert await states(sender, webhook.id) == [("delivered", 1)]


async def test_a_webhook_gets_what_it_asks_for(sender: Sending, receiver: Receiver) -> None:
    await sender.add(receiver.url, events=["key.created"])
    await sender.happen("upstream.down")
    await sender.happen("key.created")
    await sender.deliver()
    assert [message.json["type"] for message in receiver.messages] == ["key.created"]


async def test_events_from_before_a_webhook_do_not_reach_it(sender: Sending, receiver: Receiver) -> None:
    await sender.happen()
    sender.clock.ms += 1
    await sender.add(receiver.url)
    await sender.deliver()
    assert receiver.messages == []


async def test_a_failure_is_tried_again_later_with_the_same_id(sender: Sending, receiver: Receiver) -> None:
    webhook = await sender.add(receiver.url)
    receiver.answers = [500, 503]
    await sender.happen()
    await sender.deliver()
    await sender.deliver()
    assert len(receiver.messages) == 1  # not yet
    sender.clock.ms += 5_000
    await sender.deliver()
    sender.clock.ms += 15_000
    await sender.deliver()
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    assert len({message.headers["webhook-timestamp"] for message in receiver.messages}) == 3
    assert await states(sender, webhook.id) == [("delivered", 3)]
    [(delivery, _)] = await sender.store.events.deliveries(target=webhook.id, limit=9)
    assert [(tried["status"], tried["error"]) for tried in json.loads(delivery.tries)] == [
        (500, "it answered 500"),
        (503, "it answered 503"),
        (200, None),
    ]


async def test_after_a_day_it_is_dead_and_an_admin_can_revive_it(sender: Sending, receiver: Receiver) -> None:
    webhook = await sender.add(receiver.url)
    receiver.answers = [500] * 99
    await sender.happen()
    began = sender.clock.ms
    await sender.deliver()
    while (due := await sender.store.events.next_due()) is not None:
        sender.clock.ms = due
        await sender.deliver()
    assert began + TRIED_FOR_MS / 2 < sender.clock.ms <= began + TRIED_FOR_MS
    [(status, count)] = await states(sender, webhook.id)
    assert status == "dead"
    assert count == len(receiver.messages)
    [(delivery, _)] = await sender.store.events.deliveries(target=webhook.id, limit=9)
    assert len(json.loads(delivery.tries)) == min(count, TRIES_KEPT)
    receiver.answers = []
    assert await sender.store.events.revive(sender.clock.ms, target=webhook.id) == 1
    await sender.deliver()
    assert await states(sender, webhook.id) == [("delivered", 1)]


async def test_a_receiver_that_hangs_is_given_up_within_its_time(clock: Clock, receiver: Receiver) -> None:
    sender = await sending(clock, receiver.address, timeout=0.05)
    webhook = await sender.add(receiver.url)
    receiver.answers = [0]
    await sender.happen()
    await sender.deliver()
    [(delivery, _)] = await sender.store.events.deliveries(target=webhook.id, limit=9)
    assert (delivery.status, delivery.count) == ("pending", 1)
    assert json.loads(delivery.tries)[0]["error"] == "no answer within 0.05 seconds"


async def test_hanging_receivers_leave_room_for_others(sender: Sending, receiver: Receiver) -> None:
    await sender.webhooks.add(receiver.url, ROOT, events=["upstream.down"])
    receiver.answers = [0] * 40
    async with receiving() as other:
        quick = await sending(sender.clock, receiver.address, other.address, store=sender.store)
        await quick.add(other.url, events=["upstream.up"])
        for _ in range(40):
            await quick.happen("upstream.down")
        await quick.happen("upstream.up")
        running = asyncio.create_task(quick.deliveries.run())
        await other.arrived.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert other.messages[0].json["type"] == "upstream.up"
        assert len(receiver.messages) <= AT_ONCE


async def test_many_hanging_receivers_leave_all_its_places_to_one_that_answers(clock: Clock) -> None:
    async with receiving() as hanging, receiving() as other:
        hanging.answers = [0] * 1000
        sender = await sending(clock, hanging.address, other.address)
        for _ in range(10):
            await sender.add(hanging.url)
        await sender.add(other.url)
        for _ in range(20):
            await sender.happen()
        running = asyncio.create_task(sender.deliveries.run())
        async with asyncio.timeout(POLL_SECONDS):  # no place is ever free because one that hangs was given up
            while len(other.messages) < 20:
                other.arrived.clear()
                await other.arrived.wait()
        assert len(hanging.messages) <= 10 * AT_ONCE
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _SlowMail:
    def __init__(self) -> None:
        self.under_way = 0

    def recipients(self, event: Event) -> list[str]:
        return [f"{number}@example.com" for number in range(20)]

    async def send(self, address: str, event: Event) -> Outcome:
        self.under_way += 1
        await asyncio.Event().wait()
        return Outcome()


async def test_an_smtp_server_that_hangs_has_few_connections_however_many_the_addresses(
    clock: Clock, receiver: Receiver
) -> None:
    mail = _SlowMail()
    sender = await sending(clock, receiver.address, mail=mail)
    await sender.add(receiver.url)
    for _ in range(3):
        await sender.happen()
    running = asyncio.create_task(sender.deliveries.run())
    while len(receiver.messages) < 3:
        receiver.arrived.clear()
        await receiver.arrived.wait()
    assert mail.under_way == AT_ONCE
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_a_killed_process_had_under_way_is_sent_again(clock: Clock, receiver: Receiver) -> None:
    store = MemoryStore()
    killed = await sending(clock, receiver.address, store=store)
    webhook = await killed.add(receiver.url)
    receiver.answers = [0]
    event_id = await killed.happen()
    running = asyncio.create_task(killed.deliveries.run())
    await receiver.arrived.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    started = await sending(clock, receiver.address, store=store)
    await started.deliver()
    assert len(receiver.messages) == 1  # the other may still be at it
    clock.ms += CLAIM_MS
    await started.deliver()
    assert [message.json["id"] for message in receiver.messages] == [event_id, event_id]
    assert await states(started, webhook.id) == [("delivered", 1)]


async def test_a_paused_webhook_gets_later_what_happened_meanwhile(sender: Sending, receiver: Receiver) -> None:
    webhook = await sender.add(receiver.url, status="paused")
    await sender.happen()
    await sender.deliver()
    assert receiver.messages == []
    await sender.webhooks.change(webhook.id, WebhookChange(status="active"), ROOT)
    await sender.deliver()
    assert len(receiver.messages) == 1


async def test_a_removed_webhook_gets_nothing_more(sender: Sending, receiver: Receiver) -> None:
    webhook = await sender.add(receiver.url)
    receiver.answers = [500]
    await sender.happen()
    await sender.deliver()
    await sender.webhooks.remove(webhook.id, ROOT)
    sender.clock.ms += 60_000
    await sender.deliver()
    assert len(receiver.messages) == 1
    assert await states(sender, webhook.id) == []


async def test_during_a_rotation_both_secrets_verify(sender: Sending, receiver: Receiver) -> None:
    webhook = await sender.add(receiver.url)
    rotated = await sender.webhooks.rotate(webhook.id, ROOT, grace_seconds=60)
    old, new = webhook.secrets[0].text, rotated.secrets[0].text
    await sender.happen()
    await sender.deliver()
    assert receiver.messages[0].verified(old) == receiver.messages[0].verified(new)
    assert len(receiver.messages[0].headers["webhook-signature"].split(" ")) == 2
    sender.clock.ms += 60_000
    await sender.happen()
    await sender.deliver()
    assert receiver.messages[1].verified(new)
    with pytest.raises(Exception, match="No matching signature"):
        receiver.messages[1].verified(old)


async def test_an_event_that_cannot_be_saved_is_sent_once(sender: Sending, receiver: Receiver) -> None:
    webhook = await sender.add(receiver.url)
    event = sender.outbox.event("ledger.failing", {"reason": "disk full"})
    sender.store.fail = "disk full"  # type: ignore[attr-defined]
    await sender.deliveries.send_unsaved(event)
    assert receiver.messages[0].verified(webhook.secrets[0].text)["id"] == event.id


async def test_while_the_database_fails_it_waits_and_goes_on_after(sender: Sending, receiver: Receiver) -> None:
    await sender.add(receiver.url)
    await sender.happen()
    sender.store.fail = "disk full"  # type: ignore[attr-defined]
    assert await sender.deliveries.step() == POLL_SECONDS
    assert receiver.messages == []
    sender.store.fail = None  # type: ignore[attr-defined]
    await sender.deliver()
    assert len(receiver.messages) == 1


async def test_old_events_are_forgotten(sender: Sending) -> None:
    await sender.happen()
    await sender.deliver()
    sender.clock.ms += KEPT_MS + 1
    await sender.deliver()
    assert await sender.store.events.events(limit=9) == []


async def test_a_new_event_is_sent_without_waiting_for_the_next_look(sender: Sending, receiver: Receiver) -> None:
    await sender.add(receiver.url)
    sender.outbox.on_saved.append(sender.deliveries.wake)
    running = asyncio.create_task(sender.deliveries.run())
    while (await sender.deliveries.step()) != POLL_SECONDS:
        pass
    async with asyncio.timeout(POLL_SECONDS - 1):
        await sender.happen()
        await receiver.arrived.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_paused_webhook_is_not_told_of_what_cannot_be_saved_either(sender: Sending, receiver: Receiver) -> None:
    await sender.add(receiver.url, status="paused")
    await sender.deliveries.send_unsaved(sender.outbox.event("ledger.failing", {"reason": "disk full"}))
    assert receiver.messages == []


async def test_what_waited_for_days_before_its_first_try_is_tried_for_a_day(
    sender: Sending, receiver: Receiver
) -> None:
    webhook = await sender.add(receiver.url, status="paused")
    await sender.happen()
    await sender.deliver()
    sender.clock.ms += 3 * TRIED_FOR_MS
    await sender.webhooks.change(webhook.id, WebhookChange(status="active"), ROOT)
    receiver.answers = [500]
    await sender.deliver()
    assert await states(sender, webhook.id) == [("pending", 1)]
    sender.clock.ms += 5_000
    await sender.deliver()
    assert await states(sender, webhook.id) == [("delivered", 2)]


class _FaultyMail:
    """Finds no words for an event, or cannot say who gets it."""

    def __init__(self, *, recipients: bool) -> None:
        self.faulty_recipients = recipients
        self.asked = asyncio.Event()

    def recipients(self, event: Event) -> list[str]:
        self.asked.set()
        if self.faulty_recipients:
            raise RuntimeError("a fault of the gateway")
        return ["ops@example.com"]

    async def send(self, address: str, event: Event) -> Outcome:
        raise KeyError("end_user_id")


async def test_an_event_that_cannot_be_written_is_given_up_like_any_other(clock: Clock) -> None:
    sender = await sending(clock, mail=_FaultyMail(recipients=False))
    await sender.happen()
    await sender.deliver()
    while (due := await sender.store.events.next_due()) is not None:
        clock.ms = due
        await sender.deliver()
    [(delivery, _)] = await sender.store.events.deliveries(target="ops@example.com", limit=9)
    assert delivery.status == "dead"
    assert "by a fault of the gateway" in json.loads(delivery.tries)[-1]["error"]


async def test_a_fault_does_not_end_the_queue(clock: Clock, receiver: Receiver) -> None:
    mail = _FaultyMail(recipients=True)
    sender = await sending(clock, receiver.address, mail=mail)
    await sender.add(receiver.url)
    await sender.happen()
    running = asyncio.create_task(sender.deliveries.run())
    await mail.asked.wait()
    mail.faulty_recipients = False
    sender.deliveries.wake()
    async with asyncio.timeout(POLL_SECONDS):
        await receiver.arrived.wait()
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
