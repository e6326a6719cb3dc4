import json

import pytest

from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.rules.usage import Usage
from tollkeeper.wire.openai.embeddings import as_base64
from tollkeeper.wire.openai.request import CHAT, EMBEDDINGS, read_request
from tollkeeper.wire.openai.response import read_large_response, read_response, read_whole
from tollkeeper.wire.usage import NO_REPORT, UsageReport


def test_a_whole_answer_gets_our_id_and_tells_its_usage():
    usage = b'{"prompt_tokens":16,"completion_tokens":8}'
    text = b'{"id":"chatcmpl-901", "choices":[{"finish_reason":"stop"}],"usage":' + usage + b"}"
    whole = read_whole(text, "chatcmpl-new")
    assert whole.body == text.replace(b"chatcmpl-901", b"chatcmpl-new")
    assert (whole.report, whole.finish_reason) == (UsageReport(16, 8), "stop")


def test_embeddings_have_no_output():
    whole = read_whole(b'{"data":[],"usage":{"prompt_tokens":10,"total_tokens":10}}', None)
    assert whole.report.complete(99, 99) == Usage(prompt_tokens=10)


def test_usage_that_was_not_told_is_unknown():
    assert read_whole(b'{"choices":[]}', "x").report == NO_REPORT


@pytest.mark.parametrize(
    "text", [b"<html></html>", b"", b"[]", b'{"usage":5}', b'"x"', b"{}", b'{"choices":null}', b'{"id":"\xff"}']
)
@pytest.mark.parametrize("response_id", ["x", None])
def test_what_is_no_answer_is_unavailable(text, response_id):
    with pytest.raises(UpstreamUnavailable):
        read_whole(text, response_id)


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"prompt_tokens_details": {"cache_write_tokens": 4}}, 4),
        ({"prompt_tokens_details": {"cached_tokens": 1, "cache_creation_tokens": 4}}, 4),
        ({"prompt_tokens_details": {"cache_creation_input_tokens": 4}}, 4),
        ({"cache_creation_input_tokens": 4}, 4),
        ({"prompt_tokens_details": {"cache_write_tokens": None}}, 0),
        ({"prompt_tokens_details": None}, 0),
    ],
)
def test_what_is_written_to_a_cache_has_many_names(told, written):
    usage = {"prompt_tokens": 9, "completion_tokens": 2} | told
    whole = read_whole(json.dumps({"id": "x", "choices": [], "usage": usage}).encode(), "chatcmpl-1")
    assert whole.report.cache_write_tokens == written


def finished(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_response_gets_the_id_of_its_request():
    request = read_request(b'{"model":"m"}', CHAT)
    body = b'{"id":"a","choices":[]}'
    for whole in (
        read_response(request, body, "req_0123"),
        finished(read_large_response(request, bytearray(body), "req_0123")),
    ):
        assert json.loads(bytes(whole.body))["id"] == "chatcmpl-0123"
        assert whole.convert is None


@pytest.mark.parametrize(("encoding", "convert"), [(b'"base64"', as_base64), (b'"float"', None), (b"null", None)])
def test_embeddings_are_converted_where_base64_was_asked_for(encoding, convert):
    request = read_request(b'{"model":"m","input":"a","encoding_format":%b}' % encoding, EMBEDDINGS)
    assert read_response(request, b'{"data":[]}', "req_0123").convert is convert
    assert finished(read_large_response(request, bytearray(b'{"data":[]}'), "req_0123")).convert is convert
