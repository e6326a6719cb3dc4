"""Responses clients before upstreams that speak chat and Messages: the formats fit each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from tests.responses_shapes import data_of
from tests.scripted import chat_answer, chat_chunks, sse
from tests.wire.responses.test_unbounded import AGENT
from tests.wire.translate.responses.asking import REQUEST_ID, asking
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI_COMPATIBLE, Kind
from tollkeeper.wire.dialect import AnyAdapter
from tollkeeper.wire.dialects import DIALECTS
from tollkeeper.wire.responses.request import ResponsesRequest

(DIALECT,) = [dialect for dialect in DIALECTS if dialect.name == "responses"]
OWN, CHAT, MESSAGES = DIALECT.adapters["/v1/responses"]
KINDS: dict[str, tuple[AnyAdapter, Kind]] = {
    "ollama": (CHAT, OLLAMA),
    "openai-compatible": (CHAT, OPENAI_COMPATIBLE),
    "anthropic": (MESSAGES, ANTHROPIC),
}
EACH = pytest.mark.parametrize(("adapter", "kind"), KINDS.values(), ids=KINDS)
AGENTS = AGENT | {"input": [item for item in AGENT["input"] if "local_shell" not in item.get("type", "")]}


def rewritten(adapter: AnyAdapter, request: ResponsesRequest, kind: Kind, **more: Any) -> dict[str, Any]:
    adapter.check_supported(request, kind)
    assert adapter.external_input_field(request, kind) is None
    assert adapter.extra_output_field(request, kind) is None
    assert list(adapter.priced_fields(request, kind)) == []
    given: dict[str, Any] = {
        "model": "M",
        "opaque_user": lambda: "u-1",
        "output_cap": None,
        "kind": kind,
        "price": None,
    } | more
    sent: dict[str, Any] = json.loads(adapter.rewrite(request, image_urls=[i.url for i in request.images], **given))
    return sent


def test_what_it_speaks_itself_comes_first() -> None:
    assert [adapter.path for adapter in (OWN, CHAT, MESSAGES)] == [
        "/v1/responses",
        "/v1/chat/completions",
        "/v1/messages",
    ]


@EACH
def test_what_an_agent_sends_is_never_refused(adapter: AnyAdapter, kind: Kind) -> None:
    files = [item for item in AGENTS["input"] if "input_file" not in json.dumps(item)]
    sent = rewritten(adapter, asking(**AGENTS | {"input": files}), kind, output_cap=7)
    assert sent["model"] == "M"
    assert sent.get("max_tokens", sent.get("max_completion_tokens")) == 7
    names = [(tool.get("function") or tool)["name"] for tool in sent["tools"]]
    assert names == ["shell", "mcp__shell"]
    assert "client_metadata" not in sent
    assert "abc" not in json.dumps(sent), "the reasoning of another maker"


@EACH
@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "web_search"}]},
        {"top_logprobs": 2},
        {"input": [{"type": "what_comes_next"}]},
    ],
)
def test_what_cannot_be_carried_is_refused_before_a_place_is_taken(
    adapter: AnyAdapter, kind: Kind, fields: dict[str, Any]
) -> None:
    with pytest.raises(BadRequest):
        adapter.check_supported(asking(**fields), kind)


def test_a_whole_response() -> None:
    body = json.dumps(chat_answer("Hi.", usage=(7, 2))).encode()
    response = CHAT.read_response(asking(), body, REQUEST_ID)
    assert response.convert is not None
    made = json.loads(response.convert(bytes(response.body)))
    assert made["output"][0]["content"][0]["text"] == "Hi."
    assert (made["id"], made["usage"]["total_tokens"]) == (REQUEST_ID.replace("req_", "resp_"), 9)


def test_a_stream() -> None:
    reader = CHAT.open_stream(asking(stream=True), REQUEST_ID)
    passed = b"".join(reader.read(event) for event in sse(*chat_chunks(["a", "b"], usage=(7, 2))))
    events = data_of(passed + reader.end)
    assert [event["delta"] for event in events if event["type"].endswith(".delta")] == ["a", "b"]
    assert events[-1]["response"]["usage"]["output_tokens"] == 2
    assert (reader.done, reader.complete, reader.finish_reason) == (True, True, "stop")


def test_its_model_is_renamed() -> None:
    assert CHAT.rename("M", "m", b'{"model":"M"}') == b'{"model":"m"}'


def test_numbers_reach_the_upstream_as_they_were_written() -> None:
    request = DIALECT.read_request(b'{"model":"m","input":"hi","temperature":0.50}', DIALECT.endpoints[0])
    assert request.members["temperature"] == Raw(b"0.50")
    sent = CHAT.rewrite(request, model="M", opaque_user=str, image_urls=(), output_cap=None, kind=OLLAMA, price=None)
    assert b'"temperature":0.50' in sent
