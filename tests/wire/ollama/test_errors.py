"""Errors in Ollama's dialect have a message, and nothing else."""

import json

import pytest

from tollkeeper.rules.errors import BadRequest, ServerOverloaded
from tollkeeper.wire.ollama.errors import error_body, error_event, error_message

ERROR = BadRequest("'model' is missing.", param="model")


def test_the_gateways_own():
    assert json.loads(error_body(ERROR)) == {"error": "'model' is missing."}
    assert error_event(ServerOverloaded("Full.")) == b'{"error":"Full."}\n'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"model \'x\' not found"}', "model 'x' not found"),
        (b'{"error":{"message":"no","code":null}}', "no"),
        (b'{"error":""}', "it gave no reason"),
        (b"404 page not found", "it gave no reason"),
        (b"", "it gave no reason"),
    ],
)
def test_those_of_an_upstream(body, message):
    assert error_message(body) == message
