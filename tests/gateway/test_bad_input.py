"""Wrong requests, and what each gets."""

import asyncio
import json

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.scripted import ollama_error

JSON_HEAD = {"content-type": "application/json"}


def check(answer, status, code=None, param=None, kind="invalid_request_error"):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) - {"limit"} == {"message", "type", "param", "code"}
    assert (error["type"], error["code"], error["param"]) == (kind, code, param)
    assert error["message"]
    assert answer.headers["x-request-id"].startswith("req_")
    return error["message"]


async def post(gateway, body, **headers):
    return await gateway.client.post("/v1/chat/completions", content=body, headers=JSON_HEAD | headers)


async def with_key(gateway, headers, path="/v1/chat/completions"):
    request = gateway.client.build_request("POST", path, json=ask())
    request.headers.pop("authorization")
    request.headers.update(headers)
    return await gateway.client.send(request)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer"},
        {"authorization": "Basic YWxpY2U6eA=="},
        {"authorization": "Bearer " + "x" * 10_000},
        {"x-api-key": "wrong"},
        {"authorization": "Bearer \xff".encode("latin-1")},
    ],
)
async def test_a_bad_key_is_401(gateway, up, headers):
    answer = await with_key(gateway, headers)
    message = check(answer, 401, "invalid_api_key")
    assert len(message) < 200
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not up.calls("POST /v1/chat/completions")
    assert await gateway.records() == []


async def test_a_revoked_key_is_401_at_once(gateway):
    bearer = {"authorization": f"Bearer {ADMIN}"}
    made = (await gateway.client.post("/admin/users/alice/keys", json={}, headers=bearer)).json()
    own = {"authorization": f"Bearer {made['api_key']}"}
    assert (await with_key(gateway, own)).status_code == 200
    assert (await gateway.client.delete(f"/admin/keys/{made['id']}", headers=bearer)).status_code == 200
    message = check(await with_key(gateway, own), 401, "invalid_api_key")
    assert made["api_key"] not in message


async def test_two_keys_that_differ_are_401(gateway):
    alice, bob = (f"{gateway.secrets[name]}" for name in ("alice", "bob"))
    check(await with_key(gateway, {"authorization": f"Bearer {alice}", "x-api-key": bob}), 401, "invalid_api_key")
    check(await with_key(gateway, {"x-api-key": bob}, f"/k/{alice}/v1/chat/completions"), 401, "invalid_api_key")
    same = {"authorization": f"Bearer {alice}", "x-api-key": alice}
    assert (await with_key(gateway, same, f"/k/{alice}/v1/chat/completions")).status_code == 200


async def test_the_key_may_stand_in_the_path_of_relayed_paths_only(gateway):
    alice = gateway.secrets["alice"]
    answer = await with_key(gateway, {}, f"/k/{alice}/chat/completions")
    assert answer.status_code == 200
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (await gateway.client.get(f"/k/{alice}/")).text == "Ollama is running"
    for path in ("/me", "/v1/usage", "/health"):
        answer = await gateway.client.get(f"/k/{alice}{path}")
        assert alice not in check(answer, 404, "not_found")
    for path in (f"//k/{alice}/v1/models", f"/K/{alice}/v1/models", f"/v1/k/{alice}"):
        assert alice not in check(await gateway.client.get(gateway.url + path), 404, "not_found")
    check(await with_key(gateway, {}, "/k/wrong/v1/chat/completions"), 401, "invalid_api_key")


async def test_the_bootstrap_key_opens_no_relayed_path(gateway):
    check(await with_key(gateway, {"authorization": f"Bearer {ADMIN}"}), 403, "forbidden", kind="permission_error")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"not json", None),
        (b"[]", None),
        (b'{"model":"tiny"', None),
        (b'{"a":' * 10_000, None),
        (b'{"model":"tiny","x":"\xff"}', None),
        (b'{"model":"tiny","model":"tiny"}', "model"),
        (b'{"Model":"tiny"}', "Model"),
        ('{"model":"tiny","ſtream":true}'.encode(), "ſtream"),
        (b'{"model":5}', "model"),
        (b"{}", "model"),
        (b'{"model":"tiny","stream":"yes"}', "stream"),
        *((f'{{"model":"tiny","max_tokens":{bad}}}'.encode(), "max_tokens") for bad in ("1.5", '"5"')),
    ],
)
async def test_a_bad_body_is_400_and_goes_nowhere(gateway, up, body, param):
    check(await post(gateway, body), 400, None, param)
    assert not up.calls("POST /v1/chat/completions")
    assert await gateway.records() == []


async def test_an_unknown_model_is_404_after_one_look(gateway, up):
    looks = len(up.calls("GET /api/tags"))
    check(await gateway.chat(model="nope"), 404, "model_not_found", "model")
    assert len(up.calls("GET /api/tags")) == looks + 1
    assert await gateway.records() == []


async def test_a_model_that_came_since_is_found(gateway, up):
    up.models["new:latest"] = ("completion",)
    assert (await gateway.chat(model="New")).status_code == 200
    assert (await gateway.record()).model == "new:latest"


async def test_a_cloud_model_is_refused(gateway, up):
    up.models["big:120b-cloud"] = ("completion",)
    check(await gateway.chat(model="big:120b-cloud"), 403, "model_not_allowed", "model", kind="permission_error")


async def test_the_upstreams_own_words_come_in_our_envelope(gateway, up):
    up.answer(ollama_error(400, "[] is too short - 'messages'"))
    answer = await gateway.client.post("/v1/chat/completions", json={"model": "tiny"})
    assert check(answer, 400) == "[] is too short - 'messages'"
    record = await gateway.record()
    assert (record.status, record.cost_pico, record.usage.total_tokens) == ("failed", 0, 0)


async def test_a_body_over_the_limit_is_413(gateway):
    body = json.dumps(ask(padding="x" * 21_000_000)).encode()
    check(await post(gateway, body), 413, "request_too_large")


async def test_a_body_without_length_is_bounded_too(start):
    async with start(max_body_bytes=50_000) as gateway:

        async def pieces():
            for _ in range(10):
                yield b"x" * 10_000

        check(await post(gateway, pieces()), 413, "request_too_large")

        async def whole():
            text = json.dumps(ask()).encode()
            yield text[:10]
            yield text[10:]

        assert (await post(gateway, whole())).status_code == 200


async def test_bodies_in_memory_are_bounded(start, up):
    asked = asyncio.Event()

    async def script(conn, request):
        asked.set()
        await conn.hang()

    async with start(bodies_in_memory_bytes=10_000) as gateway:
        up.answer(script)
        first = asyncio.create_task(gateway.chat(padding="x" * 6_000))
        await asked.wait()
        answer = await gateway.chat(padding="x" * 6_000)
        check(answer, 503, "server_overloaded", kind="server_error")
        assert answer.headers["retry-after"] == "1"
        assert (await gateway.chat()).status_code == 200
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await gateway.chat(padding="x" * 6_000)).status_code == 200
        await gateway.records()
        assert gateway.context.request_memory.held == 0


async def test_half_a_body_and_then_nothing_is_408(start):
    async with start(body_timeout=0.1) as gateway, gateway.raw() as (reader, writer):
        writer.write(gateway.head("/v1/chat/completions", "Content-Length: 100") + b'{"model"')
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"request_timeout"' in answer
        assert b"connection: close" in answer


@pytest.mark.parametrize("sent", [b"POST /v1/chat", b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-A: "])
async def test_half_a_head_and_then_nothing_is_408(start, sent):
    async with start(head_timeout=0.1) as gateway, gateway.raw() as (reader, writer):
        writer.write(sent)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"x-request-id: req_" in answer


async def test_a_connection_that_says_nothing_is_closed(start):
    async with start(head_timeout=0.1) as gateway, gateway.raw() as (reader, _):
        assert await reader.read() == b""


async def test_a_head_over_64_kb_is_refused(gateway):
    for size in (70_000, 300_000):
        async with gateway.raw() as (reader, writer):
            writer.write(gateway.head("/me", "X-Long: " + "x" * size, method="GET"))
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 431 ")
            assert b'"request_too_large"' in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    ],
)
async def test_what_is_no_http_gets_our_envelope(gateway, sent):
    async with gateway.raw() as (reader, writer):
        writer.write(sent)
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
    assert b"x-request-id: req_" in head


async def test_pipelined_requests_are_answered_in_order(gateway):
    body = json.dumps(ask()).encode()
    async with gateway.raw() as (reader, writer):
        stream = json.dumps(ask(stream=True)).encode()
        writer.write(gateway.post(body) + gateway.post(stream) + gateway.head("/me", "Connection: close", method="GET"))
        answer = await reader.read()
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    places = [answer.index(mark) for mark in (b'"chat.completion"', b"data: [DONE]", b'"user_id":"alice"')]
    assert places == sorted(places)
    assert len(await gateway.records()) == 2


async def test_wrong_methods_and_paths_are_told(gateway):
    answer = await gateway.client.get("/v1/chat/completions")
    check(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    check(await gateway.client.post("/v1/models"), 405, "method_not_allowed")
    check(await gateway.client.get("/v1/nothing"), 404, "not_found")


async def test_every_relayed_path_works_without_v1(gateway):
    for path in ("/v1/chat/completions", "/chat/completions", "/v1/completions", "/completions"):
        assert (await gateway.client.post(path, json=ask(prompt="x"))).status_code == 200
    for path in ("/v1/embeddings", "/embeddings"):
        answer = await gateway.client.post(path, json={"model": "tiny", "input": ["a", "b"]})
        assert len(answer.json()["data"]) == 2
    for path in ("/v1/models", "/models"):
        assert [model["id"] for model in (await gateway.client.get(path)).json()["data"]] == [
            "eye:latest",
            "tiny:latest",
        ]
        assert (await gateway.client.get(path + "/library/TINY")).json()["id"] == "tiny:latest"
    assert {record.endpoint for record in await gateway.records()} == {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
    }


async def test_a_clients_own_request_id_is_echoed_and_ours_is_minted(gateway):
    answer = await gateway.client.get("/me", headers={"x-client-request-id": "mine", "x-request-id": "forged"})
    assert answer.headers["x-client-request-id"] == "mine"
    assert answer.headers["x-request-id"].startswith("req_")


async def test_metadata_is_recorded(gateway):
    await gateway.chat(metadata={"project": "a"})
    assert (await gateway.client.get("/v1/usage")).json()["data"][0]["metadata"] == {"project": "a"}
