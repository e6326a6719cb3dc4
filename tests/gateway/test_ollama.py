"""Ollama's own API through the whole gateway: relayed, metered, limited, and told of errors in its shape."""

import asyncio
import base64
import io
import json
from contextlib import suppress
from typing import Any

import pytest
from PIL import Image

from tests.gateway.conftest import TEST
from tests.gateway.test_limits import limit, nothing_is_held
from tests.scripted import chat_answer, chat_chunks, json_response, native_answer, native_lines, ndjson, sse, streamed
from tests.shapes import NDJSON_HEAD, chunked, head
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI
from tollkeeper.services.upstreams.config import UpstreamConfig

SAY = [{"role": "user", "content": "hi"}]
LAST = native_lines()[-1]


def png(size=(8, 8)):
    content = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def webp():
    content = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(content, "WEBP")
    return base64.b64encode(content.getvalue()).decode()


async def chat(gateway, **fields):
    return await gateway.client.post("/api/chat", json={"model": "tiny", "messages": SAY} | fields)


async def generate(gateway, **fields):
    return await gateway.client.post("/api/generate", json={"model": "tiny", "prompt": "hi"} | fields)


def lines(answer):
    return [json.loads(line) for line in answer.content.splitlines()]


def refused(answer, status):
    """The message of an error, which is all that it has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert answer.headers["x-request-id"]
    return answer.json()["error"]


class TestRelayed:
    @pytest.mark.parametrize("path", ["chat", "generate"])
    async def test_a_stream_is_the_default_passes_and_is_recorded(self, gateway, path):
        answer = await (chat if path == "chat" else generate)(gateway)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
        assert lines(answer) == native_lines(generate=path == "generate")
        record = await gateway.record()
        assert (record.endpoint, record.stream, record.status, record.finish_reason) == (
            f"/api/{path}", True, "completed", "stop",
        )  # fmt: skip
        assert (record.usage.prompt_tokens, record.usage.completion_tokens, record.usage.estimated) == (5, 2, False)
        assert (record.requested_model, record.model) == ("tiny", "tiny:latest")

    @pytest.mark.parametrize("path", ["chat", "generate"])
    async def test_a_whole_answer_too(self, gateway, path):
        answer = await (chat if path == "chat" else generate)(gateway, stream=False)
        assert answer.json() == native_answer(generate=path == "generate")
        assert answer.headers["x-cost-usd"] == "0"
        record = await gateway.record()
        assert (record.stream, record.usage.prompt_tokens, record.usage.completion_tokens) == (False, 5, 2)

    async def test_vectors(self, gateway):
        answer = await gateway.client.post("/api/embed", json={"model": "tiny", "input": ["a", "b"]})
        assert len(answer.json()["embeddings"]) == 2
        record = await gateway.record()
        assert (record.endpoint, record.usage.prompt_tokens, record.usage.completion_tokens) == ("/api/embed", 4, 0)

    async def test_one_vector_of_which_no_count_is_told(self, gateway):
        answer = await gateway.client.post("/api/embeddings", json={"model": "tiny", "prompt": "a"})
        assert len(answer.json()["embedding"]) == 3
        record = await gateway.record()
        assert (record.usage.completion_tokens, record.usage.estimated) == (0, True)
        assert record.usage.prompt_tokens > 0

    async def test_the_canonical_name_is_answered(self, gateway, up):
        up.models = {"Tiny:Latest": ("completion",)}
        await gateway.context.catalog.refresh()
        for stream in (True, False):
            answer = await chat(gateway, model="TINY", stream=stream)
            assert up.requests[-1].json["model"] == "Tiny:Latest"
            assert {line["model"] for line in lines(answer)} == {"tiny:latest"}

    async def test_what_concerns_the_machine_does_not_reach_it(self, gateway, up):
        await chat(gateway, keep_alive=-1, options={"num_gpu": 99, "temperature": 0.5, "num_predict": 9}, think=True)
        assert up.requests[-1].json == {
            "model": "tiny:latest", "messages": SAY, "options": {"temperature": 0.5, "num_predict": 9}, "think": True,
        }  # fmt: skip

    async def test_the_context_is_bounded_by_the_models(self, gateway, up):
        await chat(gateway, options={"num_ctx": 4096})
        assert up.requests[-1].json["options"] == {}, "how much it has is not known"
        shown = {"capabilities": ["completion"], "model_info": {"llama.context_length": 2048}}
        up.route("POST /api/show", json_response(shown))
        up.models = {"other:latest": ("completion",)}
        await gateway.context.catalog.refresh()
        for wanted, sent in ((4096, 2048), (1024, 1024)):
            await chat(gateway, model="other", options={"num_ctx": wanted})
            assert up.requests[-1].json["options"] == {"num_ctx": sent}

    async def test_images_are_checked_and_converted(self, gateway, up):
        picture = png()
        await generate(gateway, model="eye", images=[picture, webp(), f"data:image/png;base64,{picture}"])
        as_it_was, converted, stripped = up.requests[-1].json["images"]
        assert as_it_was == stripped == picture
        assert base64.b64decode(converted).startswith(b"\x89PNG")
        asked = await chat(
            gateway, model="eye", messages=[{"role": "user", "content": "?", "images": ["bm8gaW1hZ2U="]}]
        )
        assert "not a PNG" in refused(asked, 400)
        assert "takes no images" in refused(await generate(gateway, images=[picture]), 400)

    async def test_an_image_costs_what_it_is_and_not_its_bytes(self, gateway, up):
        shown = {"capabilities": ["completion", "vision"], "model_info": {"a.context_length": 10_000}}
        up.route("POST /api/show", json_response(shown))
        await limit(gateway, tokens_total=30_000)
        answer = await generate(gateway, model="eye", images=[png((1500, 1500))], options={"num_predict": 5})
        assert answer.status_code == 200, answer.text


class TestEnds:
    async def test_the_last_line_leaves_once_it_is_durable(self, gateway, up):
        seen = asyncio.Event()

        async def script(conn, request):
            await conn.send(NDJSON_HEAD)
            for line in native_lines():
                if line["done"]:
                    await seen.wait()
                await conn.send_chunk(json.dumps(line).encode() + b"\n")
            await conn.end_chunks()

        up.answer(script)
        async with gateway.client.stream("POST", "/api/chat", json={"model": "tiny", "messages": SAY}) as answer:
            arriving = answer.aiter_lines()
            assert json.loads(await anext(arriving))["message"]["content"] == "Hello"
            assert json.loads(await anext(arriving))["message"]["content"] == " world"
            seen.set()
            assert json.loads(await anext(arriving)) == json.loads(json.dumps(LAST))
            assert not gateway.context.requests.active, "the end came before the record"

    @pytest.mark.parametrize(
        ("ending", "why"),
        [
            ([{"error": "llama runner process has terminated"}], "failed in the middle"),
            ([], "broke off"),
            (["no object"], "not JSON of its API"),
        ],
    )
    async def test_a_stream_that_fails_ends_with_a_line_that_says_so(self, gateway, up, ending, why):
        up.answer(ndjson(*native_lines()[:2], *ending))
        answer = await chat(gateway)
        *words, error = lines(answer)
        assert words == native_lines()[:2]
        assert list(error) == ["error"]
        assert why in error["error"]
        record = await gateway.record()
        assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("failed", 2, True)
        await nothing_is_held(gateway)

    async def test_an_error_before_the_first_line_has_a_status(self, gateway, up):
        up.answer(ndjson({"error": "no"}))
        assert refused(await chat(gateway), 502)

    async def test_a_client_that_leaves_pays_what_it_has_got(self, gateway, up):
        gone = asyncio.Event()

        async def script(conn, request):
            await conn.send(NDJSON_HEAD)
            for line in native_lines()[:2]:
                await conn.send_chunk(json.dumps(line).encode() + b"\n")
            await conn.wait_closed()
            gone.set()

        up.answer(script)
        async with gateway.client.stream("POST", "/api/chat", json={"model": "tiny", "messages": SAY}) as answer:
            arriving = answer.aiter_lines()
            await anext(arriving)
            await anext(arriving)
        await gone.wait()
        record = await gateway.record()
        assert (record.status, record.usage.completion_tokens) == ("cancelled", 2)
        assert record.usage.prompt_tokens > 0
        await nothing_is_held(gateway)

    async def test_usage_that_is_not_told_is_estimated(self, gateway, up):
        bare = {key: value for key, value in LAST.items() if key != "prompt_eval_count"}
        up.answer(ndjson(*native_lines()[:2], bare))
        await chat(gateway)
        record = await gateway.record()
        assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("completed", 2, True)
        assert record.usage.prompt_tokens > 0

    async def test_many_lines_in_one_piece_and_one_in_many(self, gateway, up):
        words = [f" w{place}" for place in range(3000)]
        text = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in native_lines(words))
        for cut in (len(text), 7):
            up.answer(NDJSON_HEAD + chunked(text, size=cut))
            assert (await chat(gateway)).content == text

    async def test_another_media_type_is_no_stream(self, gateway, up):
        up.answer(head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked") + b"0\r\n\r\n")
        assert "did not return a stream" in refused(await chat(gateway), 502)


class TestLimits:
    async def test_the_cap_is_clipped_where_it_stands(self, gateway, up):
        await limit(gateway, max_tokens_per_request=5)
        await chat(gateway, options={"num_predict": 100, "seed": 1})
        assert up.requests[-1].json["options"] == {"num_predict": 5, "seed": 1}
        await generate(gateway, options={"num_predict": 3})
        assert up.requests[-1].json["options"] == {"num_predict": 3}
        for unbounded in ({"num_predict": -1}, {"num_predict": -2}, {}, None):
            await chat(gateway, options=unbounded)
            assert up.requests[-1].json["options"] == {"num_predict": 5}

    async def test_a_pace_is_refused_in_its_shape_with_the_same_headers(self, gateway):
        await limit(gateway, requests_per_minute=1)
        first = await chat(gateway)
        assert first.headers["x-ratelimit-remaining-requests"] == "0"
        answer = await chat(gateway)
        assert "requests_per_minute" in refused(answer, 429)
        assert answer.headers["retry-after"].isdigit()

    async def test_a_budget_counts_what_was_used(self, gateway):
        await limit(gateway, tokens_total=100_000)
        await chat(gateway)
        await gateway.records()
        assert (await gateway.client.get("/me")).json()["usage"]["tokens_total"]["used"] == 7

    @pytest.mark.parametrize("fields", [{"raw": True}, {"template": "{{ .Prompt }}{{ .Prompt }}"}])
    async def test_a_template_of_ones_own_is_not_for_budgets(self, gateway, up, fields):
        assert (await generate(gateway, **fields)).status_code == 200
        await limit(gateway, tokens_total=100_000)
        (name,) = fields
        assert f"'{name}' may bring input" in refused(await generate(gateway, **fields), 400)
        assert (await generate(gateway, system="x", context=[1, 2], suffix="y")).status_code == 200

    async def test_a_model_that_is_not_allowed(self, gateway):
        await limit(gateway, allowed_models=["eye"])
        assert refused(await chat(gateway), 403)
        assert refused(await chat(gateway, messages=[]), 403)
        assert (await chat(gateway, model="eye")).status_code == 200


class TestErrors:
    async def test_no_key_and_an_unknown_model(self, gateway):
        assert "does not exist" in refused(await chat(gateway, model="none"), 404)
        del gateway.client.headers["authorization"]
        assert "No API key" in refused(await chat(gateway), 401)
        for path in ("tags", "ps", "version"):
            assert refused(await gateway.client.get(f"/api/{path}"), 401)
        assert refused(await gateway.client.post("/api/show", json={"model": "tiny"}), 401)

    async def test_a_method_that_it_does_not_take(self, gateway):
        answer = await gateway.client.get("/api/chat")
        assert "POST only" in refused(answer, 405)
        assert answer.headers["allow"] == "POST"

    async def test_the_upstreams_own_refusal_passes(self, gateway, up):
        up.answer(json_response({"error": '"tiny" does not support thinking'}, 400))
        assert "does not support thinking" in refused(await chat(gateway, think=True), 400)
        assert (await gateway.record()).status == "failed"

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            (b"", "empty"),
            (b"{", "JSON"),
            (b"[]", "object"),
            (b'{"model":"tiny","model":"eye","messages":[]}', "twice"),
            (b'{"model":"tiny","messages":' + b"[" * 500 + b"]" * 500 + b"}", "deep"),
            (b'{"model":"tiny","messages":[{"role":"user","content":"' + b"\xff" + b'"}]}', "UTF-8"),
            (b'{"model":"tiny","OPTIONS":{}}', "spelled"),
            (b'{"model":"tiny","messages":[{"role":"user","content":"a","content":"b"}]}', "twice"),
        ],
    )
    async def test_bad_bodies(self, gateway, up, body, word):
        answer = await gateway.client.post("/api/chat", content=body)
        assert word in refused(answer, 400)
        assert not up.calls("POST /api/chat")

    async def test_a_body_of_20_mb_is_relayed_and_a_larger_one_refused(self, gateway, up):
        text = "x" * 19_000_000
        answer = await chat(gateway, messages=[{"role": "user", "content": text}], keep_alive=5, options={"num_gpu": 1})
        assert answer.status_code == 200
        sent = up.requests[-1].json
        assert sent["messages"][0]["content"] == text
        assert (sent["options"], "keep_alive" in sent) == ({}, False)
        assert "20000000 bytes" in refused(await chat(gateway, messages=[{"content": "x" * 21_000_000}]), 413)

    async def test_a_provider_has_no_vectors_in_this_shape(self, start, up):
        up.route("GET /v1/models", json_response({"data": [{"id": "claude"}]}))
        provider = UpstreamConfig("a", ANTHROPIC, up.url, open=True)
        async with start(upstreams=[provider]) as gateway:
            answer = await gateway.client.post("/api/embed", json={"model": "claude", "input": "a"})
            assert "No upstream that has 'claude' serves /api/embed" in refused(answer, 400)


class TestEmpty:
    @pytest.mark.parametrize(
        ("path", "fields", "reason"),
        [
            ("/api/generate", {}, "load"),
            ("/api/generate", {"prompt": "", "keep_alive": "5m"}, "load"),
            ("/api/generate", {"keep_alive": 0}, "unload"),
            ("/api/chat", {"messages": []}, "load"),
            ("/api/chat", {"messages": [], "keep_alive": 0}, "unload"),
        ],
    )
    async def test_a_request_without_a_prompt_is_answered_here(self, gateway, up, path, fields, reason):
        answer = await gateway.client.post(path, json={"model": "TINY"} | fields)
        assert answer.status_code == 200
        told = answer.json()
        assert (told["model"], told["done"], told["done_reason"]) == ("tiny:latest", True, reason)
        assert not up.calls(f"POST {path}")
        assert await gateway.records() == []

    async def test_but_not_for_a_model_that_is_not_there(self, gateway):
        assert refused(await generate(gateway, model="none", prompt=""), 404)

    async def test_an_alias_is_loaded_as_what_it_stands_for(self, gateway):
        await gateway.context.aliases.replace({"best": ["tiny"]}, TEST)
        assert (await chat(gateway, model="best", messages=[])).json()["model"] == "tiny:latest"


async def test_a_stream_goes_to_another_upstream_before_it_has_begun(start, up):
    up.answer(json_response({"error": "no"}, 500))
    pool = [UpstreamConfig(name, OLLAMA, up.url) for name in ("a", "b")]
    async with start(upstreams=pool) as gateway:
        answer = await chat(gateway)
        assert lines(answer) == native_lines()
        assert (await gateway.record()).attempts == 2


async def test_one_that_is_suspended_in_mid_stream_is_told_in_its_shape(gateway, up):
    async def script(conn, request):
        await conn.send(NDJSON_HEAD)
        await conn.send_chunk(json.dumps(native_lines()[0]).encode() + b"\n")
        await conn.hang()

    up.answer(script)
    with suppress(StopAsyncIteration):
        async with gateway.client.stream("POST", "/api/chat", json={"model": "tiny", "messages": SAY}) as answer:
            arriving = answer.aiter_lines()
            await anext(arriving)
            gateway.server.stop()
            last = json.loads(await anext(arriving))
            assert list(last) == ["error"]


class TestTranslated:
    """Models of providers, by Ollama's own API."""

    @pytest.fixture(params=[OPENAI, ANTHROPIC], ids=lambda kind: kind.name)
    async def kind(self, request):
        return request.param

    @pytest.fixture
    async def provider(self, start, up, kind):
        up.route("GET /v1/models", json_response({"data": [{"id": "GPT"}]}))
        base = up.url + ("/v1" if kind is OPENAI else "")
        async with start(upstreams=[UpstreamConfig("p", kind, base, open=True, paid=False)]) as gateway:
            yield gateway

    @staticmethod
    def answers(kind):
        """A stream, and a whole answer, of each API."""
        if kind is OPENAI:
            return streamed(*sse(*chat_chunks(model="GPT"))), json_response(chat_answer(model="GPT"))
        usage = {"input_tokens": 5, "output_tokens": 2}
        text = {"type": "text", "text": ""}
        start = {"id": "m", "type": "message", "model": "GPT", "content": [], "usage": {**usage, "output_tokens": 0}}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": text},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
                for word in ("Hello", " world")
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        ]
        texts = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
        whole = {**start, "content": [{**text, "text": "Hello world"}], "stop_reason": "end_turn", "usage": usage}
        return streamed(*texts), json_response(whole)

    @pytest.mark.parametrize("path", ["chat", "generate"])
    async def test_a_stream(self, provider, up, kind, path):
        up.answer(self.answers(kind)[0])
        answer = await (chat if path == "chat" else generate)(provider, model="gpt", options={"num_predict": 9})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
        *words, end = lines(answer)
        pieces = [line["message"]["content"] if path == "chat" else line["response"] for line in words]
        assert "".join(pieces) == "Hello world"
        assert {line["model"] for line in [*words, end]} == {"gpt"}
        assert (end["done"], end["done_reason"], end["prompt_eval_count"], end["eval_count"]) == (True, "stop", 5, 2)
        sent = up.requests[-1]
        assert sent.target == ("/v1/chat/completions" if kind is OPENAI else "/v1/messages")
        assert 9 in (sent.json.get("max_tokens"), sent.json.get("max_completion_tokens"))
        record = await provider.record()
        assert (record.endpoint, record.upstream, record.status) == (f"/api/{path}", "p", "completed")
        assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (5, 2)

    @pytest.mark.parametrize("path", ["chat", "generate"])
    async def test_a_whole_answer(self, provider, up, kind, path):
        up.answer(self.answers(kind)[1])
        answer = await (chat if path == "chat" else generate)(provider, model="gpt", stream=False)
        told = answer.json()
        assert (told["message"]["content"] if path == "chat" else told["response"]) == "Hello world"
        assert (told["model"], told["done"], told["prompt_eval_count"], told["eval_count"]) == ("gpt", True, 5, 2)
        assert (await provider.record()).usage.completion_tokens == 2

    async def test_images_are_checked_and_sent_in_the_providers_way(self, provider, up, kind):
        up.answer(self.answers(kind)[1])
        picture = png()
        await generate(provider, model="gpt", images=[picture], stream=False)
        assert picture.encode() in up.requests[-1].body

    async def test_what_only_an_ollama_has_is_refused(self, provider, up, kind):
        assert "'raw' works only for models that an Ollama runs" in refused(
            await generate(provider, model="gpt", raw=True), 400
        )
        asked = await provider.client.post("/api/embed", json={"model": "gpt", "input": "a"})
        assert "No upstream that has 'gpt' serves /api/embed" in refused(asked, 400)

    async def test_a_stream_that_breaks_off_says_so(self, provider, up, kind):
        whole = self.answers(kind)[0]

        async def script(conn, request):
            await conn.send(whole[: whole.rindex(b" world")])
            conn.close()

        up.answer(script)
        *_, error = lines(await chat(provider, model="gpt"))
        assert list(error) == ["error"]
        assert (await provider.record()).status == "failed"

    async def test_no_prompt_is_answered_here(self, provider, up, kind):
        assert (await generate(provider, model="gpt", prompt="")).json()["done_reason"] == "load"
        assert not up.calls("POST /v1/chat/completions") + up.calls("POST /v1/messages")
