"""Whole responses in the Messages dialect."""

import json

import pytest

from tollkeeper.rules.errors import UpstreamFailure, UpstreamUnavailable
from tollkeeper.wire.anthropic.response import read_large, read_whole
from tollkeeper.wire.usage import UsageReport

# As Ollama 0.24.0 sends it.
OLLAMA = (
    b'{"id":"msg_f02e9888e628644bf8b8e7af","type":"message","role":"assistant","model":"tiny","content":[{"type":"text",'
    b'"text":"Hello, this is a"}],"stop_reason":"max_tokens","usage":{"input_tokens":21,"output_tokens":5}}'
)


def at_once(text):
    return read_whole(text, "msg_1")


def in_steps(text):
    steps = read_large(bytearray(text), "msg_1")
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


READ = pytest.mark.parametrize("read", [at_once, in_steps])


@READ
def test_it_gets_its_id_and_tells_its_usage(read):
    whole = read(OLLAMA)
    assert bytes(whole.body) == OLLAMA.replace(b"msg_f02e9888e628644bf8b8e7af", b"msg_1")
    assert (whole.report, whole.finish_reason, whole.content_events) == (UsageReport(21, 5), "max_tokens", 0)


@READ
def test_without_usage_its_output_is_estimated(read):
    whole = read(b'{"id":"message","type":"message","content":[{"type":"text","text":"12345678"}]}')
    told = json.loads(bytes(whole.body))
    assert (told["type"], told["id"]) == ("message", "msg_1")
    assert (whole.report.completion_tokens, whole.content_events > 0, whole.finish_reason) == (None, True, None)


@READ
@pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b"{}", b'{"usage":{}}'])
def test_what_is_no_answer_fails(read, text):
    with pytest.raises(UpstreamUnavailable):
        read(text)


@READ
def test_an_error_in_a_200_is_a_failure(read):
    with pytest.raises(UpstreamFailure):
        read(b'{"type":"error","error":{"type":"api_error","message":"broken"}}')
