"""`tollkeeper users identities`, `link` and `unlink`, as an admin runs them."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import TEST, Gateway


async def test_a_provider_that_no_setting_names(admin: Ask) -> None:
    ended = await admin("users", "link", "alice", "corp", "sub-1")
    assert ended == (1, "", "tollkeeper: There is no OpenID provider 'corp' in the settings.\n")


async def test_listing_and_unlinking(admin: Ask, gateway: Gateway) -> None:
    control: Any = gateway.server.handler
    identities = control._control.state.services.external_identities
    await identities.link("alice", "https://op.example", "a/b", TEST)
    listed = await admin("users", "identities", "alice")
    assert (listed.code, listed.err) == (0, "")
    assert listed.lines[0].split() == ["id", "provider", "issuer", "subject"]
    [line] = (await admin("users", "identities", "alice", "--json")).lines
    found = json.loads(line)
    assert (found["provider"], found["issuer"], found["subject"]) == (None, "https://op.example", "a/b")
    assert await admin("users", "unlink", "alice", found["id"]) == (0, "a/b no longer signs in as alice.\n", "")
    assert (await admin("users", "unlink", "alice", found["id"])).code == 1
    assert (await admin("users", "identities", "alice", "--json")).out == ""
