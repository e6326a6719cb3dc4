"""Items of output: a message, reasoning, a call. Each keeps its pieces, for the events that repeat the whole of it."""

from __future__ import annotations

from typing import Any

from tollkeeper.wire.translate.conversation import Thinking
from tollkeeper.wire.translate.responses.read_tools import input_of
from tollkeeper.wire.translate.responses.thoughts import seal


class Item:
    """An item. `index` is its place in the output, `status` that of its end."""

    prefix = ""

    def __init__(self, index: int, digits: str) -> None:
        self.index = index
        self.id = f"{self.prefix}{digits}_{index}"
        self.status = "completed"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    def begun(self) -> dict[str, Any]:
        """The item before any piece of it."""
        raise NotImplementedError

    def whole(self) -> dict[str, Any]:
        """The item with all of its pieces."""
        raise NotImplementedError


class Message(Item):
    """A message. `parts` are its texts, in pieces, each with whether the model refuses in it."""

    prefix = "msg_"

    def __init__(self, index: int, digits: str) -> None:
        super().__init__(index, digits)
        self.parts: list[tuple[bool, list[str]]] = []

    def _item(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}

    def begun(self) -> dict[str, Any]:
        return self._item("in_progress", [])

    def whole(self) -> dict[str, Any]:
        parts = [text_part("".join(pieces), refusal=refusal) for refusal, pieces in self.parts]
        return self._item(self.status, parts)


def text_part(text: str, *, refusal: bool) -> dict[str, Any]:
    """A part of a message."""
    if refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


class Reasoning(Item):
    """A thought, of which the client sees a summary: all of it, where its maker shows all. `sealed`: the client wants
    what it can send back."""

    prefix = "rs_"

    def __init__(self, index: int, digits: str, *, sealed: bool) -> None:
        super().__init__(index, digits)
        self.pieces: list[str] = []
        self.signature: str | None = None
        self.redacted: str | None = None
        self._sealed = sealed

    def _item(self, summary: list[dict[str, Any]], sealed: str | None) -> dict[str, Any]:
        item: dict[str, Any] = {"id": self.id, "type": "reasoning", "summary": summary}
        return item | {"encrypted_content": sealed} if self._sealed else item

    def begun(self) -> dict[str, Any]:
        return self._item([], None)

    def whole(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        sealed = seal(Thinking(text, self.signature, self.redacted))
        return self._item([summary_part(text)] if self.pieces else [], sealed)


def summary_part(text: str) -> dict[str, Any]:
    """A part of the summary of a thought."""
    return {"type": "summary_text", "text": text}


class Call(Item):
    """A call of a function, or of a custom tool, whose input stands in the arguments of a function. `pieces` are those
    of the arguments."""

    prefix = "fc_"

    def __init__(self, index: int, digits: str, call_id: str, namespace: str | None, name: str) -> None:
        super().__init__(index, digits)
        self.call_id, self.namespace, self.name = call_id, namespace, name
        self.pieces: list[str] = []

    def _item(self, status: str, **given: str) -> dict[str, Any]:
        kind = "function_call" if "arguments" in given else "custom_tool_call"
        called = {"id": self.id, "type": kind, "status": status, "call_id": self.call_id, "name": self.name}
        return called | given | ({} if self.namespace is None else {"namespace": self.namespace})

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)

    def begun(self) -> dict[str, Any]:
        return self._item("in_progress", arguments="")

    def whole(self) -> dict[str, Any]:
        return self._item(self.status, arguments=self.arguments)


class CustomCall(Call):
    """A call of a custom tool."""

    prefix = "ctc_"

    @property
    def input(self) -> str:
        return input_of(self.arguments)

    def begun(self) -> dict[str, Any]:
        return self._item("in_progress", input="")

    def whole(self) -> dict[str, Any]:
        return self._item(self.status, input=self.input)
