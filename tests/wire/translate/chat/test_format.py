"""Chat as a format of translation, joined to itself: what clients ask and get is what upstreams are asked and give."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tests.wire.translate.chat.answers import ANSWERS, Answer, chunk
from tests.wire.translate.chat.asking import asking
from tollkeeper.rules.errors import BadRequest, UpstreamFailure, UpstreamUnavailable
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.json_scan import Steps
from tollkeeper.wire.translate.adapter import translated
from tollkeeper.wire.translate.chat.format import CHAT_CLIENT, CHAT_UPSTREAM

ADAPTER = translated(CHAT_CLIENT, CHAT_UPSTREAM)
ID = "req_01935a6b2c3d0011223344556677"
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 3}}


def rewritten(**fields: Any) -> Any:
    request = asking(**fields)
    ADAPTER.check_supported(request, OPENAI)
    urls = [image.url for image in request.images]
    body = ADAPTER.rewrite(
        request, model="M", opaque_user=lambda: "x", image_urls=urls, output_cap=9, kind=OPENAI, price=None
    )
    return json.loads(body)


def test_a_request_goes_through() -> None:
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    assert rewritten(messages=messages, stream=True, user="joe", unheard_of=1) == {
        "model": "M",
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 9,
        "user": "x",
    }
    with pytest.raises(BadRequest):
        rewritten(previous_response_id="r")


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_goes_through(answer: Answer) -> None:
    request = asking(stream=True, stream_options={"include_usage": True})
    reader = ADAPTER.open_stream(request, ID)
    events = [*answer.events(), chunk(choices=[], usage=USAGE)]
    passed = b"".join(reader.read(event) for event in events)
    assert not reader.done
    assert reader.read(b"data: [DONE]\n\n") == b""
    assert reader.complete
    assert (reader.report.prompt_tokens, reader.report.cached_tokens) == (7, 3)
    assert reader.end.endswith(b"data: [DONE]\n\n")
    assert json.loads(reader.end[6:].partition(b"\n")[0])["usage"]["total_tokens"] == 12
    assert passed.count(b'"role":"assistant"') == 1
    assert b'"id":"x"' not in passed


@pytest.mark.parametrize("large", [False, True], ids=["small", "in steps"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_whole_response_goes_through(answer: Answer, large: bool) -> None:
    body = answer.whole()[:-1] + b',"usage":%b}' % json.dumps(USAGE).encode()
    if large:
        whole = in_one_go(ADAPTER.read_large_response(asking(), bytearray(body), ID))
    else:
        whole = ADAPTER.read_response(asking(), body, ID)
    assert whole.report.prompt_tokens == 7
    assert whole.convert is not None
    written = json.loads(whole.convert(bytes(whole.body)))
    assert written["id"] == "chatcmpl-01935a6b2c3d0011223344556677"
    assert written["usage"]["completion_tokens"] == 5


def in_one_go(steps: Steps[WholeResponse]) -> WholeResponse:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("WholeResponse", end.value)


def test_a_long_event_is_written_in_steps_and_pieces() -> None:
    long = 'é\\"' * 100_000
    delta = {
        "content": long,
        "reasoning": long,
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": long}}],
    }
    reader = ADAPTER.open_stream(asking(stream=True), ID)
    steps = reader.read_large(chunk(choices=[{"index": 0, "delta": delta}]))
    count = 0
    while True:
        try:
            next(steps)
            count += 1
        except StopIteration as end:
            events = cast("bytes", end.value).split(b"\n\n")[:-1]
            break
    deltas = [json.loads(event.removeprefix(b"data: "))["choices"][0]["delta"] for event in events]
    assert "".join(delta.get("content") or "" for delta in deltas) == long
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == long
    assert "".join(call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", ())) == long
    assert max(map(len, events)) < 500_000
    assert count >= len(events) > 9


def test_what_fails_upstream_fails_here() -> None:
    with pytest.raises(UpstreamFailure):
        ADAPTER.open_stream(asking(stream=True), ID).read(chunk(error={"message": "Broken."}))
    with pytest.raises(UpstreamUnavailable):
        ADAPTER.read_response(asking(), b"{}", ID)
    assert ADAPTER.error_message(b'{"error":{"message":"Broken."}}') == "Broken."


def test_no_field_brings_more_than_the_body() -> None:
    request = asking(plugins=[{"id": "web"}], min_tokens=5, service_tier="priority")
    assert ADAPTER.external_input_field(request, OPENAI) is None
    assert ADAPTER.extra_output_field(request, OPENAI) is None
    assert list(ADAPTER.priced_fields(request, OPENAI)) == []
    assert set(rewritten(plugins=[{"id": "web"}], min_tokens=5, service_tier="priority")) == {
        "model",
        "messages",
        "max_completion_tokens",
    }
