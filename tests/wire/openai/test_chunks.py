"""Answers in shapes that no document shows: they go through, and only what is no answer at all does not."""

import json

import pytest

from tollkeeper.rules.errors import UpstreamFailure, UpstreamUnavailable
from tollkeeper.wire.json_scan import STEP
from tollkeeper.wire.openai.chunks import AT_ONCE
from tollkeeper.wire.openai.response import read_large, read_whole
from tollkeeper.wire.openai.stream import OpenAIStreamReader

MB = 1_000_000
CHOICE = b'{"index":0,"delta":{"content":"a"},"finish_reason":null}'
ODD_FIELDS = [
    b'"id":5', b'"id":null', b'"id":[1]', b'"id":1e999', b'"id":{}', b'"id":""',
    b'"created":"now"', b'"created":1e999', b'"model":5', b'"model":null', b'"object":[]',
    b'"x":NaN', b'"x":[-Infinity,Infinity]', b'"x":"\\ud83d"', b'"x":"\\ude00"', b'"model":"\\ud83d \\ud83d\\ude00"',
    b'"usage":5', b'"usage":[]', b'"usage":"x"', b'"usage":{}', b'"usage":{"prompt_tokens":[]}',
    b'"error":null', b'"error":""', b'"error":{}', b'"error":false',
    b'"timings":5', b'"a":1,"a":2',
]  # fmt: skip
ODD_CHOICES = [
    b"{}", b"null", b"5", b'"x"', b"[]",
    b'{"index":null,"delta":{"content":"a"}}', b'{"index":"0","delta":{"content":"a"}}', b'{"index":-1}',
    b'{"index":1e999,"delta":{"content":"a"}}', b'{"index":0.0}', b'{"index":99999999999999999999}',
    b'{"delta":null}', b'{"delta":"a"}', b'{"delta":[]}', b'{"delta":5}', b'{"delta":{"content":null}}',
    b'{"delta":{"content":[{"type":"text","text":"a"}]}}', b'{"delta":{"tool_calls":null}}',
    b'{"delta":{"tool_calls":"x"}}', b'{"text":5}', b'{"text":null}', b'{"finish_reason":5}', b'{"finish_reason":""}',
    b'{"finish_reason":[]}', b'{"finish_reason":{"type":"stop"}}', b'{"logprobs":[NaN]}',
    b'{"delta":{"content":"\\ud83d"}}',
]  # fmt: skip


def reader_of(**fields):
    return OpenAIStreamReader("chatcmpl-new", pass_usage=True, **fields)


def event(data):
    return b"data: " + data + b"\n\n"


@pytest.mark.parametrize("field", ODD_FIELDS)
def test_a_field_that_nobody_needs_fails_no_event(field):
    reader = reader_of()
    sent = event(b'{"choices":[' + CHOICE + b"]," + field + b"}")
    assert reader.read(sent).replace(b'"chatcmpl-new"', b'""') == sent
    assert reader.content_events == 1


@pytest.mark.parametrize("choice", ODD_CHOICES)
def test_a_choice_of_another_shape_fails_no_event(choice):
    reader = reader_of()
    sent = event(b'{"id":"a","choices":[' + choice + b"," + CHOICE + b"]}")
    assert reader.read(sent) == sent.replace(b'"a"', b'"chatcmpl-new"', 1)
    assert reader.content_events == 1
    assert reader.finish_reason is None


@pytest.mark.parametrize("choices", [b"null", b"5", b'"x"', b"{}", b"[]", b"[null]", b"true"])
def test_choices_of_another_shape_fail_no_event(choices):
    reader = reader_of()
    sent = event(b'{"choices":' + choices + b"}")
    assert reader.read(sent) == sent
    assert reader.content_events == 0


@pytest.mark.parametrize("delta", [b'"a"', b"[1]", b"5"])
def test_output_in_a_delta_of_another_shape_counts(delta):
    reader = reader_of()
    reader.read(event(b'{"choices":[{"delta":' + delta + b"}]}"))
    assert reader.content_events == 1


@pytest.mark.parametrize("field", ODD_FIELDS)
def test_usage_is_taken_out_of_what_is_odd_besides(field):
    reader = OpenAIStreamReader("chatcmpl-new", pass_usage=False)
    sent = event(b'{"choices":[' + CHOICE + b"]," + field + b',"usage":{"prompt_tokens":5,"completion_tokens":3}}')
    passed = reader.read(sent)
    assert b'"content":"a"' in passed
    assert reader.report.completion_tokens == 3
    if not any(part in field for part in (b"NaN", b"Infinity", b"\\u")):
        assert b"usage" not in passed


@pytest.mark.parametrize("data", [b"", b" ", b"null", b" null "])
def test_an_event_of_nothing_is_left_out(data):
    reader = reader_of()
    assert reader.read(event(data)) == b""
    assert not reader.done


@pytest.mark.parametrize("data", [b"[DONE]", b"[DONE] ", b" [DONE]\t"])
def test_the_end_may_have_space_around_it(data):
    reader = reader_of()
    assert reader.read(event(data)) == b""
    assert reader.done


@pytest.mark.parametrize("reason", [b'""', b"5", b"[]", b"null", b"true", b"{}"])
def test_what_is_no_finish_reason_finishes_nothing(reason):
    reader = reader_of()
    for _ in range(3):
        reader.read(event(b'{"choices":[{"delta":{"content":"a"},"finish_reason":' + reason + b"}]}"))
    assert (reader.finished, reader.finish_reason, reader.content_events) == (False, None, 3)


def test_a_finish_reason_is_kept_short():
    reader = reader_of()
    reader.read(event(b'{"choices":[{"finish_reason":"' + b"x" * 1000 + b'"}]}'))
    assert reader.finish_reason == "x" * 64


def test_the_choices_that_an_upstream_may_name_are_bounded():
    reader = reader_of(choices=3)
    for index in range(1000):
        reader.read(event(b'{"choices":[{"index":%d,"delta":{"content":"a"}}]}' % index))
    assert reader._unfinished.bit_count() <= 128
    assert len(reader._tally.content) <= 128


@pytest.mark.parametrize(
    "choices",
    [
        b'[{"delta":{"content":"' + b"x" * AT_ONCE + b'"},"finish_reason":"stop"}]',
        b"[" + b"{}," * AT_ONCE + b'{"finish_reason":"stop"}]',
        b'[{"delta":{"content":"' + b"\\ud83d" * AT_ONCE + b'"},"finish_reason" : "stop"}]',
        b'[{"delta":{"content":NaN,"x":"' + b"x" * AT_ONCE + b'"},"finish_reason":"stop"}]',
    ],
)
def test_a_large_event_is_read_as_far_as_it_takes_no_time(choices):
    reader = reader_of()
    sent = event(b'{"choices":' + choices + b"}")
    assert reader.read(sent) == sent
    assert (reader.content_events, reader.finish_reason, reader.finished) == (1, "stop", True)


def read_large_event(reader, sent):
    """What `read_large` returns, and how many steps it took."""
    return counted(reader.read_large(sent))


def counted(steps):
    """The result of the steps, and how many there were."""
    taken = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, taken
        taken += 1


@pytest.mark.parametrize("pass_usage", [True, False])
@pytest.mark.parametrize("choices", [b"[" + CHOICE + b"]", b"[]", b"null", b'[{"finish_reason":"stop"}]'])
@pytest.mark.parametrize("field", [*ODD_FIELDS, b'"id":"a"', b'"usage":{"prompt_tokens":5,"completion_tokens":3}'])
def test_in_steps_an_event_is_read_as_it_is_at_once(field, choices, pass_usage):
    readers = [OpenAIStreamReader("chatcmpl-new", pass_usage=pass_usage) for _ in range(2)]
    sent = event(b'{"choices":' + choices + b"," + field + b"}")
    at_once, (stepwise, _) = readers[0].read(sent), read_large_event(readers[1], sent)
    if b"usage" not in field or at_once == b"":  # from a long one it is not taken out
        assert stepwise == at_once
    facts = [(each.content_events, each.finish_reason, each.finished, each.report, each.begun) for each in readers]
    assert facts[0] == facts[1]


@pytest.mark.parametrize(
    "value", [b'"' + b"x" * MB + b'"', b"[" + b"[]," * (MB // 3) + b"[]]", b"[" + b'{"id":"a"},' * 90_000 + b"1]"]
)
def test_a_very_long_event_is_read_in_many_steps(value):
    reader = reader_of()
    choices = b'[{"delta":{"content":"a"},"finish_reason":"stop"}]'
    sent = event(b'{"x":' + value + b',"choices":' + choices + b',"id":"a"}')
    passed, steps = read_large_event(reader, sent)
    assert passed == sent[: -len(b'"a"}') - 2] + b'"chatcmpl-new"}' + sent[-2:]
    assert (reader.content_events, reader.finish_reason) == (1, "stop")
    assert steps > len(sent) / STEP


@pytest.mark.parametrize("data", [b"[" + b"1," * MB + b"1]", b"5", b'"x"', b"x" * MB])
def test_a_very_long_event_of_what_is_no_object_fails(data):
    with pytest.raises(UpstreamFailure):
        read_large_event(reader_of(), event(data))


def test_a_very_long_event_that_is_broken_within_passes_as_it_is():
    reader = reader_of()
    sent = event(b'{"x":[' + b"[" * MB + b'],"choices":[{"finish_reason":"stop"}]}')
    assert read_large_event(reader, sent)[0] == sent
    assert (reader.content_events, reader.finish_reason) == (1, "stop")


def test_a_large_event_of_what_is_no_object_fails():
    with pytest.raises(UpstreamFailure):
        reader_of().read(event(b"[" + b"1," * AT_ONCE + b"1]"))


@pytest.mark.parametrize("field", ODD_FIELDS)
def test_a_field_that_nobody_needs_fails_no_whole_answer(field):
    text = b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],' + field + b"}"
    whole = read_whole(text, "chatcmpl-new")
    assert whole.body.replace(b'"chatcmpl-new"', b'""') == text
    assert whole.finish_reason == "stop"


@pytest.mark.parametrize("choice", ODD_CHOICES)
def test_a_choice_of_another_shape_fails_no_whole_answer(choice):
    text = b'{"choices":[' + choice + b',{"message":{"content":"a"},"finish_reason":"stop"}]}'
    whole = read_whole(text, "chatcmpl-new")
    assert (whole.body, whole.finish_reason) == (text, "stop")


@pytest.mark.parametrize("message", [b"null", b'"abcdefgh"', b"[]", b'{"content":[1]}', b'{"content":null}', b"5"])
def test_a_message_of_another_shape_fails_no_whole_answer(message):
    text = b'{"choices":[{"message":' + message + b"}]}"
    assert read_whole(text, "chatcmpl-new").body == text


def in_steps(text, response_id="chatcmpl-new", **fields):
    return counted(read_large(bytearray(text), response_id, **fields))


BODIES = [
    {"id": "a", "choices": [{"message": {"content": 'x"\\' * 9, "tool_calls": [{}]}, "finish_reason": "stop"}]},
    {"choices": [{"text": "x" * 99_999}, {"text": ""}], "id": 'a"b', "usage": {"prompt_tokens": 5}, "timings": {}},
    {"id": 5, "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 0}},
    {"x": [[{"id": "a"}] * 9] * 999, "choices": [None, 5, {"finish_reason": "length", "message": {"content": "abc"}}]},
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_large_answer_is_read_as_a_small_one_is(body, indent):
    text = json.dumps(body, indent=indent).encode()
    large, _ = in_steps(text)
    small = read_whole(text, "chatcmpl-new")
    assert json.loads(large.body) == json.loads(small.body)
    assert (large.report, large.finish_reason) == (small.report, small.finish_reason)
    assert abs(large.content_events - small.content_events) <= 2  # the quotes around


def test_a_large_answer_of_embeddings():
    text = json.dumps({"data": [{"embedding": [0.5] * 99}] * 999, "usage": {"prompt_tokens": 7}}).encode()
    large, taken = in_steps(text, None)
    assert (large.body, large.report.prompt_tokens, large.report.completion_tokens) == (text, 7, 0)
    assert taken > len(text) // 20_000


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{", b'{"choices"', b'{"choices":[', b'{"choices":[{}', b'{"choices":[]', b'{"choices":"x', b"<html>",
     b'{"choices":[] "x":1}', b'{"choices":[],}', b'{5:[]}', b'{"choices":[]}x', b"{}", b'{"choices":null}',
     b'{"x":"\\'],
)  # fmt: skip
def test_a_large_answer_that_is_none_is_refused(text):
    with pytest.raises(UpstreamUnavailable):
        in_steps(text)


@pytest.mark.parametrize(
    "part", [b'"' + b"\\n" * 100_000 + b'"', b"[" * 100_000 + b"]" * 100_000, b'{"a":""},' * 20_000]
)
def test_no_step_looks_at_more_than_a_little(part):
    text = b'{"choices":[],"x":[' + part.rstrip(b",") + b"]}"
    _, taken = in_steps(text)
    assert taken >= len(text) // 20_000


def test_an_error_in_a_large_answer_is_one():
    with pytest.raises(UpstreamFailure) as failure:
        in_steps(b'{"x":"' + b"x" * 300_000 + b'","error":{"message":"boom"}}')
    assert failure.value.detail == "boom"
