"""What no budget can bound is found; what agents ordinarily send is not."""

from typing import Any

import pytest

from tests.wire.responses.test_request import PNG, read, user
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENAI_COMPATIBLE
from tollkeeper.wire.responses.unbounded import external_input_field, extra_output_field

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "shell", "description": "d", "strict": False, "parameters": SCHEMA}
AGENT: dict[str, Any] = {
    "instructions": "You are an agent.",
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"summary": "auto", "effort": "medium"},
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "prompt_cache_key": "019a",
    "client_metadata": {"turn": "x" * 750},
    "text": {"verbosity": "low"},
    "tools": [
        FUNCTION,
        {"type": "namespace", "name": "mcp", "description": "d", "tools": [FUNCTION]},
        {"type": "web_search", "external_web_access": True},
    ],
    "input": [
        {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "d"}]},
        user({"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": PNG, "detail": "auto"}),
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "abc"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "namespace": "mcp", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
        {"type": "custom_tool_call", "call_id": "d", "name": "p", "input": "x", "status": "completed"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": [{"type": "input_text", "text": "x"}]},
        {"type": "local_shell_call", "id": "l", "call_id": "e", "action": {"type": "exec"}, "status": "completed"},
        {"role": "user", "content": [{"type": "input_file", "filename": "a.pdf", "file_data": PNG}]},
    ],
}


def test_what_an_agent_sends_stays_within_the_body():
    for kind in (OPENAI, OPENAI_COMPATIBLE, OLLAMA):
        request = read(**AGENT)
        assert (external_input_field(request, kind), extra_output_field(request, kind)) == (None, None)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"fetch": "https://a"}, "fetch"),
        ({"plugins": [{"id": "web"}]}, "plugins"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": [{"type": "mcp_approval_response", "approve": True}]}, "input[0].type"),
        ({"input": [user() | {"attachments": ["a"]}]}, "input[0].attachments"),
        ({"input": [user({"type": "input_file", "file_url": "https://a"})]}, "input[0].content[0].file_url"),
        ({"input": [user({"type": "input_file", "file_data": "https://a"})]}, "input[0].content[0].file_data"),
        ({"input": [user({"type": "input_video", "text": ""})]}, "input[0].content[0].type"),
        (
            {"input": [{"type": "function_call_output", "output": [{"type": "input_file", "file_url": "u"}]}]},
            "input[0].output[0].file_url",
        ),
    ],
)
def test_input_from_elsewhere_is_found(fields, found):
    assert external_input_field(read(**fields), OPENAI) == found
    assert external_input_field(read(**fields), OLLAMA) in (None, "tools[0].type")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"n": 2}, "n"),
        ({"n": 1}, None),
        ({"max_tokens": 5000}, "max_tokens"),
        ({"ignore_eos": True}, "ignore_eos"),
        ({"max_output_tokens": 5000}, None),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"reasoning": {"mode": "standard"}}, None),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
    ],
)
def test_more_output_than_the_cap_is_found(fields, found):
    assert extra_output_field(read(**fields), OPENAI) == found
    assert extra_output_field(read(**fields), OLLAMA) is None
