"""The schemas of the dialect: every name that is used is there, and what is required is described."""

import json
import re

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.anthropic.dialect import MESSAGES
from tollkeeper.wire.anthropic.request import KNOWN
from tollkeeper.wire.anthropic.schemas import SCHEMAS
from tollkeeper.wire.openai.schemas import SCHEMAS as OTHERS


def test_every_name_that_is_used_is_there():
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(SCHEMAS)))
    used |= {name for end in MESSAGES.endpoints for name in (end.request_schema, end.response_schema)}
    assert used | {MESSAGES.error_schema} == set(SCHEMAS)
    assert not set(SCHEMAS) & set(OTHERS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_required_is_described(name):
    assert set(SCHEMAS[name]["required"]) <= set(SCHEMAS[name]["properties"])


def test_an_error_and_a_count_have_the_fields_that_are_described():
    told = json.loads(MESSAGES.error_body(BadRequest("no", param="model", code="c"), "req_1"))
    assert list(told) == list(SCHEMAS["MessagesError"]["properties"])
    assert list(told["error"]) == list(SCHEMAS["MessagesError"]["properties"]["error"]["properties"])
    assert MESSAGES.count_body is not None
    assert list(json.loads(MESSAGES.count_body(1))) == list(SCHEMAS["TokenCount"]["properties"])


def test_the_fields_of_requests_are_known():
    for name in ("MessagesRequest", "CountTokensRequest"):
        assert set(SCHEMAS[name]["properties"]) <= KNOWN
