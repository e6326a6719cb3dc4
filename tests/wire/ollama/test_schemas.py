"""The schemas of Ollama's dialect describe what it has."""

import json
import re

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.dialect import Description, Greeting, InMemory, ListedModel
from tollkeeper.wire.ollama.dialect import OLLAMA
from tollkeeper.wire.ollama.errors import error_body
from tollkeeper.wire.ollama.models import described_body, loaded_body, tags_body, version_body
from tollkeeper.wire.ollama.schemas import SCHEMAS


def test_every_name_that_is_used_is_there_and_no_other():
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(SCHEMAS)))
    used |= {name for end in OLLAMA.endpoints for name in (end.request_schema, end.response_schema)}
    used |= {each.schema for each in OLLAMA.lookups if not isinstance(each, Greeting)}
    used |= {each.request_schema for each in OLLAMA.lookups if isinstance(each, Description)}
    assert used | {OLLAMA.error_schema} == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_required_is_described(name):
    assert set(SCHEMAS[name]["required"]) <= set(SCHEMAS[name]["properties"])


def test_what_is_told_of_models_has_the_fields_that_are_described():
    model = ListedModel("m", None, None, None, memory=InMemory())
    (listed,) = json.loads(tags_body([model]))["models"]
    (loaded,) = json.loads(loaded_body([model]))["models"]
    for told, name in (
        (listed, "OllamaModel"),
        (listed["details"], "OllamaDetails"),
        (loaded, "OllamaLoadedModel"),
        (json.loads(version_body([])), "OllamaVersion"),
        (json.loads(error_body(BadRequest("no"))), OLLAMA.error_schema),
    ):
        assert set(told) == set(SCHEMAS[name]["properties"]), name
    assert set(json.loads(described_body(model))) <= set(SCHEMAS["OllamaDescription"]["properties"])
