"""What the shared account of an upstream has stored is out of reach, where there is such an account."""

import json

import pytest

from tests.wire.openai.test_kinds import ALL, chat, refused, sent
from tollkeeper.wire.openai.request import CHAT

PNG = "data:image/png;base64,iVBORw0KGgo="


def said(*parts, **fields):
    return chat(messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}, *parts], **fields}])


STORED = {
    "previous_response_id": chat(previous_response_id="resp_1"),
    "conversation": chat(conversation={"id": "conv_1"}),
    "background": chat(background=True),
    "prompt": chat(prompt={"id": "pmpt_1"}),
    "messages[0].content[1].file.file_id": said({"type": "file", "file": {"file_id": "file-1"}}),
    "messages[0].content[1].image_file.file_id": said({"type": "image_file", "image_file": {"file_id": "file-1"}}),
    "messages[0].content[1].file_id": said({"type": "input_file", "file_id": "file-1"}),
    "messages[0].file_ids": chat(messages=[{"role": "user", "content": "hi", "file_ids": ["file-1"]}]),
    "messages[0].audio.id": chat(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}]),
}


@pytest.mark.parametrize("field", STORED)
@pytest.mark.parametrize("kind", ALL)
def test_what_the_shared_account_has_stored_is_out_of_reach(field, kind):
    for text in (STORED[field], STORED[field].replace(b"_id", b"\\u005fid")):
        if kind == "ollama":  # it has no account, and passes over what it does not know
            assert sent(text, kind=kind) == text
        else:
            assert refused(text, CHAT, kind) == field


@pytest.mark.parametrize(
    "text",
    [
        chat(previous_response_id=None, conversation="", background=False, prompt=None, store=False),
        said({"type": "file", "file": {"filename": "file_id", "file_data": "data:text/plain;base64,aGk="}}),
        said({"type": "file", "file": {"file_id": None}}),
        chat(messages=[{"role": "user", "content": 'what is "audio": {"id": 1} and file_id?'}]),
        chat(audio={"voice": "alloy", "format": "wav"}),
    ],
)
def test_what_names_nothing_stored_passes(text):
    assert sent(text, kind="openai") == text


@pytest.mark.parametrize("kind", ALL)
def test_nothing_is_stored_for_others_to_reach(kind):
    text = chat(store=True)
    assert json.loads(sent(text, kind=kind))["store"] is (kind == "ollama")
    assert sent(chat(store=None), kind=kind) == chat(store=None)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "file", "file": {"file_id": "file-1"}, "image_url": {"url": PNG}}, "file.file_id"),
        ({"type": "file", "file_id": "file-1", "image_url": PNG}, "file_id"),
        ({"type": "image_url", "image_url": {"url": PNG, "file_id": "file-1"}}, "image_url.file_id"),
    ],
)
def test_an_image_beside_it_hides_nothing(part, field):
    assert refused(said(part), CHAT, "openai") == f"messages[0].content[1].{field}"
