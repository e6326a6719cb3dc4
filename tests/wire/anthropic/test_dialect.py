"""The record of the Messages dialect: its functions fit each other."""

import json

from tollkeeper.rules.errors import BadRequest, Quota
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA
from tollkeeper.wire.anthropic.dialect import MESSAGES

PATH, COUNT = MESSAGES.endpoints
(ADAPTER,) = MESSAGES.adapters[PATH.path]
BODY = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()


def test_its_paths_are_those_of_its_adapters():
    assert [endpoint.path for endpoint in MESSAGES.endpoints] == ["/v1/messages", "/v1/messages/count_tokens"]
    assert [endpoint.counts for endpoint in MESSAGES.endpoints] == [False, True]
    assert set(MESSAGES.adapters) == {endpoint.path for endpoint in MESSAGES.endpoints}
    assert (PATH.generates, COUNT.generates, COUNT.streams) == (True, False, False)
    (counting,) = MESSAGES.adapters[COUNT.path]
    assert (ADAPTER.needs_cap, counting.needs_cap) == (True, False)


def test_a_request_goes_all_the_way_through_it():
    request = MESSAGES.read_request(BODY, PATH)
    for kind in (ANTHROPIC, OLLAMA):
        ADAPTER.check_supported(request, kind)
        assert ADAPTER.external_input_field(request, kind) is None
        assert ADAPTER.extra_output_field(request, kind) is None
        assert ADAPTER.priced_fields(request, kind) == []
        sent = ADAPTER.rewrite(
            request, model="tiny:latest", opaque_user=str, image_urls=(), output_cap=9, kind=kind, price=None
        )
        assert json.loads(sent) == json.loads(BODY) | {"model": "tiny:latest", "max_tokens": 9}
    reader = ADAPTER.open_stream(request, "req_1")
    [event] = ADAPTER.split_events(1000).feed(b'event: message_stop\ndata: {"type":"message_stop"}\n\n', 10)
    reader.read(event)
    assert reader.done
    whole = ADAPTER.read_response(request, b'{"id":"x","content":[],"usage":{"input_tokens":1}}', "req_1")
    assert json.loads(bytes(whole.body))["id"] == "msg_1"


def test_errors_are_told_alike_whole_and_within_a_stream():
    error = BadRequest("Wrong.", param="messages")
    told = json.loads(MESSAGES.error_body(error, "req_1"))
    assert (told["error"]["param"], told["request_id"]) == ("messages", "req_1")
    assert MESSAGES.error_event is not None
    assert json.loads(MESSAGES.error_event(error, "req_1").split(b"data: ")[1].split(b"\n")[0]) == told
    assert ADAPTER.error_message(MESSAGES.error_body(error, "req_1")) == "Wrong."


def test_limits_are_told_in_headers_of_whole_answers_and_of_refusals():
    quota = Quota("requests", 5, 2, 1000)
    assert dict(MESSAGES.quota_headers(quota, 0)) == dict(MESSAGES.response_headers(7, [quota], 0))


def test_a_count_is_read_and_written_alike():
    (counting,) = MESSAGES.adapters[COUNT.path]
    request = MESSAGES.read_request(BODY, COUNT)
    assert MESSAGES.count_body is not None
    body = MESSAGES.count_body(12)
    whole = counting.read_response(request, body, "req_1")
    assert (whole.body, whole.report.prompt_tokens) == (body, 12)
