"""The two formats as records: what is refused by field, and whole requests of real clients."""

import json

import pytest
from msgspec import Raw

from tests.wire.translate.messages.requests import CLAUDE_CODE, request_of
from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.wire.anthropic.request import KNOWN
from tollkeeper.wire.translate.conversation import Conversation, Reasoning, Text, Tool, Turn
from tollkeeper.wire.translate.messages.format import FATES, MESSAGES_CLIENT, MESSAGES_UPSTREAM

CHAT = "/v1/chat/completions"


def finish(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_every_known_field_has_a_fate():
    assert set(FATES[CHAT]) >= KNOWN


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"container": "c"}, True),
        ({"mcp_servers": [{"type": "url"}]}, True),
        ({"inference_geo": "us"}, True),
        ({"compaction": {"type": "x"}}, True),
        ({"billing_policy": {"bill_to": "user_profile"}}, True),
        ({"container": None, "mcp_servers": [], "inference_geo": ""}, False),
        ({"service_tier": "auto", "speed": "fast", "context_management": {"edits": []}, "unheard_of": 1}, False),
    ],
)
def test_fields_that_only_anthropic_has(fields, refused):
    request = request_of(**fields)
    if refused:
        with pytest.raises(UnsupportedByUpstream) as caught:
            MESSAGES_CLIENT.check_supported(request, CHAT, OPENAI)
        assert caught.value.param in fields
    else:
        MESSAGES_CLIENT.check_supported(request, CHAT, OPENAI)


def test_nothing_in_a_translated_request_is_unbounded_or_priced_apart():
    request = request_of(service_tier="auto", speed="fast")
    assert MESSAGES_CLIENT.external_input_field(request, OPENAI) is None
    assert MESSAGES_CLIENT.extra_output_field(request, OPENAI) is None
    assert MESSAGES_CLIENT.priced_fields(request, OPENAI) == ()


def test_the_upstreams_format_meters_by_the_reader_of_its_dialect():
    assert (MESSAGES_UPSTREAM.path, MESSAGES_UPSTREAM.stream_type) == ("/v1/messages", b"text/event-stream")
    body = b'{"id":"msg_1","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"output_tokens":3}}'
    whole = MESSAGES_UPSTREAM.read_response(body)
    assert (whole.report.completion_tokens, whole.finish_reason) == (3, "end_turn")
    assert finish(MESSAGES_UPSTREAM.read_large_response(bytearray(body))).report == whole.report
    reader = MESSAGES_UPSTREAM.open_stream()
    assert reader.read(b'data: {"type":"message_stop"}\n\n') == b""
    assert reader.done


def test_claude_codes_first_request():
    request = request_of(**CLAUDE_CODE)
    MESSAGES_CLIENT.check_supported(request, CHAT, OPENAI)
    read = MESSAGES_CLIENT.read_request(request, (), request.output_cap)
    cache = Raw(b'{"type": "ephemeral"}')
    schema = json.dumps(CLAUDE_CODE["tools"][0]["input_schema"]).encode()
    assert read == Conversation(
        turns=(
            Turn(
                "system",
                (
                    Text("x-anthropic-billing-header: cc_version=2.1"),
                    Text("You are Claude Code.", cache),
                    Text("# Tools", cache),
                ),
            ),
            Turn("user", (Text("<system-reminder>…</system-reminder>"), Text("List files", cache))),
            Turn("system", (Text("Be brief."),)),
        ),
        tools=(Tool("Bash", "Runs a command", Raw(schema)),),
        stream=True,
        output_cap=32000,
        reasoning=Reasoning("medium"),
        names_user=True,
    )
