"""The id of an answer becomes the gateway's own, and nothing else of it changes."""

import json

import pytest

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.response_ids import IdSplice, decode_edited, with_id


def spliced(text, old="chatcmpl-1"):
    return IdSplice("chatcmpl-new")(text, old)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'data: {"id":"chatcmpl-1","x": 1}\n\n', b'data: {"id":"chatcmpl-new","x": 1}\n\n'),
        (b'{"id":"chatcmpl-1","x": {"id":"chatcmpl-1"}}', b'{"id":"chatcmpl-new","x": {"id":"chatcmpl-1"}}'),
        (b'{"id":"chatcmpl-10","x": 1,"id":"chatcmpl-1"}', b'{"id":"chatcmpl-10","x": 1,"id":"chatcmpl-new"}'),
        (b'{"x":[], "id" :\t"chatcmpl-1"}', b'{"x":[], "id" :\t"chatcmpl-new"}'),
        (
            b'{"a":"\\"id\\":\\"chatcmpl-1\\"","id":"chatcmpl-1"}',
            b'{"a":"\\"id\\":\\"chatcmpl-1\\"","id":"chatcmpl-new"}',
        ),
        (b'{"tool":{"id":"call_1"},"id":"chatcmpl-1"}', b'{"tool":{"id":"call_1"},"id":"chatcmpl-new"}'),
    ],
)
def test_every_other_byte_stays(before, after):
    assert spliced(before) == after
    assert with_id(before, "chatcmpl-1", "chatcmpl-new") == after


def test_an_id_with_escapes_is_replaced_though_spaces_are_lost():
    assert json.loads(spliced(b'{"id": "chat\\u0063mpl-1", "x": 1}')) == {"id": "chatcmpl-new", "x": 1}
    event = spliced(b'data: {"id": "chat\\u0063mpl-1"}\n\n')
    assert event == b'data: {"id":"chatcmpl-new"}\n\n'


def test_the_next_event_may_have_another_id_or_write_it_in_another_way():
    splice = IdSplice("new")
    assert splice(b'{"id":"a"}', "a") == b'{"id":"new"}'
    assert splice(b'{"id":"b"}', "b") == b'{"id":"new"}'
    assert splice(b'{"id": "b"}', "b") == b'{"id": "new"}'
    assert splice(b'{"id":"a","b":{"id": "b"}}', "a") == b'{"id":"new","b":{"id": "b"}}'


def test_what_no_parser_takes_is_left_and_a_name_that_is_no_text_is_a_failure():
    assert decode_edited(b"{") is None
    assert decode_edited(b"[" * 100_000) is None
    with pytest.raises(UpstreamFailure):
        decode_edited(b'{"\xff":1}')
