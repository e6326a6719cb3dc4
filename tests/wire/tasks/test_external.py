"""Input from elsewhere: URLs, and what the upstream's account has stored."""

from __future__ import annotations

import pytest

from tests.wire.tasks.helpers import asked, sent
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import OLLAMA, OPENAI
from tollkeeper.wire.tasks.external import check_kind, external_input_field
from tollkeeper.wire.tasks.request import EDITS, MODERATIONS, RERANK, SPEECH, TRANSCRIPTIONS

DATA = "data:image/png;base64,aGk="


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ({"url": "https://a.b/c.png"}, "input[1].image_url.url"),
        ({"url": DATA}, None),
        ("http://a.b/c.png", "input[1].image_url"),
        (DATA, None),
        (5, "input[1].image_url"),
    ],
)
def test_a_url_is_found_where_an_upstream_would_fetch_it(url, found):
    request = asked(MODERATIONS, input=["hi", {"type": "image_url", "image_url": url}])
    assert external_input_field(request, OPENAI) == found


def test_texts_and_forms_bring_nothing():
    assert external_input_field(asked(MODERATIONS, input="https://a.b"), OPENAI) is None
    assert external_input_field(sent(TRANSCRIPTIONS), OPENAI) is None
    assert external_input_field(asked(EDITS, images=[{"image_url": "https://a.b"}]), OPENAI) == "images[0].image_url"


@pytest.mark.parametrize(
    ("endpoint", "fields", "param"),
    [
        (EDITS, {"images": [{"image_url": DATA}, {"file_id": "f"}]}, "images[1].file_id"),
        (EDITS, {"mask": {"file_id": "f"}}, "mask.file_id"),
        (SPEECH, {"input": "x", "voice": {"id": "v"}}, "voice.id"),
    ],
)
def test_what_is_stored_is_out_of_reach_where_an_account_is_shared(endpoint, fields, param):
    with pytest.raises(BadRequest, match="what others have stored") as refused:
        check_kind(asked(endpoint, **fields), OPENAI)
    assert refused.value.param == param
    check_kind(asked(endpoint, **fields), OLLAMA)  # it stores nothing


def test_an_id_of_a_document_is_the_clients_own():
    check_kind(asked(RERANK, query="q", documents=[{"id": "1", "text": "a"}]), OPENAI)
