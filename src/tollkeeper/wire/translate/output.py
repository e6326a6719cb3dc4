"""The output of a model, independent of dialects: events of a stream, or all of a response at once.

A reader for each format of upstreams makes it, a writer for each dialect of clients puts it into words. Counts of
tokens are not part of it: the reader that meters the response reports them (`wire/usage.py`).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "stop_sequence", "pause"]
"""Why the output ended. "stop": the model was done; "length": the cap on its output, or its context, was reached;
"stop_sequence": one of those that the request names; "pause": a long turn, to be gone on with."""


class Begun(Struct, frozen=True):
    """The first event. `model`: the upstream's name of it; "": it did not say."""

    model: str = ""


class TextDelta(Struct, frozen=True):
    """More text of the answer; with `refusal`, of the words in which the model refuses."""

    text: str
    refusal: bool = False


class ThinkingDelta(Struct, frozen=True):
    """More of what the model thinks; or the signature of the thought that ends here; or a whole thought that its maker
    does not show."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


class CallBegun(Struct, frozen=True):
    """A call of a tool begins. `place` counts the calls of the response from 0; `id` "": the upstream gave none."""

    place: int
    id: str
    name: str


class CallDelta(Struct, frozen=True):
    """More of the arguments of a call, as JSON text."""

    place: int
    arguments: str


class Finished(Struct, frozen=True):
    """The end of the output. `sequence`: the stop sequence that was met, where the upstream says which."""

    reason: FinishReason
    sequence: str | None = None


OutputEvent = Begun | TextDelta | ThinkingDelta | CallBegun | CallDelta | Finished

OutputPart = Text | Thinking | ToolCall


class Output(Struct, frozen=True):
    """A whole response: its parts in order, as the model made them."""

    model: str
    parts: tuple[OutputPart, ...]
    finish: Finished
