"""The schemas of the dialect: every name that is used is there, and what is required is described."""

import json
import re

import pytest

from tollkeeper.wire.dialect import ListedModel, Listing
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.models import models_body
from tollkeeper.wire.openai.schemas import SCHEMAS

ELSEWHERE = {"PriceBody"}
"""Schemas of the control plane."""


def test_every_name_that_is_used_is_there():
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(SCHEMAS)))
    used |= {name for end in OPENAI.endpoints for name in (end.request_schema, end.response_schema)}
    used |= {name for each in OPENAI.lookups if isinstance(each, Listing) for name in (each.schema, each.schema_of_one)}
    assert used - set(SCHEMAS) == ELSEWHERE


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_required_is_described(name):
    assert set(SCHEMAS[name]["required"]) <= set(SCHEMAS[name]["properties"])


def test_a_list_of_models_has_the_fields_that_are_described():
    told = json.loads(models_body([ListedModel("m", None, None, None)]))
    assert list(told) == list(SCHEMAS["ModelList"]["properties"])
    assert list(told["data"][0]) == list(SCHEMAS["Model"]["properties"])
