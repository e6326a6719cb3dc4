"""Lists and descriptions of models in Ollama's dialect."""

import json
import re

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.dialect import InMemory, ListedModel
from tollkeeper.wire.ollama.models import (
    described_body,
    loaded_body,
    read_described,
    rewrite_described,
    tags_body,
    version_body,
)

LLAMA = ("llama", "1.2B", "Q4_1")
LOCAL = ListedModel(
    "llama3.2:1b", 1_795_181_970_123, None, None, 99, "ab" * 32, *LLAMA, InMemory(120, 20, 1_795_181_999_000, 2048)
)
REMOTE = ListedModel("gpt-4o", None, True, None, family="openai")
DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "1.2B",
    "quantization_level": "Q4_1",
}


def test_a_model_of_an_ollama_is_listed_as_that_has_it():
    (told,) = json.loads(tags_body([LOCAL]))["models"]
    assert told == {
        "name": "llama3.2:1b",
        "model": "llama3.2:1b",
        "modified_at": "2026-11-20T13:39:30.123Z",
        "size": 99,
        "digest": "ab" * 32,
        "details": DETAILS,
    }


def test_any_other_has_what_clients_cannot_do_without():
    (told,) = json.loads(tags_body([REMOTE]))["models"]
    assert re.fullmatch("[0-9a-f]{64}", told["digest"])
    assert (told["size"], told["modified_at"]) == (0, "0001-01-01T00:00:00Z")
    assert (told["details"]["family"], told["details"]["families"]) == ("openai", ["openai"])
    (other,) = json.loads(tags_body([ListedModel("gpt-5", None, None, None, digest="1763")]))["models"]
    assert len(other["digest"]) == 64
    assert other["digest"] != told["digest"]


def test_what_is_in_memory():
    (told,) = json.loads(loaded_body([LOCAL]))["models"]
    assert told == {
        "name": "llama3.2:1b",
        "model": "llama3.2:1b",
        "size": 120,
        "size_vram": 20,
        "digest": "ab" * 32,
        "details": DETAILS,
        "expires_at": "2026-11-20T13:39:59.000Z",
        "context_length": 2048,
    }
    assert json.loads(loaded_body([])) == {"models": []}


def test_the_version_is_the_smallest_of_all_and_that_of_the_dialect_where_there_is_none():
    assert json.loads(version_body([(0, 24, 0), (0, 9, 12), (0, 11, 4)])) == {"version": "0.9.12"}
    assert json.loads(version_body([])) == {"version": "0.11.4"}


@pytest.mark.parametrize(("sees", "vision"), [(True, True), (None, True), (False, False)])
def test_a_description_of_what_no_ollama_has(sees, vision):
    told = json.loads(described_body(ListedModel("gpt-4o", None, sees, None, family="openai")))
    assert told["capabilities"] == ["completion", "tools"] + ["vision"] * vision
    assert told["details"]["family"] == "openai"
    assert "model_info" not in told, "the command line fails over one that is not complete"


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "tiny"},
        {"name": "tiny"},
        {"model": "", "name": "tiny"},
        {"model": None, "name": "tiny"},
        {"model": "tiny", "name": "x"},
    ],
)
def test_the_name_in_a_request_to_describe_a_model(fields):
    assert read_described(json.dumps(fields).encode()) == "tiny"


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (b"{}", "model"),
        (b'{"model":7}', "model"),
        (b"", None),
        (b"[]", None),
        (b'{"model":"a","model":"b"}', "model"),
        (b'{"Name":"a"}', "Name"),
    ],
)
def test_bad_ones_are_refused(text, param):
    with pytest.raises(BadRequest) as refused:
        read_described(text)
    assert refused.value.param == param


def test_an_ollama_is_asked_by_its_own_name_and_as_verbosely():
    assert json.loads(rewrite_described(b'{"name":"a","options":{"num_gpu":1}}', "A:latest")) == {"model": "A:latest"}
    told = json.loads(rewrite_described(b'{"model":"a","verbose":true}', "A"))
    assert told == {"model": "A", "verbose": True}
