"""`tollkeeper users …`, as an admin runs it."""

from __future__ import annotations

import json
import re

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import ADMIN, Gateway

OPAQUE = re.compile(r"u_[0-9a-f]{24}")


async def status(gateway: Gateway, user_id: str) -> int:
    answer = await gateway.client.get(f"/admin/users/{user_id}", headers={"authorization": f"Bearer {ADMIN}"})
    return answer.status_code


async def test_erase(admin: Ask, gateway: Gateway) -> None:
    code, said, wrong = await admin("users", "erase", "alice", "--yes")
    assert (code, wrong) == (0, "")
    found = OPAQUE.search(said)
    assert found is not None
    assert [await status(gateway, user_id) for user_id in ("alice", found[0])] == [404, 200]


async def test_as_json(admin: Ask) -> None:
    code, said, _ = await admin("users", "erase", "alice", "--yes", "--json")
    body = json.loads(said)
    assert (code, body["status"], body["name"]) == (0, "closed", None)
    assert OPAQUE.fullmatch(body["user_id"])


async def test_it_asks_first(admin: Ask, gateway: Gateway) -> None:
    code, _, wrong = await admin("users", "erase", "alice")
    assert code == 1
    assert "Forget alice" in wrong
    assert await status(gateway, "alice") == 200


async def test_who_is_not_there_is_said(admin: Ask) -> None:
    code, _, wrong = await admin("users", "erase", "nobody", "--yes")
    assert code == 1
    assert "nobody" in wrong
