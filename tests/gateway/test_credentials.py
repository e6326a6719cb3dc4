"""Who a request is from, by the headers and paths that clients use: the same on both planes."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.gateway.test_bad_input import check

WRONG = "sk-wrong-key-of-nobody-in-particular"
MISSING = "No API key was sent. "
INCORRECT = "Incorrect API key provided: sk-wro…ular. "
DIFFER = "The request carries two API keys that differ. "
BASIC = ("authorization", "Basic dTpw")
# headers → who asks, or how the message of the 401 begins; {…} are their keys
HEADERS = {
    "bearer": ([("authorization", "Bearer {alice}")], "alice"),
    "x-api-key": ([("x-api-key", "{alice}")], "alice"),
    "api-key": ([("api-key", "{alice}")], "alice"),
    "the proxy's own beside x-api-key": ([BASIC, ("x-api-key", "{alice}")], "alice"),
    "the proxy's own beside api-key": ([("api-key", "{alice}"), ("authorization", "Digest username=u")], "alice"),
    "an empty one beside a key": ([("x-api-key", ""), ("authorization", "Bearer {alice}")], "alice"),
    "none": ([], MISSING),
    "empty ones": ([("x-api-key", ""), ("api-key", ""), ("authorization", "")], MISSING),
    "no more than a scheme": ([("authorization", "Bearer")], MISSING),
    "the proxy's own alone": ([BASIC], MISSING),
    "a wrong one": ([("api-key", WRONG)], INCORRECT),
    "a wrong one, twice": ([("api-key", WRONG), ("authorization", f"Bearer {WRONG}")], INCORRECT),
    "two that differ": ([("authorization", "Bearer {alice}"), ("api-key", "{bob}")], DIFFER),
    "a key and a placeholder": ([("authorization", "Bearer {alice}"), ("x-api-key", "none")], DIFFER),
}
# headers beside /k/{alice}/…
IN_PATH = {
    "nothing": ([], "alice"),
    "a placeholder": ([("authorization", "Bearer ollama")], "alice"),
    "placeholders that differ": ([("authorization", "Bearer ollama"), ("x-api-key", "none")], "alice"),
    "the same": ([("x-api-key", "{alice}")], "alice"),
    "an empty one": ([("authorization", "Bearer")], "alice"),
    "the proxy's own": ([BASIC], "alice"),
    "somebody else's": ([("api-key", "{bob}")], DIFFER),
    "somebody else's, revoked": ([("api-key", "{revoked}")], DIFFER),
    "the bootstrap admin key": ([("authorization", "Bearer {admin}")], DIFFER),
}


@pytest.fixture
async def keys(gateway):
    made = await gateway.client.post("/admin/users/bob/keys", json={}, headers={"authorization": f"Bearer {ADMIN}"})
    await gateway.client.delete(f"/admin/keys/{made.json()['id']}", headers={"authorization": f"Bearer {ADMIN}"})
    return gateway.secrets | {"revoked": made.json()["api_key"]}


async def send(gateway, keys, method, path, headers, **given):
    sent = [(name, value.format_map(keys)) for name, value in headers]
    async with httpx.AsyncClient(base_url=gateway.url, verify=False) as client:
        return await client.request(method, path.format_map(keys), headers=sent, **given)


def is_401(answer, told, keys):
    message = check(answer, 401, "invalid_api_key")
    assert message.startswith(told)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not [name for name, key in keys.items() if key in answer.text]


@pytest.mark.parametrize("case", HEADERS)
async def test_by_headers(gateway, keys, case):
    headers, who = HEADERS[case]
    relayed = await send(gateway, keys, "POST", "/v1/chat/completions", headers, json=ask())
    listed = await send(gateway, keys, "GET", "/models", headers)
    me = await send(gateway, keys, "GET", "/me", headers)
    of_admins = await send(gateway, keys, "GET", "/admin/users", headers)
    if who == "alice":
        assert (relayed.status_code, listed.status_code, me.json()["user_id"]) == (200, 200, "alice")
        check(of_admins, 403, "forbidden", kind="permission_error")
        assert (await gateway.record()).user_id == "alice"
    else:
        metrics = await send(gateway, keys, "GET", "/metrics", headers)
        for answer in (relayed, listed, me, of_admins, metrics):
            is_401(answer, who, keys)
        assert len({answer.json()["error"]["message"] for answer in (relayed, listed, me, of_admins, metrics)}) == 1


@pytest.mark.parametrize("case", IN_PATH)
async def test_behind_a_key_in_the_path(gateway, keys, case):
    headers, who = IN_PATH[case]
    relayed = await send(gateway, keys, "POST", "/k/{alice}/v1/chat/completions", headers, json=ask())
    listed = await send(gateway, keys, "GET", "/k/{alice}/models", headers)
    if who == "alice":
        assert (relayed.status_code, listed.status_code) == (200, 200)
        assert (await gateway.record()).user_id == "alice"
    else:
        is_401(relayed, who, keys)
        is_401(listed, who, keys)


async def test_a_wrong_key_in_the_path_is_saved_by_no_placeholder(gateway, keys):
    for headers in ([], [("authorization", "Bearer ollama")]):
        is_401(await send(gateway, keys, "GET", f"/k/{WRONG}/models", headers), INCORRECT, keys)
    is_401(await send(gateway, keys, "GET", f"/k/{WRONG}/models", [("api-key", "{alice}")]), DIFFER, keys)
    is_401(await send(gateway, keys, "GET", "/k//models", []), MISSING, keys)
    assert (await send(gateway, keys, "GET", "/k//models", [("api-key", "{alice}")])).status_code == 200


async def test_why_a_key_is_wrong(gateway, keys):
    hidden = f"{keys['revoked'][:6]}…{keys['revoked'][-4:]}"
    for path in ("/v1/models", "/me", "/admin/users"):
        answer = await send(gateway, keys, "GET", path, [("x-api-key", "{revoked}")])
        is_401(answer, f"Incorrect API key provided: {hidden}. It was revoked", keys)


async def test_blanks_are_no_key(gateway):
    """As clients send them that were given none."""
    for line in (b"Authorization: Bearer ", b"Authorization: Bearer \t ", b"X-Api-Key:  ", b"api-key:"):
        for path in (b"/v1/models", b"/me", b"/k//models"):
            async with gateway.raw() as (reader, writer):
                writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\nConnection: close\r\n\r\n" % (path, line))
                answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 401 ")
            assert MISSING.encode() in answer


@pytest.mark.parametrize(
    ("key", "shown"),
    [(b"x" * 10_000, "xxxxxx…xxxx"), (b"hunter22", "hu…"), (b"\xff\xfe" * 20, "??????…????"), (b"\x1b[31m", None)],
)
async def test_no_key_however_odd_is_told(gateway, key, shown):
    for path in ("/v1/models", "/me"):
        async with gateway.raw() as (reader, writer):
            head = b"GET %b HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %b\r\nConnection: close\r\n\r\n"
            writer.write(head % (path.encode(), key))
            answer = await reader.read()
        assert key not in answer
        if shown is None:  # no header may hold it
            assert answer.startswith(b"HTTP/1.1 400 ")
        else:
            assert answer.startswith(b"HTTP/1.1 401 ")
            assert f"Incorrect API key provided: {shown}. ".encode() in answer
