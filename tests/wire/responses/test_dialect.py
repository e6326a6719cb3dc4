"""The record of the Responses dialect: its functions fit each other."""

import json

from tests.responses_shapes import responses_stream
from tests.wire.responses.test_request import body
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.wire.responses.dialect import RESPONSES_DIALECT as DIALECT

ADAPTER = DIALECT.adapters["/v1/responses"][0]


def test_a_request_goes_all_the_way_through_it():
    request = DIALECT.read_request(body(stream=True), DIALECT.endpoints[0])
    ADAPTER.check_supported(request, OLLAMA)
    assert ADAPTER.external_input_field(request, OLLAMA) is None
    assert ADAPTER.extra_output_field(request, OLLAMA) is None
    sent = ADAPTER.rewrite(
        request, model="tiny:latest", opaque_user=str, image_urls=(), output_cap=None, kind=OLLAMA, price=None
    )
    assert json.loads(sent)["model"] == "tiny:latest"
    reader = ADAPTER.open_stream(request, "req_1")
    for event in ADAPTER.split_events(10_000).feed(b"".join(responses_stream()), 100):
        reader.read(event)
    assert reader.done
    assert b'"id":"resp_1"' in reader.end
