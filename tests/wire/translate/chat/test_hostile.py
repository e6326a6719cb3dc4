"""Whatever JSON a client or an upstream sends where fields of a chat are: it is read, or refused in words."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.translate.chat.answers import chunk
from tollkeeper.rules.errors import BadRequest, UpstreamFailure
from tollkeeper.rules.kinds import ANTHROPIC, OPENROUTER
from tollkeeper.wire.openai.request import CHAT, read_request
from tollkeeper.wire.translate.chat.fates import FATES, check_supported
from tollkeeper.wire.translate.chat.format import CHAT_CLIENT, CHAT_UPSTREAM
from tollkeeper.wire.translate.output import Finished, Output

NAMES = st.sampled_from(
    [
        "role", "content", "type", "text", "image_url", "url", "file", "file_data", "tool_calls", "function", "name",
        "arguments", "id", "index", "tool_call_id", "refusal", "reasoning", "thinking", "signature", "cache_control",
        "parameters", "strict", "json_schema", "schema", "allowed_tools", "mode", "tools", "effort", "max_tokens",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    ["user", "assistant", "system", "tool", "function", "text", "image_url", "file", "thinking", "auto",
     "allowed_tools", "json_schema", "data:text/plain;base64,!", "data:,", "", "é\"\\\n", "\ud83d"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)
FIELDS = st.dictionaries(st.sampled_from(sorted(FATES["/v1/messages"])), VALUES, max_size=3)


@given(FIELDS, st.lists(OBJECTS | VALUES, max_size=3), st.lists(OBJECTS | VALUES, max_size=2))
def test_a_request_is_read_or_refused(fields: dict[str, Any], messages: list[Any], tools: list[Any]) -> None:
    body = json.dumps({"messages": messages, "tools": tools} | fields | {"model": "m"})
    with suppress(BadRequest):
        request = read_request(body.encode(), CHAT)
        check_supported(request, "/v1/messages", ANTHROPIC)
        conversation = CHAT_CLIENT.read_request(request, [image.url for image in request.images], request.output_cap)
        CHAT_UPSTREAM.check_supported(conversation, OPENROUTER)
        sent = CHAT_UPSTREAM.write_request(conversation, model="M", opaque_user=str, kind=OPENROUTER, price=None)
        json.loads(sent)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=4), VALUES)
def test_a_response_is_read_or_fails(deltas: list[dict[str, Any]], reason: Any) -> None:
    reader = CHAT_UPSTREAM.open_output()
    with suppress(UpstreamFailure):
        for delta in deltas:
            reader.read(chunk(choices=[{"delta": delta, "finish_reason": reason}], model=reason))
    for message in deltas:
        body = json.dumps({"choices": [{"message": message, "finish_reason": reason}]}).encode()
        with suppress(UpstreamFailure):
            output = CHAT_UPSTREAM.read_output(body)
            request = read_request(b'{"model":"m"}', CHAT)
            report = CHAT_UPSTREAM.read_response(body).report
            json.loads(CHAT_CLIENT.write_response(request, "req_01935a6b2c3d0011223344556677", output, report))


def test_nothing_at_all() -> None:
    assert CHAT_UPSTREAM.read_output(b"{}") == Output("", (), Finished("stop"))
