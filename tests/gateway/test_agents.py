"""What coding agents and other clients ordinarily send goes out for users with a budget, too, to every kind of upstream
that speaks this dialect."""

import json
from typing import Any

import pytest

from tests.gateway.conftest import running
from tests.gateway.test_limits import BEARER, limit
from tests.scripted import chat_answer, json_response
from tollkeeper.rules.kinds import KINDS
from tollkeeper.services.upstreams.config import UpstreamConfig

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "command": {"type": "string", "description": "What to run"},
        "timeout": {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
    },
    "required": ["command"],
    "additionalProperties": False,
}
FUNCTION: dict[str, Any] = {
    "type": "function",
    "function": {"name": "bash", "description": "Run it", "parameters": SCHEMA},
}
CALL = {"id": "call_1", "type": "function", "index": 0, "function": {"name": "bash", "arguments": '{"command":"ls"}'}}
CALLED: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT: dict[str, Any] = {"role": "tool", "tool_call_id": "call_1", "content": "a.txt"}

BODIES: dict[str, dict[str, Any]] = {
    "an agent with many tools": {
        "messages": [
            {"role": "system", "content": "You are an agent. " * 1000},
            {"role": "user", "content": "List files"},
        ],
        "tools": [FUNCTION] * 12,
        "tool_choice": "auto",
        "max_tokens": 32000,
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "the turn after a tool call": {
        "messages": [{"role": "user", "content": "List files"}, CALLED, RESULT],
        "tools": [FUNCTION],
        "max_tokens": 32000,
    },
    "null beside tool calls, parts in tool messages": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "List files"}]},
            CALLED | {"content": None},
            RESULT | {"content": [{"type": "text", "text": "a.txt"}]},
        ],
        "tools": [FUNCTION],
        "metadata": {"sessionId": "s", "promptId": "p"},
        "parallel_tool_calls": True,
    },
    "tools with a note for streaming": {"tools": [FUNCTION | {"eager_input_streaming": True}]},
    "tools without a type": {
        "tools": [
            {"name": "Bash", "description": "Run it", "input_schema": SCHEMA, "eager_input_streaming": True},
            {"function": {"name": "f"}},
            {
                "name": "g",
                "description": "",
                "parameters": SCHEMA,
                "strict": False,
                "cache_control": {"type": "ephemeral"},
            },
        ]
    },
    "namespaces of functions": {
        "tools": [
            {
                "type": "namespace",
                "name": "mcp",
                "description": "d",
                "tools": [FUNCTION, {"type": "custom", "name": "c"}],
            },
            {"type": "local_shell"},
            {"type": "custom", "custom": {"name": "patch", "format": {"type": "grammar"}}},
        ]
    },
    "notes beside texts and messages": {
        "messages": [
            {
                "id": "msg_1",
                "role": "user",
                "content": [
                    {"type": "text", "text": "hi", "id": "p1", "annotations": [], "providerOptions": {}},
                    {"type": "text", "text": "there", "cache_control": {"type": "ephemeral"}},
                ],
            },
            {
                "role": "assistant",
                "content": "yes",
                "annotations": [],
                "refusal": None,
                "audio": None,
                "function_call": None,
            },
            {"role": "user", "content": "go", "providerOptions": {"x": {"cacheControl": {"type": "ephemeral"}}}},
        ]
    },
    "a history with reasoning": {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yes", "reasoning_content": "hm", "reasoning_details": [{"text": "hm"}]},
            {"role": "user", "content": "go"},
        ],
        "reasoning_effort": "low",
    },
    "system texts in blocks, and a system message in the middle": {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 3},
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "be brief"},
        ],
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": []},
        "output_config": {"effort": "high"},
    },
    "defaults written out": {
        "min_tokens": 0,
        "ignore_eos": False,
        "best_of": 1,
        "use_beam_search": False,
        "plugins": [],
        "n": 1,
        "frequency_penalty": 0,
        "logit_bias": {},
        "stop": None,
        "user": "",
    },
    "names of a session": {
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "019a",
        "client_metadata": {"turn": "x" * 750},
    },
    "half a character in a tool's output": {
        "messages": [{"role": "user", "content": "List"}, CALLED, RESULT | {"content": "cut \ud83d"}],
        "tools": [FUNCTION],
    },
}


@pytest.fixture(params=["ollama", "openai", "openrouter", "openai-compatible"])
async def upstream(request, tmp_path, up):
    up.route("GET /v1/models", json_response({"data": [{"id": "tiny:latest"}]}))
    config = UpstreamConfig("u", KINDS[request.param], up.url, open=True)
    async with running(tmp_path, up.url, upstreams=[config]) as gateway:
        price = {"model": "tiny:latest", "input_usd_per_mtok": "1", "output_usd_per_mtok": "1"}
        await gateway.client.put("/admin/prices", json=price, headers=BEARER)
        yield gateway


@pytest.mark.parametrize("limits", [{"cost_usd_per_month": 10}, {"tokens_per_day": 1_000_000}])
async def test_with_a_budget_all_of_it_goes_out(upstream, up, limits):
    await limit(upstream, **limits)
    for name, fields in BODIES.items():
        if not fields.get("stream"):
            up.answer(json_response(chat_answer(usage=(5, 2))))
        asked = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]} | fields
        answer = await upstream.client.post("/v1/chat/completions", content=json.dumps(asked))
        assert answer.status_code == 200, f"{name}: {answer.text}"
        sent = up.requests[-1].json
        for field in ("tools", "messages"):
            # Only half a character may be another, where the upstream takes none.
            assert json.dumps(sent.get(field)).replace("ufffd", "ud83d") == json.dumps(asked.get(field)), name
