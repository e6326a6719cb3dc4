"""Answers of upstreams that are large, odd or without end: what reaches the client, and what is recorded."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from tests.gateway.conftest import ask
from tests.gateway.test_bad_input import check
from tests.gateway.test_bounds import image
from tests.gateway.test_streams import DONE, FINISH, USAGE, events_of, words
from tests.scripted import STREAM_HEAD, chat_answer, chat_chunks, chunked, json_response, response, sse, streamed
from tests.shapes import head
from tollkeeper.gateway.memory import FREE
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig

A, B = sse(*chat_chunks(["a", "b"], include_usage=False, finish_reason=None), done=False)
LARGE = "x" * 2_000_000


def counted(record):
    usage = record.usage
    return usage.prompt_tokens, usage.completion_tokens, usage.estimated


@pytest.mark.parametrize(
    "between",
    [b"data:\n\n", b"data: \n\n", b"data: null\n\n", b": ping\n\n", b"\n\n", b"event: ping\n\n",
     b'data: {"id":5,"choices":[{"index":null,"delta":null}],"x":NaN,"y":"\\ud83d"}\n\n'],
)  # fmt: skip
async def test_what_stands_between_events_loses_no_answer(gateway, up, between):
    up.answer(streamed(between, A, between, B, between, FINISH, between, USAGE, between, DONE))
    answer = await gateway.chat(stream=True)
    assert answer.status_code == 200
    assert b"error" not in answer.content
    assert answer.content.endswith(b"data: [DONE]\n\n")
    assert (await gateway.record()).status == "completed"


async def test_odd_fields_of_a_whole_answer_lose_nothing(gateway, up):
    text = (
        b'{"id":5,"created":"now","model":null,"choices":[{"index":null,"message":{"content":"a"},"logprobs":NaN,'
        b'"finish_reason":"stop"},null],"usage":{"prompt_tokens":11.0,"completion_tokens":1e1,"total_tokens":-1,'
        b'"prompt_tokens_details":[]}}'
    )
    up.answer(response(text))
    answer = await gateway.chat()
    assert (answer.status_code, answer.content) == (200, text)
    assert counted(await gateway.record()) == (11, 10, False)


@pytest.mark.parametrize("lie", [{"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": -1}, 5, []])
async def test_a_usage_after_the_real_one_erases_nothing(gateway, up, lie):
    late = f'data: {{"choices":[],"usage":{json.dumps(lie)}}}\n\n'.encode()
    up.answer(streamed(A, B, FINISH, USAGE, late, DONE))
    assert (await gateway.chat(stream=True)).status_code == 200
    assert counted(await gateway.record())[:2] == (7, 3)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_count_beyond_all_numbers_is_recorded_as_estimated(gateway, up, stream):
    told = b'{"prompt_tokens":18446744073709551616,"completion_tokens":9223372036854775808}'
    if stream:
        up.answer(streamed(A, B, FINISH, b'data: {"choices":[],"usage":' + told + b"}\n\n", DONE))
    else:
        up.answer(response(b'{"choices":[{"message":{"content":"12345678"}}],"usage":' + told + b"}"))
    assert (await gateway.chat(stream=stream)).status_code == 200
    prompt, output, estimated = counted(await gateway.record())
    assert (output, estimated) == (2, True)
    assert 0 < prompt < 100


async def test_an_empty_finish_reason_does_not_make_a_leaver_complete(gateway, up):
    empty = A.replace(b'"finish_reason":null', b'"finish_reason":""')

    async def script(conn, request):
        await conn.send(streamed(empty, empty, end=False))
        await conn.hang()

    up.answer(script)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(json.dumps(ask(stream=True)).encode()))
        await reader.readuntil(b'"content":"a"')
        await reader.readuntil(b'"content":"a"')
    assert (await gateway.record()).status == "cancelled"


async def test_several_answers_of_llama_are_summed(gateway, up):
    content = [A, A.replace(b'"index":0', b'"index":1')] * 5
    finish = [FINISH, FINISH.replace(b'"index":0', b'"index":1')]
    one = b'data: {"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":10},"timings":{"predicted_n":10}}\n\n'
    up.answer(streamed(*content, *finish, one, one, DONE))
    assert (await gateway.chat(stream=True, n=2)).status_code == 200
    assert counted(await gateway.record()) == (20, 20, False)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_flood_is_relayed_whole(gateway, up, stream):
    """What is read a little at a time arrives whole, and in its order."""
    if stream:
        many = [A.replace(b'"a"', b'"%d."' % number).replace(b"1795181970", b"%d" % number) for number in range(9000)]
        up.answer(streamed(b"".join([*many, b":\n\n" * 90_000, FINISH, USAGE, DONE])))
        answer = await gateway.chat(stream=True)
        assert words(answer.content) == "".join(f"{number}." for number in range(9000))
    else:
        up.answer(json_response(chat_answer(LARGE, id="chatcmpl-901")))
        answer = await gateway.chat()
        assert answer.json()["choices"][0]["message"]["content"] == LARGE
        assert answer.json()["id"] == f"chatcmpl-{(await gateway.record()).request_id.removeprefix('req_')}"
    record = await gateway.record()
    assert (record.status, record.usage.estimated) == ("completed", False)
    assert gateway.context.response_memory.held == 0


async def test_a_large_event_is_relayed_whole(gateway, up):
    up.answer(streamed(A.replace(b'"a"', b'"' + LARGE.encode() + b'"'), FINISH, USAGE, DONE))
    answer = await gateway.chat(stream=True)
    assert words(answer.content) == LARGE
    assert (await gateway.record()).status == "completed"
    assert gateway.context.response_memory.held == 0


@asynccontextmanager
async def unread(gateway, up):
    """A client that reads nothing of an answer that is more than all buffers of the kernel on its way."""
    up.answer(json_response(chat_answer("x" * 20_000_000)))
    async with gateway.raw() as (_, writer):
        writer.transport.pause_reading()
        writer.write(gateway.post(json.dumps(ask()).encode()))
        async with asyncio.timeout(30):
            while gateway.context.response_memory.held < 20_000_000 or gateway.context.requests.active:
                await asyncio.sleep(0.005)
        yield


async def released(gateway):
    async with asyncio.timeout(30):
        while gateway.context.response_memory.held:
            await asyncio.sleep(0.005)


async def test_answers_in_memory_are_bounded_in_all(start, up):
    async with start(answers_in_memory_bytes=25_000_000) as gateway:
        async with unread(gateway, up):
            up.answer(json_response(chat_answer("x" * 6_000_000)))
            answer = await gateway.chat()
            check(answer, 503, "server_overloaded", kind="server_error")
            assert answer.headers["retry-after"] == "1"
            up.answer(json_response(chat_answer("x" * (FREE - 1000))))
            assert (await gateway.chat()).status_code == 200
        await released(gateway)
        up.answer(json_response(chat_answer("x" * 6_000_000)))
        assert (await gateway.chat()).status_code == 200
        outcomes = [(record.status, record.usage.total_tokens) for record in await gateway.records()]
        assert sorted(outcomes) == [("completed", 7)] * 3 + [("failed", 0)]


async def test_who_does_not_read_holds_its_share_until_it_is_cut_off(start, up):
    async with start(client_stall_timeout=1) as gateway, unread(gateway, up):
        await released(gateway)


async def test_unfinished_events_are_bounded_in_all(start, up):
    async with start(answers_in_memory_bytes=500_000) as gateway:

        async def script(conn, request):
            await conn.send(STREAM_HEAD + chunked(A + b"data: ", end=False))
            for _ in range(100):
                await conn.send_chunk(b"x" * 10_000)
            await conn.hang()

        up.answer(script)
        answer = await gateway.chat(stream=True)
        assert events_of(answer.content)[-1]["error"]["code"] == "server_overloaded"
        record = await gateway.record()
        assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("failed", 1, True)
        assert gateway.context.response_memory.held == 0


NEVER_ENDING = {
    "header lines": [head(200)[:-2], *[b"a: b\r\n" * 1000] * 100],
    "1xx answers": [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 1000] * 100,
    "chunk extensions": [STREAM_HEAD, *[b"1;" + b"x" * 60_000 + b"\r\n:\r\n"] * 100],
    "one chunk extension": [STREAM_HEAD + b"1;", *[b"x" * 60_000] * 100],
    "trailers": [STREAM_HEAD + b"0\r\n", *[b"a: b\r\n" * 1000] * 100],
}


@pytest.mark.parametrize("name", NEVER_ENDING)
async def test_what_frames_an_answer_ends(gateway, up, name):
    async def script(conn, request):
        for part in NEVER_ENDING[name]:
            await conn.send(part)
        await conn.hang()

    up.answer(script)
    check(await gateway.chat(stream=True), 502, "upstream_unavailable", kind="server_error")
    await up.connections[-1].wait_closed()


async def test_chunks_of_a_byte_are_an_answer(gateway, up):
    text = json.dumps(chat_answer("x" * 100_000)).encode()
    coded = head(200, "Content-Type: application/json", "Transfer-Encoding: chunked") + chunked(text, size=1)
    up.answer(coded)
    answer = await gateway.chat()
    assert answer.json()["choices"][0]["message"]["content"] == "x" * 100_000


@pytest.mark.parametrize(
    ("status", "said", "becomes", "says"),
    [
        (501, "Not implemented", 502, "Not implemented"),
        (500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)", 502, "5.6 GiB"),
        (500, "image input is not supported - hint: provide the mmproj", 400, "takes no images"),
    ],
)
async def test_what_will_never_work_is_not_try_again(gateway, up, status, said, becomes, says):
    up.answer(json_response({"error": {"message": said}}, status))
    answer = await gateway.chat()
    assert answer.status_code == becomes
    assert says in answer.json()["error"]["message"]
    assert becomes == 400 or answer.headers["x-should-retry"] == "false"
    assert (await gateway.record()).status == "failed"


async def test_an_image_to_a_model_that_cannot_see_names_those_that_can(gateway, up):
    await gateway.context.catalog.refresh()
    await gateway.context.facts.fetch_missing()
    answer = await gateway.client.post("/v1/chat/completions", json=image())
    message = check(answer, 400, None, "messages[0].content[1].image_url")
    assert "'tiny:latest' takes no images" in message
    assert "'eye:latest'" in message
    assert not up.calls("POST /v1/chat/completions")
    assert not await gateway.records()


async def test_what_a_list_says_of_vision_holds(start, up):
    """llama.cpp and OpenRouter tell it in `/v1/models`."""
    listed = [
        {"id": "Blind", "architecture": {"input_modalities": ["text"]}},
        {"id": "seeing", "architecture": {"input_modalities": ["text", "image"]}},
        {"id": "silent", "architecture": {"input_modalities": None}},
        {"id": "odd", "architecture": 5},
    ]
    up.route("GET /v1/models", json_response({"data": listed}))
    async with start(upstreams=[UpstreamConfig("one", OPENAI_COMPATIBLE, up.url, open=True)]) as gateway:
        await gateway.context.catalog.refresh()
        shown = (await gateway.client.get("/v1/models")).json()["data"]
        assert {model["id"]: model["vision"] for model in shown} == {
            "blind": False, "seeing": True, "silent": None, "odd": None
        }  # fmt: skip
        answer = await gateway.client.post("/v1/chat/completions", json=image(model="blind"))
        assert "'seeing'" in check(answer, 400, None, "messages[0].content[1].image_url")
        for model in ("seeing", "silent", "odd"):
            assert (await gateway.client.post("/v1/chat/completions", json=image(model=model))).status_code == 200


async def test_of_an_endless_list_of_models_the_first_are_known(start, up):
    up.route("GET /api/tags", json_response({"models": [{"model": f"m{number}"} for number in range(20_000)]}))
    async with start() as gateway:
        await gateway.context.catalog.refresh()
        assert len(gateway.context.catalog.models()) == 10_000
