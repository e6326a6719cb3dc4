"""The record of the OpenAI dialect: its functions fit each other."""

import json

from tollkeeper.rules.errors import BadRequest, Quota
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.request import CHAT

(ADAPTER,) = OPENAI.adapters[CHAT.path]
BODY = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()


def test_each_path_reads_its_own_requests():
    assert [endpoint.path for endpoint in OPENAI.endpoints] == [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
    ]
    assert [endpoint.generates for endpoint in OPENAI.endpoints] == [True, True, False]
    assert [endpoint.streams for endpoint in OPENAI.endpoints] == [True, True, False]


def test_a_request_goes_all_the_way_through_it():
    request = OPENAI.read_request(BODY, OPENAI.endpoints[0])
    ADAPTER.check_supported(request, OLLAMA)
    assert ADAPTER.external_input_field(request, OLLAMA) is None
    assert ADAPTER.extra_output_field(request, OLLAMA) is None
    sent = ADAPTER.rewrite(
        request, model="tiny:latest", opaque_user=str, image_urls=(), output_cap=None, kind=OLLAMA, price=None
    )
    assert json.loads(sent)["model"] == "tiny:latest"
    reader = ADAPTER.open_stream(request, "req_1")
    [event] = ADAPTER.split_events(1000).feed(b"data: [DONE]\n\n", 10)
    reader.read(event)
    assert reader.done


def test_errors_are_told_alike_whole_and_within_a_stream():
    error = BadRequest("Wrong.", param="n")
    told = json.loads(OPENAI.error_body(error, "req_1"))
    assert told["error"]["param"] == "n"
    assert OPENAI.error_event is not None
    assert json.loads(OPENAI.error_event(error, "req_1").split(b"data: ")[1].split(b"\n")[0]) == told
    assert ADAPTER.error_message(OPENAI.error_body(error, "req_1")) == "Wrong."


def test_limits_are_told_in_headers_of_whole_answers_and_of_refusals():
    quota = Quota("requests", 5, 2, 1000)
    assert dict(OPENAI.quota_headers(quota, 0)).items() <= dict(OPENAI.response_headers(7, [quota], 0)).items()
