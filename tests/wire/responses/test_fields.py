"""The names of fields that the gateway knows."""

from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from tollkeeper.wire.responses.fields import ITEM, KNOWN, PART, STATE


def test_every_field_that_the_sdk_sends_is_known():
    assert set(ResponseCreateParamsNonStreaming.__annotations__) <= KNOWN


def test_what_the_gateway_reads_is_known():
    assert {*STATE, "model", "input", "max_output_tokens", "user", "safety_identifier", "metadata", "tools"} <= KNOWN
    assert {"type", "role", "content", "output", "tools"} <= ITEM
    assert {"type", "image_url", "file_id", "file_data"} <= PART
