"""Requests whose sender changes while they arrive."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.gateway.conftest import ask
from tests.gateway.test_acting import AS_ADMIN, key, people
from tests.gateway.test_bad_input import check
from tests.services.upstreams.http.helpers import until


async def while_it_arrives(gateway, app: dict[str, str], change: Callable[[], Awaitable[None]], **fields: Any):
    """The answer to a request when `change` happens while its body arrives."""
    text = json.dumps(ask(**fields)).encode()
    [made] = [each for each in gateway.context.accounts.keys_of("alice") if each.acting]

    async def body() -> AsyncIterator[bytes]:
        yield text[:9]
        await until(lambda: gateway.context.accounts.key(made.id).last_used_at)
        await change()
        yield text[9:]

    headers = app | {"content-type": "application/json"}
    return await gateway.client.post("/v1/chat/completions", content=body(), headers=headers)


@pytest.mark.parametrize("acts_from", ["headers", "body"])
async def test_an_account_that_is_erased_while_a_body_arrives_makes_nobody(gateway, up, acts_from):
    app = await key(gateway, acts_from=acts_from)

    async def erase() -> None:
        gone = await gateway.client.delete("/admin/users/alice?erase=true", headers=AS_ADMIN)
        assert gone.status_code == 200, gone.text

    refused = check(await while_it_arrives(gateway, app, erase, user="mia"), 401, "invalid_api_key")
    assert "ask an admin for one" in refused
    await gateway.client.post("/admin/users", json={"user_id": "alice"}, headers=AS_ADMIN)
    assert await people(gateway) == {}, "whoever gets the id has nobody yet"
    assert not up.calls("POST /v1/chat/completions")


async def test_a_key_that_stops_acting_while_a_body_arrives_is_its_owners(gateway):
    app = await key(gateway, acts_from="body")
    [made] = [each for each in gateway.context.accounts.keys_of("alice") if each.acting]

    async def stop() -> None:
        changed = await gateway.client.patch(f"/admin/keys/{made.id}", json={"acts_for": None}, headers=AS_ADMIN)
        assert changed.status_code == 200, changed.text

    assert (await while_it_arrives(gateway, app, stop, user="mia")).status_code == 200
    assert (await gateway.record()).end_user_id is None
