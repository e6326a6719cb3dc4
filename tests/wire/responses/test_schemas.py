"""The schemas of the dialect: every name that is used is there, and what is required is described."""

import json
import re

import pytest

from tests.responses_shapes import response_object
from tollkeeper.wire.openai.schemas import SCHEMAS as OPENAI
from tollkeeper.wire.responses.request import RESPONSES
from tollkeeper.wire.responses.schemas import SCHEMAS


def test_every_name_that_is_used_is_there():
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(SCHEMAS)))
    assert used | {RESPONSES.request_schema, RESPONSES.response_schema} == set(SCHEMAS)
    assert not set(SCHEMAS) & set(OPENAI)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_required_is_described(name):
    assert set(SCHEMAS[name]["required"]) <= set(SCHEMAS[name]["properties"])


def test_a_response_has_the_fields_that_are_described():
    assert set(SCHEMAS["ResponseObject"]["properties"]) <= set(response_object())
