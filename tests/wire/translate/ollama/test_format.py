"""Ollama's chats and prompts, served by upstreams that speak another API."""

import json

import pytest

from tests.wire.ollama.test_request import SAY, body
from tollkeeper.rules.kinds import ANTHROPIC, OPENAI
from tollkeeper.wire.dialects import DIALECTS
from tollkeeper.wire.ollama.request import CHAT, GENERATE, read_request

ID = "req_01a227a354c56efd35a7fb2d4885"
ADAPTERS = {
    (path, adapter.path): adapter
    for each in DIALECTS
    if each.name == "ollama"
    for path, found in each.adapters.items()
    for adapter in found
}


@pytest.mark.parametrize("endpoint", [CHAT, GENERATE])
@pytest.mark.parametrize(("path", "kind"), [("/v1/chat/completions", OPENAI), ("/v1/messages", ANTHROPIC)])
def test_a_request_says_the_same(endpoint, path, kind):
    request = read_request(body(messages=SAY, prompt="hi", options={"num_predict": 9, "temperature": 0.5}), endpoint)
    adapter = ADAPTERS[endpoint.path, path]
    adapter.check_supported(request, kind)
    assert adapter.external_input_field(request, kind) is adapter.extra_output_field(request, kind) is None
    assert list(adapter.priced_fields(request, kind)) == []
    sent = json.loads(
        adapter.rewrite(request, model="M", opaque_user=str, image_urls=[], output_cap=5, kind=kind, price=None)
    )
    assert (sent["model"], sent["stream"], sent["temperature"]) == ("M", True, 0.5)
    assert 5 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    (message,) = sent["messages"]
    assert message["role"] == "user"
    assert message["content"] in ("hi", [{"type": "text", "text": "hi"}])


def test_vectors_are_not_translated():
    assert [path for path, upstream in ADAPTERS if path != upstream] == ["/api/chat"] * 2 + ["/api/generate"] * 2


def test_a_stream_is_read_and_written_line_by_line():
    request = read_request(body(messages=SAY), CHAT)
    adapter = ADAPTERS["/api/chat", "/v1/chat/completions"]
    reader = adapter.open_stream(request, ID)
    chunk = {"id": "c", "model": "gpt", "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}]}
    end = {"id": "c", "model": "gpt", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    usage = {"id": "c", "model": "gpt", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    events = [f"data: {json.dumps(each)}\n\n".encode() for each in (chunk, end, usage)] + [b"data: [DONE]\n\n"]
    lines = b"".join([reader.read(event) for event in events])
    (line,) = map(json.loads, lines.splitlines())
    assert (line["message"]["content"], line["done"]) == ("Hello", False)
    last = json.loads(reader.end)
    assert (last["done"], last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == (True, "stop", 7, 3)
