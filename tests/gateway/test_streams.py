"""Streams, byte by byte and fault by fault."""

import asyncio
import gc
import json

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.scripted import Gate, chat_chunks, chunked, response, sse, streamed
from tests.shapes import STREAM_HEAD
from tollkeeper.gateway.http.connection import Connection
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.services.requests.dispatched import DispatchedRequest
from tollkeeper.services.upstreams.http import Response
from tollkeeper.wire.sse import SseSplitter, event_data

EVENTS = sse(*chat_chunks(["a", "b", "c"], usage=(7, 3)))
CONTENT, FINISH, USAGE, DONE = EVENTS[:3], EVENTS[3], EVENTS[4], EVENTS[5]
PARTIAL = [*CONTENT[:2]]
SILENT_ERROR = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"","choices":'
    b'[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
)


def events_of(text):
    return [json.loads(data) for data in map(event_data, SseSplitter(10**9).feed(text)) if data and data != b"[DONE]"]


def words(text):
    choices = [event["choices"][0] for event in events_of(text) if event.get("choices")]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def test_a_stream_passes_and_is_recorded(gateway, up):
    up.answer(streamed(*EVENTS))
    answer = await gateway.chat(stream=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert words(answer.content) == "abc"
    assert answer.content.endswith(b"data: [DONE]\n\n")
    assert b"usage" not in answer.content
    record = await gateway.record()
    assert (record.status, record.usage.prompt_tokens, record.usage.completion_tokens) == ("completed", 7, 3)
    assert (record.stream, record.finish_reason, record.usage.estimated) == (True, "stop", False)
    assert answer.headers["x-request-id"] == record.request_id
    assert up.requests[-1].json["stream_options"] == {"include_usage": True}


async def test_a_connection_has_no_parser_during_a_stream_and_parses_the_next_request(gateway, up):
    gate = Gate([STREAM_HEAD, *(chunked(event, end=False) for event in EVENTS), b"0\r\n\r\n"])
    up.answer(gate)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(json.dumps(ask(stream=True)).encode()))
        for _ in range(2):
            gate.open()
        await reader.readuntil(b'"content":"a"')
        [connection] = [each for each in gateway.server.state.connections if each.current is not None]
        assert connection._parser._parser is None
        for _ in EVENTS:
            gate.open()
        await reader.readuntil(b"0\r\n\r\n")
        for _ in range(2):
            writer.write(gateway.post(json.dumps(ask(stream=False)).encode()))
            assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
            await reader.readuntil(b"}}")


@pytest.mark.parametrize("stream", [False, True])
async def test_what_has_ended_is_freed_without_a_collection(gateway, up, stream):
    """A collection of all that thousands of streams hold takes the event loop a part of a second."""

    def left():
        kinds = Connection, Exchange, DispatchedRequest, Response
        return [type(each) for each in gc.get_objects() if type(each) in kinds]

    gc.collect()
    gc.disable()
    try:
        before = len(left())
        for _ in range(3):
            if stream:
                up.answer(streamed(*EVENTS))
            async with gateway.raw() as (reader, writer):
                writer.write(gateway.post(json.dumps(ask(stream=stream)).encode()))
                assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
                assert (await gateway.records())[0].status == "completed"
        for _ in range(100):
            if len(left()) <= before:
                break
            await asyncio.sleep(0.01)
        assert len(left()) <= before, left()
    finally:
        gc.enable()


async def test_usage_is_passed_to_who_asks(gateway, up):
    up.answer(streamed(*EVENTS))
    answer = await gateway.chat(stream=True, stream_options={"include_usage": True})
    assert events_of(answer.content)[-1]["usage"]["total_tokens"] == 10


async def test_zeroed_usage_of_completions_is_taken_out_and_the_last_counts(gateway):
    answer = await gateway.client.post("/v1/completions", json={"model": "tiny", "prompt": "x", "stream": True})
    assert answer.status_code == 200
    assert b"usage" not in answer.content
    record = await gateway.record()
    assert record.endpoint == "/v1/completions"
    assert record.usage.prompt_tokens > 0


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_however_it_is_cut_the_same_arrives(gateway, up, size):
    async def in_pieces(conn, request):
        data = STREAM_HEAD + chunked(b"".join(EVENTS), size=max(size, 3))
        for start in range(0, len(data), size):
            await conn.send(data[start : start + size])
            if size < 3:
                await asyncio.sleep(0)

    up.answer(in_pieces)
    answer = await gateway.chat(stream=True)
    assert words(answer.content) == "abc"
    assert answer.content.endswith(b"data: [DONE]\n\n")


async def test_each_event_leaves_when_it_arrives(gateway, up):
    gate = Gate([STREAM_HEAD, *(chunked(event, end=False) for event in EVENTS), b"0\r\n\r\n"])
    up.answer(gate)
    gate.open(2)
    async with gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
        arriving = answer.aiter_bytes()
        for word in "abc":
            assert words(await anext(arriving)) == word
            gate.open(1)  # the next one leaves the upstream only now
        finish = await anext(arriving)
        assert events_of(finish)[0]["choices"][0]["finish_reason"] == "stop"
        gate.open(10)
        assert b"".join([part async for part in arriving]) == DONE


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("end without [DONE]", b"0\r\n\r\n"),
        ("connection closed", None),
        ("silent error of Ollama", chunked(SILENT_ERROR)),
        ("broken JSON", chunked(b'data: {"id":\n\n' + DONE)),
        ("error event", chunked(b'data: {"error":{"message":"boom"}}\n\n')),
        ("error line", chunked(b'data: {"error":"boom"}\n\n' + DONE)),
        ("broken chunk", b"zz\r\n"),
        ("half an event", chunked(b'data: {"id"')),
    ],
)
async def test_what_breaks_in_mid_stream_is_told_in_the_stream(gateway, up, name, last):
    async def script(conn, request):
        await conn.send(streamed(*PARTIAL, end=False))
        if last is None:
            conn.close()
        else:
            await conn.send(last)

    up.answer(script)
    answer = await gateway.chat(stream=True)
    assert answer.status_code == 200
    assert words(answer.content) == "ab"
    error = events_of(answer.content)[-1]["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "server_error"
    assert b"[DONE]" not in answer.content
    assert b"boom" not in answer.content  # what an upstream says of itself is for its operator
    record = await gateway.record()
    assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("failed", 2, True)
    assert record.usage.prompt_tokens > 0
    assert (await gateway.chat()).status_code == 200  # and the gateway goes on


async def test_a_reset_in_mid_stream_is_told_in_the_stream(gateway, up):
    sent = asyncio.Event()

    async def script(conn, request):
        await conn.send(streamed(*PARTIAL, end=False))
        await sent.wait()
        conn.reset()

    up.answer(script)
    async with gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
        got = b""
        async for part in answer.aiter_bytes():
            got += part
            sent.set()
    assert "error" in events_of(got)[-1]
    assert (await gateway.record()).status == "failed"


async def test_silence_in_mid_stream_ends_it(start, up):
    async with start(event_timeout=0.1) as gateway:

        async def script(conn, request):
            await conn.send(streamed(*PARTIAL, end=False))
            await conn.hang()

        up.answer(script)
        answer = await gateway.chat(stream=True)
        assert events_of(answer.content)[-1]["error"]["code"] == "upstream_timeout"
        assert (await gateway.record()).status == "failed"


async def test_a_hundred_megabytes_in_one_event_are_not_kept(start, up):
    async with start(max_event_bytes=100_000) as gateway:

        async def script(conn, request):
            await conn.send(STREAM_HEAD + chunked(b"data: ", end=False))
            for _ in range(1000):
                await conn.send_chunk(b"x" * 100_000)

        up.answer(script)
        answer = await gateway.chat(stream=True)
        assert answer.status_code == 502
        await up.connections[-1].wait_closed()


async def test_a_fault_before_the_first_event_is_a_status(gateway, up):
    up.answer(streamed(b'data: {"error":{"message":"boom"}}\n\n'))
    answer = await gateway.chat(stream=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")
    record = await gateway.record()
    assert (record.status, record.usage.total_tokens, record.cost_pico) == ("failed", 0, 0)


async def test_a_stream_that_is_no_stream_is_unavailable(gateway, up):
    up.answer(response(b"<html></html>", content_type="text/html"))
    answer = await gateway.chat(stream=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unavailable")


async def test_a_client_that_leaves_cancels_the_upstream_and_pays_for_what_came(gateway, up):
    async def script(conn, request):
        await conn.send(streamed(*PARTIAL, end=False))
        await conn.hang()

    up.answer(script)
    async with gateway.raw() as (reader, writer):
        body = json.dumps(ask(stream=True)).encode()
        writer.write(gateway.post(body))
        await reader.readuntil(b'"content":"b"')
    async with asyncio.timeout(60):
        await up.connections[-1].wait_closed()
    record = await gateway.record()
    assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("cancelled", 2, True)
    assert record.usage.prompt_tokens == -(-len(body) // 4)


async def test_a_client_that_leaves_before_the_head_cancels_the_upstream(gateway, up):
    asked = asyncio.Event()

    async def script(conn, request):
        asked.set()
        await conn.hang()

    up.answer(script)
    async with gateway.raw() as (_, writer):
        writer.write(gateway.post(json.dumps(ask()).encode()))
        await asked.wait()
    async with asyncio.timeout(60):
        await up.connections[-1].wait_closed()
    record = await gateway.record()
    assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("cancelled", 0, True)


async def test_a_client_that_leaves_after_the_finish_reason_has_completed(gateway, up):
    left = asyncio.Event()

    async def script(conn, request):
        await conn.send(streamed(*CONTENT, FINISH, end=False))
        await left.wait()
        await conn.send(chunked(USAGE + DONE))

    up.answer(script)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(json.dumps(ask(stream=True)).encode()))
        await reader.readuntil(b'"finish_reason":"stop"')
    left.set()
    record = await gateway.record()
    assert (record.status, record.usage.prompt_tokens, record.usage.completion_tokens) == ("completed", 7, 3)
    assert not record.usage.estimated


async def test_it_reads_on_for_a_second_only(gateway, up):
    async def script(conn, request):
        await conn.send(streamed(*CONTENT, FINISH, end=False))
        await conn.hang()

    up.answer(script)
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.post(json.dumps(ask(stream=True)).encode()))
        await reader.readuntil(b'"finish_reason":"stop"')
    async with asyncio.timeout(60):
        await up.connections[-1].wait_closed()
    record = await gateway.record()
    assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("completed", 3, True)


async def test_a_slow_client_stops_the_upstream(gateway, up):
    """What waits in the gateway is bounded: the upstream cannot send 50 MB to a client that reads nothing."""
    event = sse(*chat_chunks(["x" * 10_000], include_usage=False, finish_reason=None), done=False)[0]
    sent = 0

    async def script(conn, request):
        nonlocal sent
        await conn.send(STREAM_HEAD)
        while sent < 50_000_000:
            await conn.send_chunk(event)
            sent += len(event)

    up.answer(script)
    async with gateway.raw() as (_, writer):
        writer.transport.pause_reading()
        writer.write(gateway.post(json.dumps(ask(stream=True)).encode()))
        before = -1
        while sent != before or not sent:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 20_000_000  # what the kernel's buffers on both ways hold, and a little of our own
    async with asyncio.timeout(60):
        await up.connections[-1].wait_closed()
    assert (await gateway.record()).status == "cancelled"


async def test_a_client_that_does_not_read_at_all_is_cut_off(start, up):
    event = sse(*chat_chunks(["x" * 10_000], include_usage=False, finish_reason=None), done=False)[0]

    async def script(conn, request):
        await conn.send(STREAM_HEAD)
        while True:
            await conn.send_chunk(event)

    async with start(client_stall_timeout=0.2) as gateway:
        up.answer(script)
        async with gateway.raw() as (_, writer):
            writer.transport.pause_reading()
            writer.write(gateway.post(json.dumps(ask(stream=True)).encode()))
            async with asyncio.timeout(60):
                while not up.connections or not up.requests or up.requests[-1].method != "POST":
                    await asyncio.sleep(0.01)
                await up.connections[-1].wait_closed()
        assert (await gateway.record()).status == "cancelled"


async def test_suspending_a_user_cuts_what_runs(gateway, up):
    async def script(conn, request):
        await conn.send(streamed(*PARTIAL, end=False))
        await conn.hang()

    up.answer(script)
    async with gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
        arriving = answer.aiter_bytes()
        got = await anext(arriving)
        changed = await gateway.client.patch(
            "/admin/users/alice", json={"status": "suspended"}, headers={"authorization": f"Bearer {ADMIN}"}
        )
        assert changed.status_code == 200
        got += b"".join([part async for part in arriving])
    assert events_of(got)[-1]["error"]["type"] == "permission_error"
    assert b"[DONE]" not in got
    record = await gateway.record()
    assert (record.status, record.usage.completion_tokens) == ("cancelled", 2)
    refused = await gateway.chat()
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "account_suspended")


async def test_two_hundred_streams_at_once(gateway, up):
    up.always(streamed(*EVENTS))
    answers = await asyncio.gather(*(gateway.chat(stream=True) for _ in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 200
    records = await gateway.records()
    assert {record.request_id for record in records} == {answer.headers["x-request-id"] for answer in answers}
    assert {record.status for record in records} == {"completed"}
