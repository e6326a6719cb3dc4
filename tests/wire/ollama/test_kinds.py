"""What a kind of upstream does not support, and what no budget can bound."""

import pytest

from tests.wire.ollama.test_request import SAY, body
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.wire.ollama.kinds import check_kind, external_input_field, extra_output_field
from tollkeeper.wire.ollama.request import CHAT, EMBED, GENERATE, read_request


def test_vectors_of_another_length_are_refused_where_they_would_be_ignored():
    request = read_request(body(input="a", dimensions=9), EMBED)
    check_kind(request, OPENAI_COMPATIBLE)
    with pytest.raises(BadRequest) as refused:
        check_kind(request, OLLAMA)
    assert refused.value.param == "dimensions"
    check_kind(read_request(body(input="a", dimensions=None), EMBED), OLLAMA)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"prompt": "a", "system": "b", "context": [1], "suffix": "c", "format": "json", "images": []}, None),
        ({"prompt": "a", "raw": True}, "raw"),
        ({"prompt": "a", "template": "{{ .Prompt }}"}, "template"),
        ({"prompt": "a", "template": "", "raw": False}, None),
        ({"prompt": "a", "template": None, "raw": None}, None),
    ],
)
@pytest.mark.parametrize("kind", [OLLAMA, OPENAI_COMPATIBLE])
def test_a_template_of_the_clients_own_is_not_bounded(fields, found, kind):
    assert external_input_field(read_request(body(**fields), GENERATE), kind) == found


def test_a_field_that_nobody_knows_is_not_where_it_is_not_ignored():
    request = read_request(body(messages=SAY, tools=[], web="https://a/"), CHAT)
    assert external_input_field(request, OLLAMA) is None
    assert external_input_field(request, OPENAI_COMPATIBLE) == "web"
    assert external_input_field(read_request(body(messages=SAY, template="x"), CHAT), OLLAMA) is None
    assert external_input_field(read_request(body(messages=SAY, web=[]), CHAT), OPENAI_COMPATIBLE) is None


def test_no_field_raises_the_output():
    request = read_request(body(messages=SAY, options={"num_predict": 9}), CHAT)
    assert extra_output_field(request, OPENAI_COMPATIBLE) is None
