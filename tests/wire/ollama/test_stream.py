"""Streamed responses in Ollama's dialect, line by line."""

import json

import pytest

from tests.wire.chunk_paths import passed_by_chunk
from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.ollama.stream import OllamaStreamReader
from tollkeeper.wire.usage import NO_REPORT, UsageReport

TIME = "2026-11-29T14:08:59.40912345{}Z"


def line(*, spaced=False, **fields):
    return (json.dumps(fields, separators=None if spaced else (",", ":"), ensure_ascii=False) + "\n").encode()


def said(word, place=0, **more):
    message = {"role": "assistant", "content": word, **more}
    return line(model="tiny", created_at=TIME.format(place), message=message, done=False)


def gone_on(word, place=0, **more):
    return line(model="tiny", created_at=TIME.format(place), response=word, **more, done=False)


def last(**more):
    fields = {"model": "tiny", "created_at": TIME.format(""), "message": {"role": "assistant", "content": ""}}
    return line(**fields | {"done_reason": "stop", "done": True, "prompt_eval_count": 7, "eval_count": 3} | more)


def read(*lines):
    reader = OllamaStreamReader()
    return reader, [reader.read(each) for each in lines]


def read_large(reader, event):
    steps = reader.read_large(event)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_lines_pass_unchanged_and_the_last_is_held():
    lines = [said("Hel"), said("lo", 1), said(" \n", 2), said("", 3)]
    reader, passed = read(*lines, last())
    assert passed == [*lines, b""]
    assert reader.end == last()
    assert (reader.done, reader.complete, reader.finished, reader.begun) == (True, True, True, True)
    assert (reader.report, reader.finish_reason, reader.content_events) == (UsageReport(7, 3), "stop", 3)


def test_before_its_end_it_is_not_complete():
    reader, _ = read(said("a"), said("b"))
    assert (reader.done, reader.complete, reader.finished, reader.end) == (False, False, False, b"")
    assert (reader.report, reader.finish_reason) == (NO_REPORT, None)


@pytest.mark.parametrize(
    "make",
    [
        said,
        gone_on,
        lambda word, place: said("", place, thinking=word),
        lambda word, place: gone_on("", place, thinking=word),
    ],
)
def test_most_lines_are_not_parsed_and_are_counted(make):
    reader = OllamaStreamReader()
    assert passed_by_chunk(reader, make("a", 0)) is None
    assert reader.read(make("a", 0)) == make("a", 0)
    for place in range(1, 5):
        assert passed_by_chunk(reader, make(f" wörd{place}", place)) == make(f" wörd{place}", place)
    assert reader.content_events == 5


@pytest.mark.parametrize(
    "other",
    [
        said("a", 1) + said("b", 2),
        said("a", 1)[:-1],
        *(said("§", 1).replace("§".encode(), raw) for raw in (b'"', b"\\", b"\\x", b"\\ud83d", b"\n", b"\x00")),
        said("§", 1).replace("§".encode(), b'","done":true,"x":"'),
        said("a", "§").replace("§".encode(), b'","done":true,"x":"'),
        said("", 1),
        said("a", 1, thinking="b"),
        said("a", 1, tool_calls=[{"function": {"name": "f", "arguments": {}}}]),
        last(),
        line(error="no"),
        line(model="other", created_at=TIME.format(1), message={"role": "assistant", "content": "a"}, done=False),
        b"\n",
        b"",
    ],
)
def test_lines_that_differ_in_more_than_their_text_are_parsed(other):
    reader, _ = read(said("a"))
    assert passed_by_chunk(reader, said("b", 1)) is not None
    assert passed_by_chunk(reader, other) is None


@pytest.mark.parametrize("word", ['a"', "a\\b", "a\nb", "\x01", '","done":true,"x":"'])
def test_texts_with_escapes_are_not_parsed_either(word):
    reader, _ = read(said("a"))
    assert passed_by_chunk(reader, said(word, 1)) == said(word, 1)
    assert passed_by_chunk(reader, said("b", word)) == said("b", word)
    assert reader.content_events == 3


def test_a_line_with_more_than_a_text_teaches_nothing():
    reader, _ = read(said("a", tool_calls=[{"function": {"name": "f", "arguments": {}}}]))
    assert passed_by_chunk(reader, said("a")) is None
    assert reader.content_events == 1


def test_padding_that_never_matches_is_not_learned_for_ever():
    reader = OllamaStreamReader()
    for place in range(20):
        reader.read(line(model=f"m{place}", created_at="t", message={"role": "assistant", "content": "a"}, done=False))
    assert reader._template._tries == 0
    assert reader.content_events == 20


def test_tools_thoughts_and_words_are_output():
    call = [{"function": {"name": "f", "arguments": {"a": 1}}}]
    reader, _ = read(
        said("", tool_calls=call), said("", thinking="hm"), gone_on("a"), gone_on("", thinking="b"), said("")
    )
    assert reader.content_events == 4


def test_words_on_the_last_line_are_output():
    reader, _ = read(last(message={"role": "assistant", "content": "all"}))
    assert (reader.content_events, reader.done) == (1, True)


def test_nothing_follows_the_end():
    reader, passed = read(last(), said("a"), b"garbage", line(error="no"))
    assert passed == [b""] * 4
    assert passed_by_chunk(reader, said("a")) is None
    assert read_large(reader, said("a")) == b""
    assert reader.content_events == 0


def test_spaces_and_empty_lines_change_nothing():
    spaced = line(spaced=True, model="tiny", message={"content": "a"}, done=False)
    reader, passed = read(b"\n", b"\r\n", spaced, last())
    assert passed == [b"", b"", spaced, b""]
    assert reader.content_events == 1


def test_usage_that_is_missing_is_unknown():
    fields = json.loads(last())
    del fields["prompt_eval_count"]
    assert read(line(**fields))[0].report == UsageReport(None, 3)


@pytest.mark.parametrize("done", [1, "true", None])
def test_only_true_is_the_end(done):
    assert not read(last(done=done))[0].done


@pytest.mark.parametrize("way", ["at once", "in steps"])
def test_an_error_is_a_failure(way):
    reader, _ = read(said("a"))
    event = line(error="an error was encountered while running the model: x")
    with pytest.raises(UpstreamFailure) as failed:
        reader.read(event) if way == "at once" else read_large(reader, event)
    assert "encountered" in (failed.value.detail or failed.value.message)


@pytest.mark.parametrize("text", [b"<html>\n", b"[]\n", b'{"a"\n', b'{"model":"\xff"}\n'[:0] or b"null\n"])
def test_what_is_no_json_of_its_api_is_a_failure(text):
    with pytest.raises(UpstreamFailure):
        read(text)
    if text != b"null\n":
        with pytest.raises(UpstreamFailure):
            read_large(OllamaStreamReader(), text)


def test_a_long_line_is_read_in_steps_to_the_same():
    long = said("x" * 300_000)
    reader = OllamaStreamReader()
    assert read_large(reader, long) == long
    assert (reader.content_events, reader.begun) == (1, True)
    end = last(message={"role": "assistant", "content": "y" * 300_000})
    assert read_large(reader, end) == b""
    assert (reader.end, reader.report, reader.finish_reason) == (end, UsageReport(7, 3), "stop")
