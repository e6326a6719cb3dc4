"""Keys that act for others, through the whole gateway: whom a request is for, what limits them, and what stays here."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.gateway.messages_shapes import be_ollama
from tests.gateway.provider_shapes import openai_models
from tests.gateway.test_bad_input import check
from tests.gateway.test_messages import probed
from tests.scripted import chat_answer, chat_chunks, json_response, sse
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.store.errors import StoreError

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
PERSON = "x-tollkeeper-user"
SAY = [{"role": "user", "content": "hi"}]


async def key(gateway, user: str = "alice", **fields: Any) -> dict[str, str]:
    """The header of a new key of this user that acts for others."""
    path, fields = f"/admin/users/{user}/keys", {"acts_for": "users"} | fields
    made = await gateway.client.post(path, json=fields, headers=AS_ADMIN)
    assert made.status_code == 201, made.text
    return {"authorization": f"Bearer {made.json()['api_key']}"}


async def people(gateway, user: str = "alice") -> dict[str | None, str]:
    """The ids of a user's end users, by value."""
    listed = await gateway.client.get(f"/admin/users/{user}/end-users?limit=1000", headers=AS_ADMIN)
    assert listed.status_code == 200, listed.text
    return {row["value"]: row["id"] for row in listed.json()["data"]}


async def say(gateway, headers: dict[str, str], person: str | None = None, **fields: Any):
    named = {} if person is None else {PERSON: person}
    return await gateway.client.post("/v1/chat/completions", json=ask(**fields), headers=headers | named)


async def test_the_person_whom_a_header_names_stands_in_the_record_by_an_id(gateway):
    app = await key(gateway)
    assert (await say(gateway, app, "mia@example.org")).status_code == 200
    assert (await say(gateway, app)).status_code == 200
    mia = (await people(gateway))["mia@example.org"]
    own, acted = await gateway.records()
    assert (acted.user_id, acted.end_user_id) == ("alice", mia)
    assert (own.user_id, own.end_user_id) == ("alice", None), "without a name it is the key's own user"
    assert "mia" not in repr(acted)
    assert mia.startswith("eu_")


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        ("X-OpenWebUI-User-Id", "f3b1"),
        ("x-openwebui-user-email", "f3b1"),
        ("X-Tollkeeper-User", "f3b1"),
    ],
)
async def test_the_headers_of_open_webui_name_the_person_too(gateway, header, sent):
    app = await key(gateway)
    rest = {"x-openwebui-user-name": "Mia%20M", "x-openwebui-user-role": "admin"}
    answer = await gateway.client.post("/v1/chat/completions", json=ask(), headers=app | rest | {header: sent})
    assert answer.status_code == 200
    assert [*await people(gateway)] == ["f3b1"]


async def test_the_operator_chooses_other_headers(start):
    async with start(acting_headers="X-Forwarded-User") as gateway:
        app = await key(gateway)
        for header, name in (("x-forwarded-user", "mia"), ("x-openwebui-user-id", "no"), (PERSON, "noa")):
            await gateway.client.post("/v1/chat/completions", json=ask(), headers=app | {header: name})
        assert [*await people(gateway)] == ["mia", "noa"]


@pytest.mark.parametrize("value", ["Zoë".encode(), "Zoë".encode("latin-1"), b"Zo%C3%AB"])
async def test_one_person_is_one_however_the_header_is_encoded(gateway, value):
    app = await key(gateway)
    for sent in (value, b"Zo%c3%ab"):
        headers = [(name.encode(), text.encode()) for name, text in app.items()]
        answer = await gateway.client.post(
            "/v1/chat/completions", json=ask(), headers=[*headers, (PERSON.encode(), sent)]
        )
        assert answer.status_code == 200
    assert [*await people(gateway)] == ["Zoë"]


async def test_a_value_that_cannot_be_a_name_is_refused_and_makes_nobody(gateway, up):
    app = await key(gateway)
    for sent in ("x" * 257, "a%00b", "a\tb", "%E2%80%A8"):
        check(await say(gateway, app, sent), 400, param=PERSON)
    twice = [*app.items(), (PERSON, "mia"), (PERSON, "noa")]
    check(await gateway.client.post("/v1/chat/completions", json=ask(), headers=twice), 400, param=PERSON)
    assert await people(gateway) == {}
    assert up.calls("POST /v1/chat/completions") == []


async def test_other_keys_never_read_these_headers(gateway):
    app = await key(gateway)
    await say(gateway, app, "mia")
    plain = {"authorization": f"Bearer {gateway.secrets['alice']}"}
    assert (await say(gateway, plain, "mia")).status_code == 200
    assert (await say(gateway, plain, "a%00b" * 100, user="mia")).status_code == 200, "not even to refuse them"
    assert [record.end_user_id for record in await gateway.records()][:2] == [None, None]
    assert len(await people(gateway)) == 1


async def test_the_same_name_is_another_person_with_another_owner(gateway):
    alices, bobs = await key(gateway), await key(gateway, "bob", acts_for_create=False)
    await say(gateway, alices, "bob")
    check(await say(gateway, bobs, "bob"), 403, "end_user_unknown", kind="permission_error")
    [record] = await gateway.records()
    assert (record.user_id, record.end_user_id) == ("alice", (await people(gateway))["bob"]), "no account is meant"
    assert await people(gateway, "bob") == {}


async def test_two_hundred_first_sights_at_once_make_one(gateway):
    app = await key(gateway, acts_for_limits={"requests_total": 150})
    answers = await asyncio.gather(*[say(gateway, app, "mia") for _ in range(200)])
    mia = (await people(gateway))["mia"]
    assert len(await people(gateway)) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 150 + [429] * 50, "and one count"
    assert {record.end_user_id for record in await gateway.records()} == {mia}


async def test_as_many_as_the_key_may_have_are_made(gateway, up):
    app = await key(gateway, acts_for_max=3)
    answers = await asyncio.gather(*[say(gateway, app, f"person {number}") for number in range(20)])
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [403] * 17
    refused = next(answer for answer in answers if answer.status_code == 403)
    assert "at most 3 people" in check(refused, 403, "too_many_end_users", kind="permission_error")
    assert len(up.calls("POST /v1/chat/completions")) == 3
    assert len(await people(gateway)) == 3


async def test_an_end_user_is_limited_beside_the_key_and_its_owner(gateway):
    app = await key(gateway, acts_for_limits={"requests_total": 1})
    assert [(await say(gateway, app, "mia")).status_code for _ in range(2)] == [200, 429]
    assert (await say(gateway, app, "noa")).status_code == 200
    refused = check(await say(gateway, app, "mia"), 429, "insufficient_quota", kind="insufficient_quota")
    assert refused == "You have used up the limit requests_total of this end user (1). It does not reset."
    mia = (await people(gateway))["mia"]
    put = await gateway.client.put(
        f"/admin/end-users/{mia}/limits", json={"requests_total": 3, "tokens_total": 10**6}, headers=AS_ADMIN
    )
    assert put.status_code == 200
    assert [(await say(gateway, app, "mia")).status_code for _ in range(3)] == [200, 200, 429]
    await gateway.records()
    shown = (await gateway.client.get(f"/admin/end-users/{mia}/limits", headers=AS_ADMIN)).json()
    assert shown["usage"]["requests_total"]["used"] == 3
    assert shown["usage"]["tokens_total"]["used"] > 0
    everybody = await gateway.client.put("/admin/users/alice/limits", json={"requests_total": 4}, headers=AS_ADMIN)
    assert everybody.status_code == 200
    assert "of this" not in check(await say(gateway, app, "noa"), 429, "insufficient_quota", kind="insufficient_quota")


async def test_what_was_used_before_a_limit_and_before_a_start_counts(start):
    async with start() as gateway:
        app = await key(gateway)
        for person in ("mia", "mia", "noa", None):
            await say(gateway, app, person)
        mia = (await people(gateway))["mia"]
        await gateway.client.put(f"/admin/end-users/{mia}/limits", json={"requests_total": 3}, headers=AS_ADMIN)
        assert (await say(gateway, app, "mia")).status_code == 200
        assert (await say(gateway, app, "mia")).status_code == 429
    async with start(users=()) as gateway:
        assert (await say(gateway, app, "mia")).status_code == 429
        assert (await say(gateway, app, "noa")).status_code == 200
        shown = (await gateway.client.get(f"/admin/end-users/{mia}/limits", headers=AS_ADMIN)).json()
        assert shown["usage"]["requests_total"]["used"] == 3


async def test_limits_that_a_key_gives_count_from_the_start_after_a_restart(start, monkeypatch):
    async with start() as gateway:
        app = await key(gateway, acts_for_limits={"requests_per_day": 2, "tokens_per_month": 10**6})
        await say(gateway, app, "mia")
    async with start(users=()) as gateway:
        # They count from the start: nobody's first request waits until a history is read.
        monkeypatch.setattr(gateway.store.reports, "history", None)
        assert [(await say(gateway, app, "mia")).status_code for _ in range(2)] == [200, 429]


async def test_a_blocked_person_is_refused_before_the_body_is_read(gateway):
    app = await key(gateway, acts_for_limits={"requests_per_minute": 0})
    refused = check(await say(gateway, app, "mia", model=7), 429, "rate_limit_exceeded", kind="requests")
    assert "requests_per_minute of this end user (0)" in refused
    app = await key(gateway)
    await say(gateway, app, "noa")
    noa = (await people(gateway))["noa"]
    await gateway.client.patch(f"/admin/end-users/{noa}", json={"status": "blocked"}, headers=AS_ADMIN)
    check(await say(gateway, app, "noa", model=7), 403, "end_user_blocked", kind="permission_error")
    await gateway.client.patch(f"/admin/end-users/{noa}", json={"status": "active"}, headers=AS_ADMIN)
    assert (await say(gateway, app, "noa")).status_code == 200


async def test_blocking_a_person_ends_what_runs_for_them_and_nothing_else(gateway, up):
    app = await key(gateway)
    go_on = asyncio.Event()
    first, *rest = (chunked(event, end=False) for event in sse(*chat_chunks()))

    async def slow(conn, _):
        await conn.send(STREAM_HEAD + first)
        await go_on.wait()
        await conn.send(b"".join(rest) + b"0\r\n\r\n")

    up.always(slow)
    asked = [asyncio.create_task(say(gateway, app, person, stream=True)) for person in ("mia", "noa")]
    await until(lambda: len(gateway.context.requests.active) == 2 and len(up.calls("POST /v1/chat/completions")) == 2)
    mia = (await people(gateway))["mia"]
    await gateway.client.patch(f"/admin/end-users/{mia}", json={"status": "blocked"}, headers=AS_ADMIN)
    ended = await asked[0]
    assert "end_user_blocked" in ended.text
    go_on.set()
    assert "[DONE]" in (await asked[1]).text


async def test_erasing_a_person_leaves_the_records_and_no_name(gateway):
    app = await key(gateway)
    await say(gateway, app, "mia@example.org")
    mia = (await people(gateway))["mia@example.org"]
    erased = await gateway.client.delete(f"/admin/end-users/{mia}", headers=AS_ADMIN)
    assert (erased.json()["value"], erased.json()["status"]) == (None, "erased")
    await say(gateway, app, "mia@example.org")
    again = (await people(gateway))["mia@example.org"]
    assert again != mia
    assert [record.end_user_id for record in await gateway.records()] == [again, mia]


OPENAI_SHAPED = [
    ("/v1/chat/completions", {"messages": SAY}),
    ("/v1/completions", {"prompt": "hi"}),
    ("/v1/embeddings", {"input": "hi"}),
]


@pytest.mark.parametrize(("path", "fields"), OPENAI_SHAPED)
@pytest.mark.parametrize("field", ["user", "safety_identifier"])
async def test_the_body_names_the_person_where_the_key_says_so(gateway, up, path, fields, field):
    by_body, by_header = await key(gateway, acts_from="body"), await key(gateway)
    body = {"model": "tiny", **fields, field: "mia"}
    for headers in (by_body, by_header):
        answer = await gateway.client.post(path, json=body, headers=headers | {"x-openwebui-user-id": "noa"})
        assert answer.status_code == 200, answer.text
    ids = await people(gateway)
    assert [*ids] == ["mia", "noa"]
    assert [record.end_user_id for record in await gateway.records()] == [ids["noa"], ids["mia"]]
    sent = [call.json[field] for call in up.calls(f"POST {path}")]
    assert sent == [ids["mia"], ids["noa"]], "the upstream learns of nobody but by the id"


async def test_a_body_is_checked_for_a_name_and_for_what_limits_the_person(gateway, up):
    app = await key(gateway, acts_from="body", acts_for_limits={"allowed_models": []})
    check(await say(gateway, app, user={"id": "mia"}), 400, param="user")
    check(await say(gateway, app, user="x" * 257), 400, param="user")
    check(await say(gateway, app, user="a\nb"), 400, param="user")
    assert await people(gateway) == {}
    refused = check(await say(gateway, app, user="mia"), 403, "model_not_allowed", "model", kind="permission_error")
    assert refused.startswith("You may use no model for this end user.")
    assert (await say(gateway, app)).status_code == 200
    assert len(up.calls("POST /v1/chat/completions")) == 1


async def test_nothing_that_names_the_person_reaches_the_upstream(gateway, up):
    app = await key(gateway)
    named = {
        PERSON: "Mia-the-person",
        "x-openwebui-user-id": "Mia-the-person",
        "x-openwebui-user-email": "Mia-the-person@example.org",
        "x-openwebui-user-name": "Mia-the-person",
        "x-openwebui-user-role": "Mia-the-person",
    }
    for stream in (False, True):
        body = ask(user="Mia-the-person", safety_identifier="Mia-the-person", stream=stream)
        answer = await gateway.client.post("/v1/chat/completions", json=body, headers=app | named)
        assert answer.status_code == 200
    plain = {"authorization": f"Bearer {gateway.secrets['alice']}"}
    await gateway.client.post("/v1/chat/completions", json=ask(user="Mia-the-person"), headers=plain | named)
    calls = up.calls("POST /v1/chat/completions")
    assert len(calls) == 3
    for call in calls:
        whole = call.body + b"".join(name + value for name, value in call.headers)
        assert b"Mia" not in whole
        assert b"x-openwebui" not in whole.lower()
    mia = (await people(gateway))["Mia-the-person"]
    assert {calls[0].json["user"], calls[0].json["safety_identifier"]} == {mia}
    assert calls[2].json["user"].startswith("user_")


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("acts_from", ["headers", "body"])
async def test_messages_acts_for_the_person_as_it_is_and_translated(start, up, native, acts_from):
    if native:
        be_ollama(up)
    async with start() as gateway, AsyncExitStack() as probing:
        if native:
            await probing.enter_async_context(probed(gateway, (0, 24, 0)))
        app = await key(gateway, acts_from=acts_from)
        body = {"model": "tiny", "max_tokens": 9, "messages": SAY, "metadata": {"user_id": "mia"}}
        answer = await gateway.client.post("/v1/messages", json=body, headers=app | {PERSON: "mia"})
        assert answer.status_code == 200, answer.text
        record = await gateway.record()
        mia = (await people(gateway))["mia"]
        assert (record.end_user_id, record.endpoint) == (mia, "/v1/messages")
        [call] = up.calls("POST /v1/messages" if native else "POST /v1/chat/completions")
        assert b"mia" not in call.body
        assert mia.encode() in call.body


async def test_responses_acts_for_the_person(gateway):
    for acts_from, name in (("headers", "mia"), ("body", "noa")):
        app = await key(gateway, acts_from=acts_from)
        body = {"model": "tiny", "input": "hi", "safety_identifier": "noa"}
        answer = await gateway.client.post("/v1/responses", json=body, headers=app | {PERSON: "mia"})
        assert answer.status_code == 200, answer.text
        assert (await gateway.records())[0].end_user_id == (await people(gateway))[name]


@pytest.mark.parametrize("stream", [True, False])
async def test_ollamas_own_api_acts_for_the_person_by_header_and_by_a_key_in_the_path(gateway, stream):
    app = await key(gateway)
    secret = app["authorization"].removeprefix("Bearer ")
    body = {"model": "tiny", "messages": SAY, "stream": stream}
    request = gateway.client.build_request("POST", f"/k/{secret}/api/chat", json=body, headers={PERSON: "mia"})
    del request.headers["authorization"]
    assert (await gateway.client.send(request)).status_code == 200
    assert (await gateway.client.post("/api/chat", json=body, headers=app | {PERSON: "mia"})).status_code == 200
    assert {record.end_user_id for record in await gateway.records()} == {(await people(gateway))["mia"]}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/api/chat", {"messages": SAY, "stream": False}),  # which has no field for a person
        ("/v1/chat/completions", {"messages": SAY}),
        ("/v1/messages/count_tokens", {"messages": SAY}),
    ],
)
async def test_where_the_body_names_nobody_a_header_does(gateway, path, fields):
    app = await key(gateway, acts_from="body")
    for header, value in ((PERSON, "mia"), ("x-openwebui-user-id", "noa")):
        answer = await gateway.client.post(path, json={"model": "tiny", **fields}, headers=app | {header: value})
        assert answer.status_code == 200, answer.text
    ids = await people(gateway)
    assert [*ids] == ["mia", "noa"]
    if "count" not in path:
        assert [record.end_user_id for record in await gateway.records()] == [ids["noa"], ids["mia"]]
    assert (await gateway.client.post(path, json={"model": "tiny", **fields}, headers=app)).status_code == 200
    assert len(await people(gateway)) == 2


async def test_images_are_made_for_the_person(start, up):
    up.route("GET /v1/models", json_response(openai_models("tasks-1")))
    up.route("POST /v1/images/generations", json_response({"created": 1, "data": [{"b64_json": "aGk="}]}))
    config = UpstreamConfig("up", OPENAI_COMPATIBLE, f"{up.url}/v1", open=True, speaks=("/v1/images/generations",))
    async with start(upstreams=[config]) as gateway:
        await gateway.context.catalog.refresh()
        app = await key(gateway, acts_from="body")
        body = {"model": "tasks-1", "prompt": "a toll", "user": "mia"}
        answer = await gateway.client.post("/v1/images/generations", json=body, headers=app)
        assert answer.status_code == 200, answer.text
        mia = (await people(gateway))["mia"]
        assert (await gateway.record()).end_user_id == mia
        assert up.calls("POST /v1/images/generations")[0].json["user"] == mia


async def test_counting_tokens_is_for_the_person_and_leaves_no_record(gateway):
    app = await key(gateway, acts_for_limits={"allowed_models": []})
    body = {"model": "tiny", "messages": SAY}
    answer = await gateway.client.post("/v1/messages/count_tokens", json=body, headers=app | {PERSON: "mia"})
    assert answer.status_code == 403
    assert "for this end user" in answer.text


async def test_models_are_those_that_the_person_may_use_and_asking_makes_nobody(gateway):
    app = await key(gateway)

    async def models(person: str) -> list[str]:
        listed = await gateway.client.get("/v1/models", headers=app | {PERSON: person})
        return sorted(model["id"] for model in listed.json()["data"])

    assert len(await models("mia")) == 2
    assert await people(gateway) == {}
    await say(gateway, app, "mia")
    mia = (await people(gateway))["mia"]
    await gateway.client.put(f"/admin/end-users/{mia}/limits", json={"allowed_models": ["tiny"]}, headers=AS_ADMIN)
    assert await models("mia") == ["tiny:latest"]
    assert len(await models("noa")) == 2
    shown = await gateway.client.get("/v1/models/eye", headers=app | {PERSON: "mia"})
    assert shown.status_code == 403
    described = await gateway.client.post("/api/show", json={"model": "eye"}, headers=app | {PERSON: "mia"})
    assert described.status_code == 403
    check(await say(gateway, app, "mia", model="eye"), 403, "model_not_allowed", "model", kind="permission_error")


async def test_a_key_that_stops_acting_stops_at_the_next_request(gateway):
    app = await key(gateway)
    await say(gateway, app, "mia")
    listed = (await gateway.client.get("/admin/users/alice/keys", headers=AS_ADMIN)).json()["data"]
    [acting] = [each for each in listed if each["acts_for"] == "users"]
    changed = await gateway.client.patch(f"/admin/keys/{acting['id']}", json={"acts_for": None}, headers=AS_ADMIN)
    assert changed.status_code == 200
    await say(gateway, app, "mia")
    assert [record.end_user_id is None for record in await gateway.records()] == [True, False]


async def test_a_disk_that_cannot_be_written_lets_no_new_person_in(gateway, up, monkeypatch):
    app = await key(gateway)

    async def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(gateway.store.end_users, "add", fails)
    check(await say(gateway, app, "mia"), 503, "ledger_unavailable", kind="server_error")
    assert up.calls("POST /v1/chat/completions") == []


async def test_a_person_is_durable_before_the_request_goes_to_the_upstream(gateway, up):
    seen = []

    async def look(conn, request):
        seen.append(await gateway.store.end_users.find("alice", "mia"))
        await conn.send(json_response(chat_answer()))

    up.always(look)
    app = await key(gateway)
    assert (await say(gateway, app, "mia")).status_code == 200
    [found] = seen
    assert found is not None


async def test_usage_is_told_by_person_to_the_owner_and_to_admins(gateway):
    app = await key(gateway)
    for person in ("mia", "mia", "noa", None):
        await say(gateway, app, person)
    await gateway.records()
    ids = await people(gateway)
    for headers, path in ((app, "/v1/usage"), (AS_ADMIN, "/admin/usage")):
        of_mia = await gateway.client.get(f"{path}?end_user={ids['mia']}", headers=headers)
        assert [row["end_user_id"] for row in of_mia.json()["data"]] == [ids["mia"]] * 2
        assert of_mia.json()["totals"]["requests"] == 2
        of_nobody = (await gateway.client.get(f"{path}?end_user=", headers=headers)).json()
        assert [row["end_user_id"] for row in of_nobody["data"]] == [None]
        assert (await gateway.client.get(f"{path}?end_user=eu_0", headers=headers)).json()["data"] == []
        grouped = await gateway.client.get(f"{path}/summary?group_by=end_user", headers=headers)
        rows = {row["end_user_id"]: row["requests"] for row in grouped.json()["data"]}
        assert rows == {ids["mia"]: 2, ids["noa"]: 1, None: 1}
        filtered = await gateway.client.get(f"{path}/summary?group_by=model&end_user={ids['noa']}", headers=headers)
        assert filtered.json()["total"]["requests"] == 1
        table = (await gateway.client.get(f"{path}.csv?end_user={ids['noa']}", headers=headers)).text.splitlines()
        assert len(table) == 2
        assert table[0].split(",").index("end_user_id") == table[1].split(",").index(ids["noa"])
    bobs = {"authorization": f"Bearer {gateway.secrets['bob']}"}
    others = (await gateway.client.get(f"/v1/usage?end_user={ids['mia']}", headers=bobs)).json()
    assert others["data"] == [], "whose they are counts, too"
