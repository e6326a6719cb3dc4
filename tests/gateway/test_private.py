"""What the log never holds, and what no file holds of a person who was forgotten."""

import asyncio
import logging

import pytest

from tests.gateway.conftest import ask
from tests.scripted import Gate, chat_answer, json_response
from tollkeeper.store.sqlite.verify import verify

PROMPT = "a very private prompt"


@pytest.mark.parametrize("in_path", [True, False])
@pytest.mark.parametrize("breaks", [True, False])
async def test_no_key_and_no_prompt_is_logged(gateway, caplog, monkeypatch, in_path, breaks):
    caplog.set_level(logging.DEBUG)
    key = gateway.secrets["alice"]
    if breaks:
        monkeypatch.setattr(gateway.context.resolver, "candidates", None)
    request = gateway.client.build_request(
        "POST", f"/k/{key}/chat/completions" if in_path else "/chat/completions",
        json=ask(messages=[{"role": "user", "content": PROMPT}]),
    )  # fmt: skip
    if in_path:
        del request.headers["authorization"]
    answer = await gateway.client.send(request)
    assert answer.status_code == (500 if breaks else 200)
    # The client of this test logs what it asks for, in the same process.
    ours = [record for record in caplog.records if record.name.startswith("tollkeeper")]
    assert bool(ours) == breaks
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert key not in text
    assert PROMPT not in text
    assert key not in answer.text


async def test_a_forgotten_person_is_in_no_file_and_on_no_path(gateway, up, tmp_path):
    client, admin = gateway.client, gateway.as_admin
    named = {"name": "Alice of Wonderland"}
    assert (await client.patch("/admin/users/alice", json=named, headers=admin)).status_code == 200
    await client.post("/v1/chat/completions", json=ask(metadata={"tag": "white-rabbit"}))
    await client.put("/admin/users/alice/limits", json={"requests_total": 100}, headers=admin)
    up.answer(held := Gate([json_response(chat_answer())]))
    running = asyncio.create_task(client.post("/v1/chat/completions", json=ask(metadata={"tag": "white-rabbit"})))
    while not gateway.context.requests.active:
        await asyncio.sleep(0.005)
    sums = (await client.get("/admin/usage/summary?group_by=model,key", headers=admin)).json()
    answer = await client.delete("/admin/users/alice?erase=true", headers=admin)
    held.open()
    assert answer.status_code == 200, answer.text
    left = answer.json()["user_id"]
    assert (await running).status_code == 403  # its access ended while it ran
    files = b"".join(found.read_bytes() for found in tmp_path.iterdir() if found.name.startswith("t.db"))
    for secret in (b"alice", b"Alice", b"Wonderland", b"white-rabbit"):
        assert secret not in files
    assert verify(tmp_path / "t.db").faults == ()
    usage = (await client.get(f"/admin/users/{left}/usage", headers=admin)).json()
    assert {record["user_id"] for record in usage["data"]} == {left}
    assert len(usage["data"]) == sums["total"]["requests"] + 1
    for path in ("/admin/users", "/admin/usage", "/admin/audit", "/admin/usage/summary?group_by=user"):
        assert "alice" not in (await client.get(path, headers=admin)).text.lower()
    assert (await client.get("/admin/users/alice", headers=admin)).status_code == 404
    assert (await client.get("/me")).status_code == 401
    made = await client.post("/admin/users", json={"user_id": "alice", "limits": {"requests_total": 1}}, headers=admin)
    as_another = {"authorization": f"Bearer {made.json()['api_key']}"}
    assert (await client.get("/v1/usage", headers=as_another)).json()["data"] == []
    assert (await client.get("/me", headers=as_another)).json()["usage"]["requests_total"]["used"] == 0
    assert (await client.post("/v1/chat/completions", json=ask(), headers=as_another)).status_code == 200
    again = await client.delete(f"/admin/users/{left}?erase=true", headers=admin)
    assert (again.status_code, again.json()["user_id"]) == (200, left)


async def test_what_an_app_called_a_person_is_in_no_file_once_it_is_erased(gateway, up, tmp_path):
    client, admin = gateway.client, gateway.as_admin
    made = await client.post("/admin/users/alice/keys", json={"acts_for": "users"}, headers=admin)
    app = {"authorization": f"Bearer {made.json()['api_key']}"}
    for number in range(150):
        named = {"x-tollkeeper-user": f"person-{number}-{'x' * (number * 7 % 200)}"}
        assert (await client.get("/v1/models", headers=app | named)).status_code == 200
        counted = {"model": "tiny", "messages": []}
        await client.post("/v1/messages/count_tokens", json=counted, headers=app | named)
    gone = {f"person-{number}-" for number in range(3, 150, 15)}
    listed = (await client.get("/admin/users/alice/end-users?limit=200", headers=admin)).json()["data"]
    assert len(listed) == 150
    for row in listed:
        if any(row["value"].startswith(name) for name in gone):
            answer = await client.delete(f"/admin/end-users/{row['id']}", headers=admin)
            assert (answer.status_code, answer.json()["value"]) == (200, None)
    files = b"".join(found.read_bytes() for found in tmp_path.iterdir() if found.name.startswith("t.db"))
    assert [name for name in gone if name.encode() in files] == []
    assert b"person-4-" in files
    again = await client.delete(f"/admin/end-users/{listed[3]['id']}", headers=admin)
    assert (again.status_code, again.json()["status"]) == (200, "erased")
    assert verify(tmp_path / "t.db").faults == ()


async def test_a_correction_of_somebody_who_is_erased_meanwhile_is_theirs_and_names_nobody(
    gateway, monkeypatch, tmp_path
):
    client, admin = gateway.client, gateway.as_admin
    accounts, erasing = gateway.context.accounts, []
    note = accounts.note

    async def slow(*args):
        await note(*args)
        erasing.append(asyncio.create_task(client.delete("/admin/users/alice?erase=true", headers=admin)))
        await asyncio.sleep(0.2)

    monkeypatch.setattr(accounts, "note", slow)
    refund = {"user_id": "alice", "cost_usd": "-1.5", "reason": "for Alice"}
    made = await client.post("/admin/adjustments", json=refund, headers=admin)
    assert made.status_code == 201, made.text
    left = (await erasing[0]).json()["user_id"]
    usage = (await client.get(f"/admin/users/{left}/usage", headers=admin)).json()
    assert (usage["totals"]["cost_usd"], usage["data"][0]["request_id"]) == ("-1.5", made.json()["request_id"])
    files = b"".join(found.read_bytes() for found in tmp_path.iterdir() if found.name.startswith("t.db"))
    assert b"alice" not in files.lower()
    assert verify(tmp_path / "t.db").faults == ()


async def test_nobody_erases_their_own_account_and_it_is_for_admins(gateway):
    client, admin = gateway.client, gateway.as_admin
    assert (await client.delete("/admin/users/bob?erase=true")).status_code == 403
    await client.patch("/admin/users/alice", json={"role": "admin"}, headers=admin)
    own = await client.delete("/admin/users/ALICE?erase=true")
    assert (own.status_code, own.json()["error"]["code"]) == (409, "own_account")
    assert (await client.delete("/admin/users/nobody?erase=true")).status_code == 404
    assert (await client.delete("/admin/users/bob?erase=maybe")).status_code == 422
    closed = await client.delete("/admin/users/bob?erase=false")
    assert (closed.status_code, closed.json()["user_id"]) == (200, "bob")
