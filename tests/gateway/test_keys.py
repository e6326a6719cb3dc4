"""Keys through the whole gateway: what their own limits hold, and what ends with them."""

import asyncio

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.gateway.test_bad_input import check
from tests.scripted import STREAM_HEAD, chat_answer, chat_chunks, chunked, json_response, sse

BEARER = {"authorization": f"Bearer {ADMIN}"}


async def new_key(gateway, **limits):
    """Its id, and the header that it is sent in."""
    made = (await gateway.client.post("/admin/users/alice/keys", json={"limits": limits}, headers=BEARER)).json()
    return made["id"], {"authorization": f"Bearer {made['api_key']}"}


async def statuses(gateway, headers, count):
    return [
        (await gateway.client.post("/v1/chat/completions", json=ask(), headers=headers)).status_code
        for _ in range(count)
    ]


async def shown(gateway, key_id):
    keys = (await gateway.client.get("/admin/users/alice/keys", headers=BEARER)).json()["data"]
    [found] = [key for key in keys if key["id"] == key_id]
    return found


@pytest.fixture(autouse=True)
def answers(up):
    up.always(json_response(chat_answer(usage=(5, 2))))


async def test_a_key_with_limits_can_not_be_exchanged_for_one_without(gateway):
    for limits in ({"requests_total": 9}, {"allowed_models": ["other"]}, {"models": {"tiny": {"requests_total": 9}}}):
        key_id, headers = await new_key(gateway, **limits)
        other = (await gateway.client.get("/me/keys")).json()["data"][0]["id"]
        for path in ("/me/keys", f"/me/keys/{key_id}/rotate", f"/me/keys/{other}/rotate"):
            refused = await gateway.client.post(path, headers=headers)
            assert "session" in check(refused, 403, "forbidden", kind="permission_error")
        renewed = await gateway.client.post(f"/me/keys/{key_id}/rotate")
        assert renewed.status_code == 201, "with a key without limits it may be rotated"
    assert (await gateway.client.post("/me/keys")).status_code == 201


@pytest.mark.parametrize("grace", [0, 60])
async def test_what_a_key_used_counts_for_the_one_in_its_place(start, grace):
    limits = {"requests_total": 3, "tokens_per_day": 5000, "models": {"tiny": {"requests_per_month": 9}}}
    async with start() as gateway:
        first_id, first = await new_key(gateway, **limits)
        assert await statuses(gateway, first, 1) == [200]
        key_id, keys = first_id, [first]
        for _ in range(2):
            path = f"/admin/keys/{key_id}/rotate"
            made = (await gateway.client.post(path, json={"grace_seconds": grace}, headers=BEARER)).json()
            key_id = made["id"]
            keys.append({"authorization": f"Bearer {made['api_key']}"})
            assert made["usage"]["requests_total"]["used"] == 1
        if grace:
            assert await statuses(gateway, first, 1) == [200], "what the old one uses meanwhile counts for both"
        assert await statuses(gateway, keys[-1], 3 - grace // 60) == [200] * (2 - grace // 60) + [429]
        told = (await shown(gateway, key_id))["usage"]
    async with start(users=()) as gateway:
        assert (await shown(gateway, key_id))["usage"] == told
        assert told["requests_total"]["used"] == 3
        assert told["models"]["tiny"]["requests_per_month"]["used"] == 3
        assert await statuses(gateway, keys[-1], 1) == [429]


async def test_a_new_limit_of_a_rotated_key_counts_what_the_old_one_used(gateway):
    key_id, headers = await new_key(gateway)
    assert await statuses(gateway, headers, 2) == [200, 200]
    made = (await gateway.client.post(f"/admin/keys/{key_id}/rotate", headers=BEARER)).json()
    await gateway.client.patch(f"/admin/keys/{made['id']}", json={"limits": {"requests_total": 3}}, headers=BEARER)
    assert await statuses(gateway, {"authorization": f"Bearer {made['api_key']}"}, 2) == [200, 429]


async def test_an_empty_change_of_limits_changes_none(gateway):
    key_id, _ = await new_key(gateway, cost_usd_total=5, requests_per_day=3)
    for limits, left in (({}, {"cost_usd_total": 5, "requests_per_day": 3}), (None, {})):
        answer = await gateway.client.patch(f"/admin/keys/{key_id}", json={"limits": limits}, headers=BEARER)
        assert {name: value for name, value in answer.json()["limits"].items() if value} == left


async def test_what_is_left_of_a_keys_limits_is_told(gateway):
    key_id, headers = await new_key(
        gateway, requests_total=2, requests_per_month=5, models={"tiny": {"tokens_per_day": 5000}}
    )
    before = (await shown(gateway, key_id))["usage"]
    assert before["requests_per_month"]["resets_at"] is None, "nothing was used"
    assert before["models"]["tiny"]["tokens_per_day"]["resets_at"] is None
    assert await statuses(gateway, headers, 1) == [200]
    own = (await gateway.client.get("/me/keys", headers=headers)).json()["data"]
    told = (await shown(gateway, key_id))["usage"]
    assert [key["usage"] for key in own] == [{}, told]
    assert told["requests_total"] == {"limit": 2, "used": 1, "reserved": 0, "remaining": 1, "resets_at": None}
    assert told["requests_per_month"]["resets_at"].endswith("-01T00:00:00.000Z")
    assert told["models"]["tiny"]["tokens_per_day"]["used"] == 7
    assert (await gateway.client.get("/me")).json()["usage"] == {}


@pytest.mark.parametrize("how", ["revoke", "close"])
async def test_a_stream_under_a_key_whose_grace_is_over_ends_with_the_key(gateway, up, how, monkeypatch):
    async def script(conn, request):
        await conn.send(STREAM_HEAD + chunked(sse(*chat_chunks(["a"]))[0], end=False))
        await conn.hang()

    up.answer(script)
    key_id, headers = await new_key(gateway)
    async with gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True), headers=headers) as answer:
        arriving = answer.aiter_bytes()
        await anext(arriving)
        await gateway.client.post(f"/admin/keys/{key_id}/rotate", json={"grace_seconds": 1}, headers=BEARER)
        now = gateway.context.now()
        monkeypatch.setattr(gateway.context.accounts, "_now", lambda: now + 5000)
        path = f"/admin/keys/{key_id}" if how == "revoke" else "/admin/users/alice"
        assert (await gateway.client.delete(path, headers=BEARER)).status_code == 200
        async with asyncio.timeout(60):
            rest = b"".join([part async for part in arriving])
    assert b'"access_ended"' in rest
    assert (await gateway.record()).status == "cancelled"


async def test_what_is_held_for_a_request_is_in_its_intent(gateway, up, monkeypatch):
    """So that a record of what was lost tells its bound."""
    intents = []
    intend = type(gateway.store.ledger).intend

    def seen(self, intent):
        intents.append(intent)
        return intend(self, intent)

    monkeypatch.setattr(type(gateway.store.ledger), "intend", seen)
    await gateway.chat(max_tokens=50)
    price = {"model": "tiny:latest", "input_usd_per_mtok": "1", "output_usd_per_mtok": "10"}
    await gateway.client.put("/admin/prices", json=price, headers=BEARER)
    await gateway.client.put("/admin/users/alice/limits", json={"cost_usd_total": "0.002"}, headers=BEARER)
    await gateway.chat()
    unbounded, bounded = intents
    assert (unbounded.bound_tokens, unbounded.bound_cost_pico) == (None, None)
    sent = up.requests[-1].json["max_tokens"]
    held_input = bounded.bound_tokens - sent
    assert held_input > 0
    assert bounded.bound_cost_pico == held_input * 10**6 + sent * 10**7 <= 2 * 10**9
