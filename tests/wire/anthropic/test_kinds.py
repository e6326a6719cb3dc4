"""What kinds of upstream do not support in the Messages dialect, and what they charge for beside tokens."""

import json

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.wire.anthropic.kinds import charged_fields, check_kind
from tollkeeper.wire.anthropic.request import MESSAGES, read_request


def read(*blocks, **fields):
    messages = [{"role": "user", "content": list(blocks)}]
    return read_request(json.dumps({"model": "m", "messages": messages} | fields).encode(), MESSAGES)


def document(**source):
    return {"type": "document", "source": source}


AT = "messages[0].content[0]"
WITHIN = [{"type": "image", "source": {"type": "file", "file_id": "file_1"}}]


@pytest.mark.parametrize(
    ("blocks", "fields", "param"),
    [
        ([], {"container": {"skills": ["x"]}}, "container"),
        ([], {"mcp_servers": [{"url": "https://a.example"}]}, "mcp_servers"),
        ([], {"user_profile_id": "profile_1"}, "user_profile_id"),
        ([], {"workspace_id": "w_1"}, "workspace_id"),
        ([], {"diagnostics": {"previous_message_id": "msg_1"}}, "diagnostics.previous_message_id"),
        ([document(type="file", file_id="file_1")], {}, f"{AT}.source.file_id"),
        ([document(type="content", content=WITHIN)], {}, f"{AT}.source.content[0].source.file_id"),
        ([{"type": "container_upload", "file_id": "file_1"}], {}, f"{AT}.file_id"),
        ([{"type": "tool_result", "content": WITHIN}], {}, f"{AT}.content[0].source.file_id"),
    ],
)
def test_what_an_account_has_stored_is_refused_where_users_share_one(blocks, fields, param):
    request = read(*blocks, **fields)
    for kind in (ANTHROPIC, OPENAI_COMPATIBLE):
        with pytest.raises(BadRequest) as refused:
            check_kind(request, kind)
        assert refused.value.param == param
    check_kind(request, OLLAMA)


def test_empty_fields_reach_nothing():
    request = read(container=None, mcp_servers=[], diagnostics={"previous_message_id": None}, thread={})
    check_kind(request, ANTHROPIC)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"speed": "fast"}, [("speed", "fast")]),
        ({"speed": "standard", "inference_geo": "global", "service_tier": "auto"}, []),
        ({"inference_geo": "us"}, [("inference_geo", "us")]),
        ({"fallbacks": [{"model": "other"}]}, [("fallbacks", "fallbacks")]),
        ({"tools": [{"name": "a"}, {"type": "web_search_20260318"}]}, [("tools[1].type", "web_search")]),
        ({"tools": [{"type": "code_execution_20260521"}]}, [("tools[0].type", "code_execution")]),
        ({"tools": [{"type": "bash_20250124"}, {"type": "custom", "name": "web_search_20260318"}]}, []),
    ],
)
def test_what_changes_the_price_is_found(fields, found):
    assert charged_fields(read(**fields), ANTHROPIC) == found
    assert charged_fields(read(**fields), OLLAMA) == []
