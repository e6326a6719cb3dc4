"""Idempotency keys through the whole gateway: what a second request is told, and when a key is free again."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.gateway.conftest import ADMIN, TEST, Gateway, ask
from tests.gateway.test_limits import limit
from tests.responses_shapes import response_object
from tests.scripted import Gate, ScriptedUpstream, chat_answer, chat_chunks, chunked, json_response, ollama_error, sse
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD
from tollkeeper.rules.kinds import ANTHROPIC, OPENAI, OPENAI_COMPATIBLE
from tollkeeper.services.models.prices import NewPrice
from tollkeeper.services.requests.idempotency import KEPT_MS
from tollkeeper.services.upstreams.config import UpstreamConfig

CHAT = "/v1/chat/completions"
MESSAGES = {"model": "tiny", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
NATIVE = {"model": "tiny", "messages": MESSAGES["messages"], "stream": False}
PATHS: dict[str, dict[str, Any]] = {
    CHAT: ask(),
    "/v1/completions": {"model": "tiny", "prompt": "hi"},
    "/v1/embeddings": {"model": "tiny", "input": "hi"},
    "/v1/responses": {"model": "tiny", "input": "hi"},
    "/v1/messages": MESSAGES,
    "/api/chat": NATIVE,
    "/api/generate": {"model": "tiny", "prompt": "hi", "stream": False},
    "/api/embed": {"model": "tiny", "input": "hi"},
}
WITHOUT_RECORD: dict[str, dict[str, Any]] = {
    "/v1/messages/count_tokens": {name: MESSAGES[name] for name in ("model", "messages")},
    "/api/show": {"model": "tiny"},
    "/api/generate": {"model": "tiny"},
}
"""Requests that run no model, so that they leave no record."""


def key(name: str = "key-1") -> dict[str, str]:
    return {"idempotency-key": name}


async def post(gateway: Gateway, name: str = "key-1", path: str = CHAT, **fields: Any) -> Any:
    return await gateway.client.post(path, json=PATHS.get(path, {}) | fields, headers=key(name))


def told(path: str, answer: Any) -> tuple[str, str | None, str | None]:
    """The message, code and param of an error, in the shape of the path's dialect."""
    body = answer.json()
    if path.startswith("/api/"):
        assert list(body) == ["error"]
        return body["error"], None, None
    error = body["error"]
    assert error["type"] == "invalid_request_error"
    if path.startswith("/v1/messages"):
        assert (body["type"], body["request_id"]) == ("error", answer.headers["request-id"])
        return error["message"], error.get("code"), error.get("param")
    assert set(error) == {"message", "type", "param", "code"}
    return error["message"], error["code"], error["param"]


def calls(up: ScriptedUpstream) -> int:
    """How many requests for a model reached the upstream."""
    return sum(request.method == "POST" and request.target != "/api/show" for request in up.requests)


@pytest.mark.parametrize("path", PATHS)
async def test_a_second_request_is_told_of_the_first_in_its_dialect(gateway, up, path):
    first = await post(gateway, path=path)
    assert first.status_code == 200, first.text
    again = await post(gateway, path=path)
    record = await gateway.record()
    message, code, param = told(path, again)
    assert again.status_code == 409
    assert record.request_id in message
    assert again.headers["x-should-retry"] == "false"
    assert "retry-after" not in again.headers
    if not path.startswith("/api/"):
        assert (code, param) == ("idempotency_replayed", None)
    assert calls(up) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_one_that_runs_is_waited_for(gateway, up, path):
    gate = Gate([json_response({}, 500)])
    up.answer(gate)
    first = asyncio.create_task(post(gateway, path=path))
    await until(lambda: calls(up) == 1)
    meanwhile = await post(gateway, path=path)
    gate.open()
    await first
    message, code, _ = told(path, meanwhile)
    assert meanwhile.status_code == 409
    assert "still running" in message
    assert meanwhile.headers["retry-after"] == "1"
    assert "x-should-retry" not in meanwhile.headers
    if not path.startswith("/api/"):
        assert code == "idempotency_in_progress"
    assert calls(up) == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("running", [True, False])
async def test_another_body_under_the_same_key_is_a_mistake(gateway, up, path, running):
    gate = Gate([json_response({}, 500)])
    up.answer(gate)
    first = asyncio.create_task(post(gateway, path=path))
    await until(lambda: calls(up) == 1)
    if not running:
        gate.open()
        await first
    other = await post(gateway, path=path, metadata={"another": "body"})
    gate.open()
    await first
    message, code, _ = told(path, other)
    assert other.status_code == 422
    assert "another body or path" in message
    if not path.startswith("/api/"):
        assert code == "idempotency_mismatch"
    assert calls(up) == 1


async def test_another_path_under_the_same_key_is_a_mistake(gateway):
    assert (await post(gateway)).status_code == 200
    other = await gateway.client.post("/v1/responses", json=ask(), headers=key())
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")


async def test_a_path_with_and_without_v1_is_the_same(gateway):
    assert (await post(gateway)).status_code == 200
    again = await gateway.client.post("/chat/completions", json=ask(), headers=key())
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_replayed")


async def test_without_a_key_every_request_is_one_of_its_own(gateway):
    for _ in range(2):
        assert (await gateway.chat()).status_code == 200
    assert len(await gateway.records()) == 2


async def test_keys_are_those_of_a_user_whichever_of_their_keys_is_sent(gateway):
    assert (await post(gateway)).status_code == 200
    second = await gateway.context.accounts.create_key("alice", TEST)
    bearer = {"authorization": f"Bearer {second.secret}"}
    again = await gateway.client.post(CHAT, json=ask(), headers=bearer | key())
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_replayed")
    bearer = {"authorization": f"Bearer {gateway.secrets['bob']}"}
    assert (await gateway.client.post(CHAT, json=ask(), headers=bearer | key())).status_code == 200


@pytest.mark.parametrize("path", PATHS | WITHOUT_RECORD)
@pytest.mark.parametrize("value", [b"", b"k" * 256, b"caf\xc3\xa9", b"a\tb"])
async def test_a_key_that_is_none_is_refused_by_its_name(gateway, up, path, value):
    body = {**WITHOUT_RECORD, **PATHS}[path]
    headers = [(b"idempotency-key", value)]
    answer = await gateway.client.post(path, json=body, headers=headers)
    message, _, param = told(path, answer)
    assert answer.status_code == 400
    assert "Idempotency-Key" in message
    if not path.startswith("/api/"):
        assert param == "Idempotency-Key"
    assert calls(up) == 0


async def test_two_keys_in_one_request_are_refused(gateway):
    body = json.dumps(ask()).encode()
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(body, "Idempotency-Key: a", "idempotency-key: b"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("length", [1, 255])
async def test_the_shortest_and_the_longest_key(gateway, length):
    assert [(await post(gateway, "~" * length)).status_code for _ in range(2)] == [200, 409]


async def test_200_at_once_reach_the_upstream_once(gateway, up):
    gate = Gate([json_response(chat_answer())])
    up.answer(gate)
    answers = [asyncio.create_task(post(gateway)) for _ in range(200)]
    await until(lambda: sum(answer.done() for answer in answers) == 199)
    gate.open()
    done = await asyncio.gather(*answers)
    statuses = [answer.status_code for answer in done]
    assert (statuses.count(200), statuses.count(409)) == (1, 199)
    assert {answer.json()["error"]["code"] for answer in done if answer.status_code == 409} == {
        "idempotency_in_progress"
    }
    assert calls(up) == len(await gateway.records()) == 1


async def test_one_that_waits_in_line_has_its_key(start, up):
    """A second one is not sent to wait behind it."""
    gate = Gate([json_response(chat_answer())])
    up.answer(gate)
    slot = UpstreamConfig("default", OPENAI_COMPATIBLE, up.url, slots=1, open=True)
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "tiny"}]}))
    async with start(upstreams=[slot]) as gateway:
        ahead = asyncio.create_task(gateway.chat())
        await until(lambda: calls(up) == 1)
        waiting = asyncio.create_task(post(gateway))
        await until(lambda: len(gateway.context.selection.line) == 1)
        assert (await post(gateway)).json()["error"]["code"] == "idempotency_in_progress"
        assert len(gateway.context.selection.line) == 1
        waiting.cancel()
        await until(lambda: len(gateway.context.selection.line) == 0)
        gate.open()
        await ahead
        assert (await post(gateway)).status_code == 200, "who left the line left no record, and freed the key"


@pytest.mark.parametrize("stream", [False, True])
async def test_one_that_failed_at_the_upstream_is_not_repeated(gateway, up, stream):
    up.answer(ollama_error(500, "boom"))
    assert (await post(gateway, stream=stream)).status_code == 502
    again = await post(gateway, stream=stream)
    record = await gateway.record()
    assert record.status == "failed"
    assert (again.status_code, again.headers["x-should-retry"]) == (409, "false")
    assert record.request_id in again.text
    assert calls(up) == 1


async def test_one_that_its_client_left_is_not_repeated(gateway, up):
    gate = Gate([STREAM_HEAD + chunked(sse(*chat_chunks(["a"]))[0], end=False)])
    gate.open()
    up.answer(gate)
    async with gateway.client.stream("POST", CHAT, json=ask(stream=True), headers=key()) as answer:
        await anext(answer.aiter_bytes())
    assert (await gateway.record()).status == "cancelled"
    assert (await post(gateway, stream=True)).json()["error"]["code"] == "idempotency_replayed"
    assert calls(up) == 1


async def test_a_stream_that_ended_is_not_repeated(gateway, up):
    first = await post(gateway, stream=True)
    assert first.text.endswith("data: [DONE]\n\n")
    again = await post(gateway, stream=True)
    assert (again.status_code, again.headers["content-type"]) == (409, "application/json")
    assert calls(up) == 1


async def test_one_refused_by_a_limit_frees_its_key(gateway, up):
    await limit(gateway, requests_per_day=0)
    assert (await post(gateway)).status_code == 429
    await limit(gateway, requests_per_day=1)
    assert (await post(gateway)).status_code == 200
    spent = await post(gateway, "key-2")
    assert (spent.status_code, spent.json()["error"]["code"]) == (429, "insufficient_quota")
    assert (await post(gateway)).status_code == 409, "before its limits are looked at"
    await limit(gateway, requests_per_day=2)
    assert (await post(gateway, "key-2", temperature=1)).status_code == 200
    assert calls(up) == 2


async def test_one_that_is_wrong_frees_its_key(gateway):
    assert (await post(gateway, messages="none")).status_code == 400
    assert (await post(gateway, model="unknown")).status_code == 404
    assert (await post(gateway)).status_code == 200


async def test_one_that_reached_no_upstream_frees_its_key(gateway, up):
    await up.stop_listening()
    for connection in up.connections:
        connection.reset()
    for _ in range(2):
        refused = await post(gateway)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "upstream_unavailable")
    assert await gateway.records() == []


async def test_one_whose_client_leaves_before_it_is_sent_frees_its_key(gateway, up, monkeypatch):
    """Its claim is durable by then."""
    intend, durable = type(gateway.store.ledger).intend, asyncio.Event()

    def held(self, intent, claim=None):
        intend(self, intent, claim).add_done_callback(lambda _: durable.set())
        return asyncio.get_running_loop().create_future()

    with monkeypatch.context() as patch:
        patch.setattr(type(gateway.store.ledger), "intend", held)
        leaving = asyncio.create_task(post(gateway))
        await durable.wait()
        leaving.cancel()
        await until(lambda: not gateway.context.requests.active)
    assert (await post(gateway, temperature=1)).status_code == 200
    assert len(await gateway.records()) == calls(up) == 1


@pytest.mark.parametrize("path", WITHOUT_RECORD)
async def test_what_runs_no_model_frees_its_key(gateway, path):
    for _ in range(2):
        answer = await gateway.client.post(path, json=WITHOUT_RECORD[path], headers=key())
        assert answer.status_code == 200, answer.text
    assert (await post(gateway)).status_code == 200
    other = await gateway.client.post(path, json=WITHOUT_RECORD[path], headers=key())
    assert other.status_code == 422, "the key is that of the chat now"


async def test_after_24_hours_the_key_is_free(start, up):
    ahead = 0

    def now() -> int:
        return 1_795_176_000_000 + ahead

    async with start(now=now) as gateway:
        assert (await post(gateway)).status_code == 200
        ahead = KEPT_MS - 1
        assert (await post(gateway)).status_code == 409
        ahead += 1
        assert (await post(gateway)).status_code == 200
        assert (await post(gateway)).status_code == 409
    assert calls(up) == 2


async def test_a_restart_changes_nothing(start, up):
    async with start() as gateway:
        assert (await post(gateway)).status_code == 200
        record = await gateway.record()
        bearer = {"authorization": f"Bearer {gateway.secrets['alice']}"}
    async with start(users=()) as gateway:
        again = await gateway.client.post(CHAT, json=ask(), headers=bearer | key())
    assert again.status_code == 409
    assert record.request_id in again.text
    assert calls(up) == 1


async def test_an_ollama_waits_for_the_claim(gateway, up, monkeypatch):
    """Which it does not for an intent alone."""
    commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    called = asyncio.Event()

    def held(self, intent, claim=None):
        assert claim is not None
        called.set()
        return commit

    monkeypatch.setattr(type(gateway.store.ledger), "intend", held)
    asking = asyncio.create_task(post(gateway))
    await called.wait()
    await asyncio.wait({asking}, timeout=0.2)
    assert calls(up) == 0
    commit.set_result(None)
    assert (await asking).status_code == 200


async def test_one_whose_claim_cannot_be_written_is_not_sent_and_frees_its_key(gateway, up, monkeypatch):
    commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    commit.set_exception(OSError("disk full"))
    commit.exception()
    with monkeypatch.context() as patch:
        patch.setattr(type(gateway.store.ledger), "intend", lambda *_: commit)
        refused = await post(gateway)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ledger_unavailable")
    assert calls(up) == 0
    assert (await post(gateway)).status_code == 200


async def test_a_second_upstream_may_serve_a_request_with_a_key(start, up):
    """One request, one claim, whatever number of attempts."""
    listed = json_response({"object": "list", "data": [{"id": "tiny"}]})
    async with ScriptedUpstream() as other:
        for each in (up, other):
            each.route("GET /v1/models", listed)
        up.always(json_response({"error": {"message": "busy"}}, 503))
        both = [
            UpstreamConfig("one", OPENAI_COMPATIBLE, up.url, priority=0, open=True),
            UpstreamConfig("two", OPENAI_COMPATIBLE, other.url, priority=1, open=True),
        ]
        async with start(upstreams=both) as gateway:
            assert (await post(gateway)).status_code == 200
            record = await gateway.record()
            again = await post(gateway)
        assert (record.attempts, record.upstream) == (2, "two")
        assert (again.status_code, record.request_id in again.text) == (409, True)
        assert (calls(up), calls(other)) == (1, 1)


@asynccontextmanager
async def provider(start, up, kind, *models):
    """A gateway before a provider whose models have a price."""
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": model, "type": "model"} for model in
                                                                         models], "has_more": False}))  # fmt: skip
    async with start(upstreams=[UpstreamConfig("paid", kind, up.url, open=True)]) as gateway:
        for model in models:
            await gateway.context.prices.put([NewPrice(model, input=1, output=1)], TEST)
        yield gateway


async def test_a_provider_is_paid_once(start, up):
    up.always(json_response(chat_answer()))
    async with provider(start, up, OPENAI, "tiny") as gateway:
        assert [(await post(gateway)).status_code for _ in range(3)] == [200, 409, 409]
    assert calls(up) == 1


async def test_responses_of_a_provider_as_they_are(start, up):
    up.always(json_response(response_object("tiny")))
    async with provider(start, up, OPENAI, "tiny") as gateway:
        assert [(await post(gateway, path="/v1/responses")).status_code for _ in range(2)] == [200, 409]
    assert calls(up) == 1


async def test_a_form_is_the_same_under_another_boundary(start, up):
    up.always(json_response({"text": "hello", "usage": {"type": "duration", "seconds": 1}}))

    def transcribe(gateway, name="a.wav"):
        files = {"file": (name, b"RIFF\r\n--x\x00\xff" * 9, "audio/wav")}
        return gateway.client.post("/v1/audio/transcriptions", data={"model": "tiny"}, files=files, headers=key())

    async with provider(start, up, OPENAI, "tiny") as gateway:
        first, again, other = [await transcribe(gateway, name) for name in ("a.wav", "a.wav", "b.wav")]
    assert first.status_code == 200, first.text
    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_replayed")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert calls(up) == 1


async def test_a_large_body_is_digested_beside_the_loop(gateway, up, monkeypatch):
    sizes: list[int] = []
    offload = type(gateway.context.offload)
    run = offload.run

    async def watched(self, size, owner, work, *args):
        if getattr(getattr(work, "func", None), "__name__", "") == "fingerprint":
            sizes.append(size)
        return await run(self, size, owner, work, *args)

    monkeypatch.setattr(offload, "run", watched)
    content = [{"role": "user", "content": "x" * 3_000_000}]
    assert (await post(gateway, messages=content)).status_code == 200
    assert (await post(gateway, messages=content)).status_code == 409
    content[0]["content"] = "x" * 2_999_999 + "y"
    assert (await post(gateway, messages=content)).status_code == 422
    assert min(sizes) > 3_000_000


async def test_a_compressed_body_is_the_body_that_it_stands_for(gateway, up):
    body = json.dumps(ask()).encode()
    plain = {"content-type": "application/json"}
    assert (await gateway.client.post(CHAT, content=body, headers=plain | key())).status_code == 200
    packed = plain | {"content-encoding": "gzip"}
    again = await gateway.client.post(CHAT, content=gzip.compress(body), headers=packed | key())
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_replayed")


async def test_the_key_goes_no_further(gateway, up):
    await post(gateway, "secret-of-the-client")
    assert all(request.header("idempotency-key") is None for request in up.requests)


async def test_a_refusal_is_counted_by_its_code(gateway):
    await post(gateway)
    await post(gateway)
    text = (await gateway.client.get("/metrics", headers={"authorization": f"Bearer {ADMIN}"})).text
    assert 'code="idempotency_replayed"' in text


async def test_anthropic_itself(start, up):
    up.always(
        json_response(
            {
                "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
                "stop_sequence": None, "content": [{"type": "text", "text": "hi"}],
                "usage": {"input_tokens": 3, "output_tokens": 1},
            }
        )
    )  # fmt: skip
    async with provider(start, up, ANTHROPIC, "claude") as gateway:
        got = [await post(gateway, path="/v1/messages", model="claude") for _ in range(2)]
    assert [answer.status_code for answer in got] == [200, 409]
    assert got[1].json()["error"]["details"] == {"error_code": "idempotency_replayed"}
    assert calls(up) == 1
