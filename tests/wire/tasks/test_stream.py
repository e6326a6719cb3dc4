"""Streamed responses to tasks: what passes, what is kept back to the end, what is metered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.scripted import sse
from tests.wire.tasks.helpers import asked, sent
from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.wire.json_scan import Steps
from tollkeeper.wire.tasks.request import IMAGES, SPEECH, TRANSCRIPTIONS
from tollkeeper.wire.tasks.stream import AudioSplitter, open_events, open_speech

TOKENS = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
DELTA, DONE = sse({"type": "transcript.text.delta"}, {"type": "transcript.text.done", "usage": TOKENS}, done=False)
END = b"data: [DONE]\n\n"


def events():
    return open_events(sent(TRANSCRIPTIONS, stream="true"), "req_1")


def in_steps(read: Callable[[bytes], Steps[bytes]], event: bytes) -> bytes:
    passed: list[bytes] = []

    def all_steps() -> Iterator[None]:
        passed.append((yield from read(event)))

    for _ in all_steps():
        pass
    return passed[0]


def test_the_last_event_is_kept_back_until_the_stream_ends():
    reader = events()
    assert (reader.read(DELTA), reader.complete, reader.begun) == (DELTA, False, True)
    assert (reader.read(DONE), reader.end, reader.complete, reader.done) == (b"", DONE, True, False)
    assert reader.finished
    assert (reader.report.prompt_tokens, reader.report.completion_tokens) == (5, 7)
    assert reader.read(b": comment\n\n") == b"", "nothing comes between it and the end"
    assert (reader.read(END), reader.end, reader.done) == (b"", DONE + END, True)


def test_an_event_after_the_last_one_is_passed_with_it():
    reader = events()
    reader.read(DONE)
    assert reader.read(DELTA) == DONE + DELTA
    assert reader.end == b""


def test_comments_pass_and_begin_nothing():
    reader = events()
    assert reader.read(b": hi\n\n") == b": hi\n\n"
    assert not reader.begun


def test_chunks_as_of_vllm_end_with_done():
    reader = events()
    chunk, last = sse({"object": "transcription.chunk"}, {"usage": {"prompt_tokens": 1, "total_tokens": 3}}, done=False)
    assert reader.read(chunk) + reader.read(last) == chunk + last
    assert not reader.complete
    assert (reader.read(END), reader.end, reader.complete) == (b"", END, True)
    assert reader.report.prompt_tokens == 1


def test_each_image_that_was_asked_for_passes_and_the_last_is_kept_back():
    reader = open_events(asked(IMAGES, n=2, stream=True), "req_1")
    first, second = sse(*[{"type": "image_generation.completed", "b64_json": c} for c in "ab"], done=False)
    assert (reader.read(first), reader.finished) == (first, False)
    assert (reader.read(second), reader.end, reader.finished) == (b"", second, True)
    report = reader.report
    assert (report.images, report.prompt_tokens, report.estimated) == (2, 0, False)


def test_a_long_event_is_read_in_steps_as_a_short_one():
    [event] = sse({"type": "image_generation.completed", "usage": TOKENS, "b64_json": "A" * 300_000}, done=False)
    reader = open_events(asked(IMAGES, stream=True), "req_1")
    assert in_steps(reader.read_large, event) == b""
    assert (reader.end, reader.report.images, reader.report.completion_tokens) == (event, 1, 7)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "data", [b'{"type": "error", "error": {"message": "no"}}', b'{"error": "no"}', b"{", b"[1]", b"5"]
)
def test_an_error_or_a_broken_event_is_a_failure(large, data):
    event = b"data: " + data + b"\n\n"
    reader = events()
    with pytest.raises(UpstreamFailure):
        in_steps(reader.read_large, event) if large else reader.read(event)


def test_its_own_failure_is_told_in_an_event():
    error = GatewayError("no", code="c")
    assert json.loads(events().error_event(error).removeprefix(b"data: "))["error"]["code"] == "c"


def test_audio_passes_unread_and_nothing_but_its_end_ends_it():
    reader = open_speech(asked(SPEECH, input="hello"), "req_1")
    assert (reader.begun, reader.complete) == (False, False)
    assert reader.read(b"data: [DONE]\n\n") == b"data: [DONE]\n\n"
    assert (reader.read(b"x"), reader.complete, reader.done, reader.end) == (b"x", True, False, b"")
    assert reader.error_event is None
    assert (reader.report.characters, reader.report.against(9)) == (5, reader.report)
    assert in_steps(reader.read_large, b"y") == b"y"
    splitter = AudioSplitter(10)
    assert (splitter.feed(b"abc", 1), splitter.feed(b"", 1)) == ([b"abc"], [])


def test_speech_in_events_is_read_from_pieces():
    data = b"".join(sse({"type": "speech.audio.delta"}, {"type": "speech.audio.done", "usage": TOKENS}, done=False))
    first = data.index(b"\n\n") + 2
    for size in (1, 7, first, len(data)):
        reader = open_speech(asked(SPEECH, input="hello", stream_format="sse"), "req_1")
        passed = b"".join(reader.read(data[at : at + size]) for at in range(0, len(data), size))
        assert (passed, reader.end) == (data[:first], data[first:])
        assert (reader.report.completion_tokens, reader.report.characters) == (7, 5)
    reader = open_speech(asked(SPEECH, input="hello", stream_format="sse"), "req_1")
    assert in_steps(reader.read_large, data) == data[:first]
