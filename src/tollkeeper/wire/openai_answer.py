"""Answers in the OpenAI dialect: their usage, their end, and our ids in place of the upstream's.

Ollama's ids repeat (`chatcmpl-0` … `chatcmpl-999`), so each answer gets one that is minted here. What Ollama and
llama.cpp put on the wire, and how they differ from OpenAI, is told by the tests' playbooks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import UpstreamFailure, UpstreamUnavailable
from tollkeeper.rules.usage import Usage, estimate_tokens
from tollkeeper.wire.jsontext import without_member
from tollkeeper.wire.sse import as_event, event_data

_ABSENT = Raw(b"")
_NULL = Raw(b"null")
_EMPTY = (b"", b"null", b'""', b"[]")


class _Delta(Struct, gc=False):
    content: Raw = _ABSENT
    reasoning: Raw = _ABSENT
    reasoning_content: Raw = _ABSENT
    refusal: Raw = _ABSENT
    tool_calls: Raw = _ABSENT


class _Choice(Struct, gc=False):
    index: int = 0
    delta: _Delta | None = None
    text: Raw = _ABSENT
    finish_reason: str | None = None

    def has_content(self) -> bool:
        delta = self.delta
        if delta is None:
            return bytes(self.text) not in _EMPTY
        return (
            bytes(delta.content) not in _EMPTY
            or bytes(delta.tool_calls) not in _EMPTY
            or bytes(delta.reasoning) not in _EMPTY
            or bytes(delta.reasoning_content) not in _EMPTY
            or bytes(delta.refusal) not in _EMPTY
        )


class _Chunk(Struct, gc=False):
    id: str | None = None
    choices: list[_Choice] | None = None
    usage: Raw = _ABSENT
    error: Raw = _ABSENT


class _PromptDetails(Struct, gc=False):
    """What was written to a cache goes by the name that OpenRouter gives it, or by those of servers in front of
    Anthropic's models (LiteLLM, Alibaba's)."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _CompletionDetails(Struct, gc=False):
    reasoning_tokens: int | None = None


class _Usage(Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    cache_creation_input_tokens: int | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Finish(Struct, gc=False):
    finish_reason: str | None = None
    message: Raw = _ABSENT
    text: Raw = _ABSENT


class _Body(Struct, gc=False):
    id: str | None = None
    choices: list[_Finish] | None = None
    data: Raw = _ABSENT
    usage: _Usage | None = None
    error: Raw = _ABSENT


# A text that is not UTF-8 is found where it is decoded, and where it is left raw it is passed on.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_usage = msgspec.json.Decoder(_Usage).decode
_read_body = msgspec.json.Decoder(_Body).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


class UsageReport(Struct, frozen=True, gc=False):
    """What an upstream said of usage. A figure it left out is None: unknown, not 0."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    def complete(self, estimated_prompt: int, counted_output: int) -> Usage:
        """The usage, with the given figures where the upstream told none."""
        prompt = estimated_prompt if self.prompt_tokens is None else max(0, self.prompt_tokens)
        output = counted_output if self.completion_tokens is None else max(0, self.completion_tokens)
        cached = min(max(0, self.cached_tokens), prompt)
        return Usage(
            prompt_tokens=prompt,
            cached_tokens=cached,
            cache_write_tokens=min(max(0, self.cache_write_tokens), prompt - cached),
            completion_tokens=output,
            reasoning_tokens=min(max(0, self.reasoning_tokens), output),
            estimated=self.prompt_tokens is None or self.completion_tokens is None,
        )


NO_REPORT = UsageReport(None, None)


def _report(usage: _Usage) -> UsageReport:
    prompt, output = usage.prompt_tokens_details, usage.completion_tokens_details
    return UsageReport(
        usage.prompt_tokens,
        usage.completion_tokens,
        (prompt.cached_tokens if prompt else None) or 0,
        (output.reasoning_tokens if output else None) or 0,
        _written(prompt, usage.cache_creation_input_tokens),
    )


def _written(details: _PromptDetails | None, beside: int | None) -> int:
    inside = details or _PromptDetails()
    return (
        inside.cache_write_tokens or inside.cache_creation_tokens or inside.cache_creation_input_tokens or beside or 0
    )


class WholeAnswer(Struct, frozen=True):
    """An answer that was not streamed, as it goes to the client, and what it says. `content_events` stands for its
    output where it tells no usage: a quarter token a byte."""

    body: bytes
    report: UsageReport
    finish_reason: str | None
    content_events: int = 0


def _read_members(text: bytes) -> dict[str, Raw]:
    try:
        return _decode_members(text)
    except _UNREADABLE:
        raise UpstreamFailure("The upstream sent JSON with a name that cannot be read.") from None


def read_whole(body: bytes, answer_id: str | None) -> WholeAnswer:
    """Read one whole 200 answer and put `answer_id` in it. None: it is of embeddings, and has neither id nor output.

    Raises UpstreamUnavailable when it is not the JSON that an upstream of this dialect sends.
    """
    try:
        answer = _read_body(body)
    except _UNREADABLE:
        raise UpstreamUnavailable("The upstream answered with something that is not JSON of its API.") from None
    if answer.error is not _ABSENT and answer.error != _NULL:
        raise UpstreamFailure("The upstream failed. Try again later.", told=error_message(body))
    if bytes(answer.data) in (b"", b"null") if answer_id is None else answer.choices is None:
        raise UpstreamUnavailable("The upstream answered with JSON that is no answer of its API.")
    report = _report(answer.usage) if answer.usage else NO_REPORT
    if answer_id is None and report.completion_tokens is None:
        report = msgspec.structs.replace(report, completion_tokens=0)
    finish, said = None, 0
    for choice in answer.choices or ():
        finish = finish or choice.finish_reason
        said += len(choice.message) + len(choice.text)
    if answer_id is not None and answer.id is not None:
        body = _IdSplice(answer_id)(body, answer.id)
    return WholeAnswer(body, report, finish, estimate_tokens(said))


def error_message(body: bytes) -> str:
    """What an upstream's error body says, in whichever of the usual shapes; a plain phrase where it says nothing."""
    try:
        answer: Any = msgspec.json.decode(body)
    except _UNREADABLE:
        return "it gave no reason"
    error = answer.get("error") if isinstance(answer, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    return text[:2000] if isinstance(text, str) and text.strip() else "it gave no reason"


class StreamReader:
    """Follows one streamed answer, event by event: what to pass on, and what the stream said.

    `done` says that the stream ended as it should, with `[DONE]`, which is kept as `end`. `content_events` counts the
    events that carried output: about one a token.
    """

    __slots__ = (
        "_content_events",
        "_finished",
        "_pass_usage",
        "_repeat",
        "_splice",
        "_unfinished",
        "again",
        "end",
        "finish_reason",
        "report",
    )

    def __init__(self, answer_id: str, *, pass_usage: bool) -> None:
        self._splice = _IdSplice(answer_id)
        self._pass_usage = pass_usage
        self._repeat = _Repeat()
        self.report = NO_REPORT
        self.finish_reason: str | None = None
        self._content_events = 0
        self.again: Callable[[bytes], bytes | None] = self._repeat.of
        """What to pass on where the bytes are one event, and one that needs no reading; else None."""
        self._unfinished: set[int] = set()
        self._finished: set[int] = set()
        self.end = b""
        """The event that ended the stream; held by whoever relays it."""

    @property
    def content_events(self) -> int:
        return self._content_events + self._repeat.count

    @property
    def finished(self) -> bool:
        """Whether every answer that was begun has told its finish reason."""
        return bool(self._finished) and not self._unfinished

    @property
    def done(self) -> bool:
        return bool(self.end)

    def __repr__(self) -> str:
        return (
            f"StreamReader({self.content_events} content events, finish_reason={self.finish_reason}, done={self.done})"
        )

    def take(self, event: bytes) -> bytes:
        """The bytes to pass on for `event` (b"": none). Raises UpstreamFailure for an error or a broken event."""
        again = self.again(event)
        if again is not None:
            return again
        data = event_data(event)
        if data is None:
            return event  # a comment, or nothing
        if self.end:
            return b""  # nothing may follow the end
        if data == b"[DONE]":
            self.end = event
            self.again = _nothing  # may follow
            return b""
        try:
            chunk = _read_chunk(data)
        except _UNREADABLE:
            raise UpstreamFailure("The upstream sent an event that is not JSON of its API.") from None
        if bytes(chunk.error) not in _EMPTY:
            raise UpstreamFailure("The upstream failed in the middle of its answer.", told=error_message(data))
        has_content = self._follow(chunk.choices or ())
        original = event
        if chunk.usage is not _ABSENT:
            self._note(chunk.usage, beside_choices=bool(chunk.choices))
            if not self._pass_usage:
                if not chunk.choices:
                    return b""  # the event that carries usage alone
                event = as_event(without_member(data, _read_members(data), "usage"))
        if chunk.id is not None:
            event = self._splice(event, chunk.id)
        if has_content and not self._finished and bytes(chunk.usage) in _EMPTY:
            self._repeat.learn(original, event)  # one that tells a finish reason does more than it says
        return event

    def _follow(self, choices: Iterable[_Choice]) -> bool:
        """Whether any of them carries output."""
        content = False
        for choice in choices:
            if choice.finish_reason is not None:
                self.finish_reason = choice.finish_reason
                self._finished.add(choice.index)
                self._unfinished.discard(choice.index)
            elif choice.index not in self._finished:
                self._unfinished.add(choice.index)
            content = content or choice.has_content()
        self._content_events += content
        return content

    def _note(self, raw: Raw, *, beside_choices: bool) -> None:
        if raw == _NULL:
            return
        try:
            report = _report(_read_usage(raw))
        except _UNREADABLE:
            raise UpstreamFailure("The upstream told its usage in a shape that is not of its API.") from None
        # Ollama's completions carry zeros on each event until the last: a stream that is cut there has told nothing.
        if report.prompt_tokens or report.completion_tokens or not beside_choices:
            self.report = report


def _nothing(_: bytes) -> None:
    return None


class _Repeat:
    """Events that say the same as the last one that was read, but for their text: so nearly all of a stream. They need
    not be parsed again. What is around the text must be the same byte for byte, and the text must be free of what could
    end it, begin an escape or break it, so no other reader can see another structure in it either."""

    __slots__ = ("_after", "_before", "_new_after", "_new_before", "_tries", "count")

    def __init__(self) -> None:
        self.count = 0
        self._before = b""
        self._after = b""
        self._new_before = b""
        self._new_after = b""
        self._tries = 8
        """How often to learn without use: some servers pad each event with noise of its own."""

    def of(self, event: bytes) -> bytes | None:
        """What to pass on for such an event; None: it is another."""
        before, after = self._before, self._after
        if not (before and event.startswith(before) and event.endswith(after)):
            return None
        text = event[len(before) : -len(after)]
        if not _is_plain(text):
            return None
        self._tries = 8
        self.count += 1
        return self._new_before + text + self._new_after

    def learn(self, event: bytes, passed: bytes) -> None:
        """`passed` is what an event with content and nothing else of note became."""
        self._before = b""
        if not self._tries:
            return
        self._tries -= 1
        old, new = _around_text(event), _around_text(passed)
        if old is not None and new is not None:
            (self._before, self._after), (self._new_before, self._new_after) = old, new


_is_plain = re.compile(rb'[^"\\\x00-\x1f]+').fullmatch
_TEXT = re.compile(rb'"(?:content|text)"\s*:\s*"')


def _around_text(event: bytes) -> tuple[bytes, bytes] | None:
    """What stands before and after the one text of an event; None where it has several, or an escape in it."""
    found = _TEXT.search(event)
    if found is None or _TEXT.search(event, found.end()):
        return None
    end = event.find(b'"', found.end())
    if b"\\" in event[found.end() : end] or b"\n" in event[:-2] or b"\r" in event:
        return None
    return event[: found.end()], event[end:]


class _IdSplice:
    """Replaces the `id` of events or bodies, leaving every other byte. Remembers the bytes that held the last one."""

    __slots__ = ("_id", "_new", "_old", "_token")

    def __init__(self, answer_id: str) -> None:
        self._token = b'"' + answer_id.encode() + b'"'
        self._id: str | None = None
        self._old = b""
        self._new = b""

    def __call__(self, text: bytes, old_id: str) -> bytes:
        if old_id != self._id or not self._old or self._old not in text:  # what went by an id before may be another's
            self._id = old_id
            old = msgspec.json.encode(old_id)
            self._old = _id_member(text, old)
            if not self._old:
                return self._rebuilt(text)
            self._new = self._old[: -len(old)] + self._token
        return text.replace(self._old, self._new, 1)

    def _rebuilt(self, text: bytes) -> bytes:
        """For an id written with escapes, which no known server does: the fields are kept, their spacing is not."""
        data = event_data(text)
        members = _read_members(data if data is not None else text)
        members["id"] = Raw(self._token)
        rebuilt = msgspec.json.encode(members)
        return as_event(rebuilt) if data is not None else rebuilt


_ID_KEY = re.compile(rb'"id"\s*:\s*')


def _id_member(text: bytes, token: bytes) -> bytes:
    """The bytes of the member `id` whose value is written as `token`, or b"". One pattern for all ids: a pattern for
    each would be compiled anew, at ten times the cost of all else here."""
    # A quote inside of a JSON string is escaped, so `"id":` with bare quotes can only be a key.
    for key in _ID_KEY.finditer(text):
        if text.startswith(token, key.end()):
            return text[key.start() : key.end() + len(token)]
    return b""
