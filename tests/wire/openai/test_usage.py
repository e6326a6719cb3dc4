"""What upstreams say of usage, true or not, and what it comes to."""

import json
from decimal import Decimal

import pytest
from msgspec import Raw

from tests.shapes import chat_chunks, sse
from tollkeeper.rules.usage import MAX_COUNT, Usage
from tollkeeper.wire.openai.response import read_whole
from tollkeeper.wire.openai.stream import OpenAIStreamReader
from tollkeeper.wire.openai.usage import for_all_choices, read_usage
from tollkeeper.wire.usage import NO_REPORT, UsageReport


def event(choices, **fields):
    return b"data: " + json.dumps({"choices": choices} | fields, separators=(",", ":")).encode() + b"\n\n"


def said(index, text="x", **fields):
    return event([{"index": index, "delta": {"content": text}}], **fields)


def used(prompt, output):
    return {"prompt_tokens": prompt, "completion_tokens": output}


def heard(*events, choices=1, prompts=1):
    """What a stream comes to, where 99 is the estimate of its prompt."""
    reader = OpenAIStreamReader("new", pass_usage=False, choices=choices, prompts=prompts)
    for one in events:
        reader.read(one)
    content = reader.content_events
    return reader.report.against(content).complete(99, content)


ODD = [
    ("11.0", 11, False),
    ("1e1", 10, False),
    ("0", 0, False),
    ("-0", 0, False),
    ("null", None, False),
    ("-1", None, True),
    ("-5.0", None, True),
    ("1.5", None, True),
    ('"11"', None, True),
    ("true", None, True),
    ("[]", None, True),
    ("{}", None, True),
    ("1e308", None, True),
    ("1e999", None, True),
    ("9223372036854775808", None, True),
    ("1" + "0" * 5000, None, True),
    (str(MAX_COUNT), MAX_COUNT, False),
    (str(MAX_COUNT + 1), None, True),
]


@pytest.mark.parametrize(("text", "count", "doubtful"), ODD)
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_what_is_a_count_and_what_is_none(name, text, count, doubtful):
    report = read_usage(f'{{"{name}":{text},"total_tokens":5}}'.encode())
    assert (getattr(report, name), report.estimated) == (count, doubtful)


PARTS = [
    ("prompt_tokens_details", "cached_tokens", "cached_tokens"),
    ("prompt_tokens_details", "cache_write_tokens", "cache_write_tokens"),
    ("prompt_tokens_details", "cache_creation_tokens", "cache_write_tokens"),
    ("completion_tokens_details", "reasoning_tokens", "reasoning_tokens"),
]


@pytest.mark.parametrize(("text", "count", "doubtful"), ODD)
@pytest.mark.parametrize(("details", "name", "field"), PARTS)
def test_parts_that_are_no_counts_are_unknown_and_estimated(details, name, field, text, count, doubtful):
    report = read_usage(f'{{"prompt_tokens":9,"completion_tokens":4,"{details}":{{"{name}":{text}}}}}'.encode())
    assert (getattr(report, field), report.estimated) == (count or 0, doubtful)
    assert (report.prompt_tokens, report.completion_tokens) == (9, 4)


KEPT = [
    ({"cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}}, 3),
    ({"prompt_tokens_details": {"cache_creation_token_details": {"ephemeral_1h_input_tokens": 3}}}, 3),
    ({"cache_creation": {"ephemeral_5m_input_tokens": 5}}, 0),
    ({"cache_creation": 3}, 0),
]


@pytest.mark.parametrize(("said", "count"), KEPT)
def test_what_is_kept_in_a_cache_for_an_hour(said, count):
    """As Anthropic names it, and as LiteLLM passes it on."""
    report = read_usage(json.dumps({**used(9, 4), "cache_creation_input_tokens": 5, **said}).encode())
    assert (report.cache_write_tokens, report.cache_write_1h_tokens) == (5, count)
    assert report.complete(0, 0) == Usage(9, 0, 5, 4, cache_write_1h_tokens=count)


@pytest.mark.parametrize(("text", "count", "doubtful"), ODD)
def test_a_count_of_that_which_is_none_is_unknown_and_estimated(text, count, doubtful):
    told = f'{{"prompt_tokens":9,"completion_tokens":4,"cache_creation":{{"ephemeral_1h_input_tokens":{text}}}}}'
    report = read_usage(told.encode())
    assert (report.cache_write_1h_tokens, report.estimated) == (count or 0, doubtful)


@pytest.mark.parametrize("details", ["[]", "5", '"x"', "null", "{}", "[{}]", "false"])
def test_details_of_another_shape_are_passed_over(details):
    both = f'"prompt_tokens_details":{details},"completion_tokens_details":{details}'
    assert read_usage(f'{{"prompt_tokens":9,"completion_tokens":4,{both}}}'.encode()) == UsageReport(9, 4)


@pytest.mark.parametrize("text", [b"5", b"[]", b'"x"', b"true", b"{}", b'{"x":' + b"[" * 70_000])
def test_a_usage_of_another_shape_says_nothing(text):
    assert read_usage(text) == NO_REPORT


@pytest.mark.parametrize("usage", ['"11"', "-1", "true", "1e999", "18446744073709551616", "[]"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_a_figure_that_is_no_count_goes_through_and_is_estimated(stream, usage):
    told = f'{{"prompt_tokens":5,"completion_tokens":{usage}}}'
    if stream:
        content = said(0)
        last = f'data: {{"choices":[],"usage":{told}}}\n\n'.encode()
        assert heard(content, content, last) == Usage(5, completion_tokens=2, estimated=True)
    else:
        whole = read_whole(f'{{"choices":[{{"message":{{"content":"12345678"}}}}],"usage":{told}}}'.encode(), "new")
        report = whole.report.against(whole.content_events)
        assert report.complete(99, whole.content_events) == Usage(5, completion_tokens=2, estimated=True)


@pytest.mark.parametrize("late", [used(0, 0), used(0, 1), used(3, 0), used(None, None), used(-1, -1), {}, [], 5])
def test_a_later_usage_erases_nothing(late):
    last = event([], usage=late)
    heard_so = heard(said(0), said(0), event([], usage=used(9, 4)), last)
    assert (heard_so.prompt_tokens, heard_so.completion_tokens) == (9, 4)


def test_a_later_usage_may_raise_each_figure():
    first = {**used(9, 4), "prompt_tokens_details": {"cached_tokens": 3}}
    assert heard(said(0), event([], usage=first), event([], usage=used(8, 6))) == Usage(9, 3, 0, 6)


def test_zeros_for_what_was_generated_are_no_figure():
    assert heard(said(0), said(0), event([], usage=used(0, 0))) == Usage(99, completion_tokens=2, estimated=True)
    assert heard(said(0), said(0), event([], usage=used(7, 0))) == Usage(7, completion_tokens=2, estimated=True)
    assert heard(event([], usage=used(7, 0))) == Usage(7)
    whole = read_whole(b'{"choices":[{"text":"12345678"}],"usage":{"prompt_tokens":0,"completion_tokens":0}}', "new")
    assert whole.report.against(whole.content_events) == NO_REPORT
    assert whole.content_events == 2


def test_what_comes_after_the_last_usage_counts_too():
    """Else who leaves before the end pays for the first chunk alone."""
    assert heard(said(0, usage=used(5, 1)), *[said(0)] * 6) == Usage(5, completion_tokens=7, estimated=True)


def test_a_stream_of_openai_counts_its_last_event():
    for choices in (1, 2, 3):
        content = [said(index) for _ in range(5) for index in range(choices)]
        events = [*content, event([], usage=used(7, 5 * choices))]
        assert heard(*events, choices=choices) == Usage(7, completion_tokens=5 * choices)


def test_usage_that_grows_with_each_chunk_is_not_summed():
    """vLLM's continuous usage: of the chunk's own choice, and the sum of all at the end."""
    assert heard(*[said(0, usage=used(7, count)) for count in (1, 2, 5)]) == Usage(7, completion_tokens=5)
    chunks = [said(index, usage=used(7, count)) for count in (2, 4, 6) for index in (0, 1)]
    assert heard(*chunks, event([], usage=used(7, 12)), choices=2) == Usage(7, completion_tokens=12)
    assert heard(*chunks, choices=2) == Usage(7, completion_tokens=12)  # cut before the end


def test_a_sum_that_grows_with_each_chunk_is_not_summed_over_choices():
    chunks = [said(place % 2, usage=used(7, 2 * place + 2)) for place in range(6)]
    assert heard(*chunks, choices=2) == Usage(7, completion_tokens=12)
    finish = [event([{"index": index, "delta": {}, "finish_reason": "stop"}], usage=used(7, 12)) for index in (0, 1)]
    assert heard(*chunks, *finish, choices=2) == Usage(7, completion_tokens=12)


TIMINGS = {"predicted_n": 5}


def test_reports_of_a_choice_each_are_summed_and_a_prompt_counts_once():
    """llama.cpp's chat: they do not say of which choice."""
    content = [said(index) for _ in range(5) for index in range(4)]
    reports = [event([], usage=used(20, 10), timings=TIMINGS) for _ in range(4)]
    assert heard(*content, *reports, choices=4) == Usage(20, completion_tokens=40)


def test_reports_of_a_choice_each_are_summed_over_prompts():
    """llama.cpp's completions: 16 prompts with two answers each."""
    events = [said(index) for _ in range(3) for index in range(32)]
    for index in range(32):
        tokens = {**used(5 + index // 2, 3), "prompt_tokens_details": {"cached_tokens": 4 if index % 2 else 0}}
        choice = {"index": index, "text": "", "finish_reason": "length"}
        events.append(event([choice], usage=tokens, timings=TIMINGS))
    prompts = sum(5 + place for place in range(16))
    assert heard(*events, choices=32, prompts=16) == Usage(prompts, completion_tokens=96)


def test_a_choice_that_was_not_reported_is_counted_by_its_events():
    content = [said(index) for _ in range(5) for index in range(3)]
    one = event([], usage=used(20, 7), timings=TIMINGS)
    assert heard(*content, one, choices=3) == Usage(20, completion_tokens=17, estimated=True)
    named = event([{"index": 1, "text": ""}], usage=used(20, 7), timings=TIMINGS)
    assert heard(*content, named, choices=3, prompts=3) == Usage(99, completion_tokens=17, estimated=True)


def test_a_total_that_is_less_than_what_was_seen_of_several_is_that_of_one():
    content = [said(index) for _ in range(5) for index in range(3)]
    assert heard(*content, event([], usage=used(7, 5)), choices=3) == Usage(7, completion_tokens=15, estimated=True)


def test_a_whole_answer_that_counts_its_first_choice_is_estimated_for_the_others():
    choices = [{"message": {"content": text}} for text in ("12345678", "12345678", "1234")]
    body = {"choices": choices, "usage": used(20, 4), "timings": TIMINGS}
    whole = read_whole(json.dumps(body).encode(), "new")
    assert whole.report == UsageReport(20, 10, estimated=True)
    whole = read_whole(json.dumps(body).encode(), "new", prompts=3)
    assert whole.report == UsageReport(None, 10, estimated=True)
    del body["timings"]
    assert read_whole(json.dumps(body).encode(), "new").report == UsageReport(20, 4)
    body |= {"choices": choices[:1], "timings": TIMINGS}
    assert read_whole(json.dumps(body).encode(), "new").report == UsageReport(20, 4)


def test_an_estimate_of_others_needs_no_text_of_the_first():
    assert for_all_choices(UsageReport(5, 0), [0, 8], 1).completion_tokens == 2
    assert for_all_choices(UsageReport(5, None), [0, 8], 1).completion_tokens is None


def test_an_ordinary_stream_is_as_it_was():
    assert heard(*sse(*chat_chunks(["a", "b"], usage=(5, 2)))) == Usage(5, completion_tokens=2)
    assert read_usage(Raw(b'{"prompt_tokens":5,"completion_tokens":2,"total_tokens":1}')) == UsageReport(5, 2)


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ("", None),
        (',"cost":null', None),
        (',"cost":0.00012345678901234567', "0.00012345678901234567"),
        (',"cost":1e-7', "1e-7"),
        (',"cost":0.1,"is_byok":false,"cost_details":{"upstream_inference_cost":0.1}', "0.1"),
        (
            ',"cost":0.1,"is_byok":true,"cost_details":{"upstream_inference_cost":0.20000000000000001}',
            "0.30000000000000001",
        ),
        (',"cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":null}', "0"),
        (',"cost":-1', "-1"),
    ],
)
def test_a_reported_cost_is_read_digit_by_digit(fields, cost):
    report = read_usage(f'{{"prompt_tokens":1,"completion_tokens":2{fields}}}'.encode())
    assert report.cost == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize("cost", ['"0.1"', "true", "{}", "[1]"])
def test_a_cost_that_is_no_number_is_said_and_is_none(cost):
    report = read_usage(f'{{"prompt_tokens":1,"completion_tokens":2,"cost":{cost}}}'.encode())
    assert report.cost is not None
    assert report.cost.is_nan()


def test_the_last_cost_of_a_stream_counts():
    reader = OpenAIStreamReader("new", pass_usage=False, choices=1, prompts=1)
    for part in (said(0), event([], usage=used(3, 1) | {"cost": 0.5}), b"data: [DONE]\n\n"):
        reader.read(part)
    assert reader.report.cost == Decimal("0.5")
