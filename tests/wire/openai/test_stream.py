import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shapes import chat_chunks, sse
from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.rules.usage import Usage
from tollkeeper.wire.openai.request import CHAT, read_request
from tollkeeper.wire.openai.stream import OpenAIStreamReader, open_stream
from tollkeeper.wire.sse import SseSplitter, event_data
from tollkeeper.wire.usage import NO_REPORT, UsageReport

DONE = b"data: [DONE]\n\n"


def follow(*events, pass_usage=False, new_id="chatcmpl-new"):
    reader = OpenAIStreamReader(new_id, pass_usage=pass_usage)
    return reader, [reader.read(event) for event in events]


def parsed(event):
    data = event_data(event)
    assert data is not None
    return json.loads(data)


def chunk(**fields):
    return b"data: " + json.dumps(fields, separators=(",", ":")).encode() + b"\n\n"


def test_an_ollama_stream_is_followed_to_its_end():
    events = sse(*chat_chunks(["Hello", " world"], usage=(5, 2), id="chatcmpl-1", include_usage=True))
    reader, passed = follow(*events)
    assert reader.done
    assert reader.end == DONE
    assert reader.content_events == 2
    assert reader.finish_reason == "stop"
    assert reader.report == UsageReport(5, 2)
    assert b"usage" not in b"".join(passed)
    ids = {parsed(event)["id"] for event in passed if event}
    assert ids == {"chatcmpl-new"}


def test_who_asked_for_usage_gets_it():
    events = sse(*chat_chunks(["Hello"], usage=(5, 1), include_usage=True))
    _, passed = follow(*events, pass_usage=True)
    assert parsed(passed[-2])["usage"]["prompt_tokens"] == 5


@pytest.mark.parametrize("pass_usage", [True, False])
def test_an_answer_begins_with_the_first_event_that_its_client_gets(pass_usage):
    usage = chunk(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 0})
    reader, [passed] = follow(usage, pass_usage=pass_usage)
    assert (reader.begun, bool(passed)) == (pass_usage, pass_usage)
    reader.read(b": a comment\n\n")
    assert reader.begun is pass_usage
    reader.read(chunk(choices=[{"delta": {"content": "a"}}]))
    assert reader.begun


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"id":"a1","x": 1.50, "choices":[{"delta":{"content":"\\u00e9"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\\"id\\":\\"a1\\""}}],"id" : "a1"}\r\n\r\n',
        b'event: x\ndata: {"id": "a1","tool_calls":[{"id":"call_1"}]}\n\n',
    ],
)
def test_only_the_id_of_an_event_changes(event):
    _, (passed,) = follow(event)
    place = event.rindex(b'"a1"', 0, len(event))
    assert passed == event[:place] + b'"chatcmpl-new"' + event[place + 4 :]


def test_an_id_with_escapes_is_replaced_too():
    _, (passed,) = follow(b'data: {"id":"a\\/1","choices":[]}\n\n')
    assert parsed(passed) == {"id": "chatcmpl-new", "choices": []}


def test_an_id_that_changes_in_mid_stream_is_replaced_each_time():
    _, passed = follow(chunk(id="a", n=1), chunk(id="b", n=2), chunk(id="a", n=3))
    assert passed == [chunk(id="chatcmpl-new", n=n) for n in (1, 2, 3)]


def test_what_was_the_answers_id_may_be_that_of_a_call_in_a_later_event():
    calls = [{"delta": {"tool_calls": [{"id": "a"}]}}]
    _, passed = follow(chunk(id="a", choices=[]), chunk(choices=calls, id="b"))
    assert passed[1] == chunk(choices=calls, id="chatcmpl-new")


def test_usage_beside_content_is_taken_out_alone():
    reader, (passed,) = follow(chunk(id="a", choices=[{"text": "x"}], usage={"prompt_tokens": 3}, more=1))
    assert parsed(passed) == {"id": "chatcmpl-new", "choices": [{"text": "x"}], "more": 1}
    assert reader.report == UsageReport(3, None)


def test_a_null_usage_tells_nothing_and_is_taken_out():
    reader, (passed,) = follow(chunk(id="a", choices=[{"text": "x"}], usage=None))
    assert b"usage" not in passed
    assert reader.report == NO_REPORT


def test_the_last_usage_counts():
    usages = [{"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": 9, "completion_tokens": 4}]
    reader, _ = follow(*(chunk(id="a", choices=[{"text": "x"}], usage=usage) for usage in usages))
    assert reader.report == UsageReport(9, 4)


def test_zeros_beside_content_tell_nothing():
    zeros = {"prompt_tokens": 0, "completion_tokens": 0}
    reader, _ = follow(*(chunk(id="a", choices=[{"text": "x"}], usage=zeros) for _ in range(3)))
    assert reader.report.complete(7, reader.content_events) == Usage(7, completion_tokens=3, estimated=True)


def test_details_of_usage_are_read():
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    reader, _ = follow(chunk(choices=[], usage=usage))
    assert reader.report.complete(0, 0) == Usage(9, 8, 0, 4, 3)


@pytest.mark.parametrize(
    ("choices", "count"),
    [
        ([{"delta": {"role": "assistant", "content": None}}], 0),
        ([{"delta": {"content": ""}}], 0),
        ([{"delta": {}}], 0),
        ([], 0),
        ([{"delta": {"content": "a"}}], 1),
        ([{"delta": {"tool_calls": [{"id": "x"}]}}], 1),
        ([{"delta": {"reasoning": "hm"}}], 1),
        ([{"text": "a"}], 1),
        ([{"text": ""}], 0),
        ([{"delta": {"content": "a"}}, {"delta": {"content": "b"}}], 1),
    ],
)
def test_events_with_output_are_counted(choices, count):
    reader, _ = follow(chunk(choices=choices))
    assert reader.content_events == count


@pytest.mark.parametrize(
    "event",
    [
        b"data: {\n\n",
        b"data: <html>\n\n",
        b"data: [1]\n\n",
        b'data: "x"\n\n',
        b"data: 5\n\n",
        b'data: {"choices":[{}]\n\n',
        b'data: {"x":' + b"[" * 100_000 + b"\n\n",
        b'data: {"id":"\xff"}\n\n',
        b'data: {"\xff":1,"choices":[{}],"usage":null}\n\n',
        b'data: {"\xff":1,"id":"a\\/1"}\n\n',
        b'data: {"error":{"message":"\xff"}}\n\n',
        chunk(error={"message": "boom"}),
        chunk(error="boom"),
    ],
)
def test_a_broken_event_or_an_error_is_a_failure(event):
    with pytest.raises(UpstreamFailure):
        follow(event)


def test_comments_pass_as_they_are():
    reader, passed = follow(b": OPENROUTER PROCESSING\n\n", b"\n")
    assert passed == [b": OPENROUTER PROCESSING\n\n", b"\n"]
    assert not reader.done


def test_nothing_follows_the_end():
    _, passed = follow(DONE, chunk(id="x"), DONE)
    assert passed == [b"", b"", b""]


@given(st.lists(st.integers(0, 2000), max_size=20))
def test_a_stream_cut_anywhere_is_followed_alike(cuts):
    stream = b"".join(sse(*chat_chunks(["Hello", " ", "wörld"], usage=(5, 3), include_usage=True)))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    splitter, reader = SseSplitter(10_000), OpenAIStreamReader("chatcmpl-new", pass_usage=False)
    pieces = [stream[a:b] for a, b in pairwise(places)]
    passed = b"".join(reader.read(event) for piece in pieces for event in splitter.feed(piece))
    whole = OpenAIStreamReader("chatcmpl-new", pass_usage=False)
    assert passed == b"".join(whole.read(event) for event in SseSplitter(10_000).feed(stream))
    assert (reader.report, reader.content_events, reader.done) == (UsageReport(5, 3), 3, True)


def test_an_event_of_several_lines_that_is_changed_stays_one_event():
    event = b'data: {"id":"a",\ndata: "choices":[{"text":"x"}],\ndata: "usage":{"prompt_tokens":1}}\n\n'
    _, (passed,) = follow(event)
    assert SseSplitter(1000).feed(passed) == [passed]
    assert parsed(passed) == {"id": "chatcmpl-new", "choices": [{"text": "x"}]}


def test_of_several_answers_all_must_have_finished():
    reader, _ = follow(
        chunk(choices=[{"index": 0, "delta": {"content": "a"}}]),
        chunk(choices=[{"index": 1, "delta": {"content": "b"}}]),
        chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
    )
    assert not reader.finished
    reader.read(chunk(choices=[{"index": 1, "delta": {}, "finish_reason": "stop"}]))
    assert reader.finished


def test_a_stream_is_complete_with_a_reason_and_its_end():
    words, finish, end = chunk(choices=[{"delta": {"content": "a"}}]), chunk(choices=[{"finish_reason": "stop"}]), DONE
    for events, done, complete in (
        ([words, finish, end], True, True),
        ([words, end], True, False),
        ([words, finish], False, False),
        ([words], False, False),
    ):
        reader, _ = follow(*events)
        assert (reader.done, reader.complete) == (done, complete)


@pytest.mark.parametrize(("options", "passes"), [({}, False), ({"stream_options": {"include_usage": True}}, True)])
def test_a_stream_is_opened_as_its_request_says(options, passes):
    request = read_request(json.dumps({"model": "m", "stream": True} | options).encode(), CHAT)
    reader = open_stream(request, "req_0123")
    passed = [reader.read(event) for event in sse(*chat_chunks(["a"], usage=(5, 1)))]
    assert parsed(passed[0])["id"] == "chatcmpl-0123"
    assert (b"usage" in b"".join(passed)) is passes
