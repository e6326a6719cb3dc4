"""What a scripted model does: it calls tools, one in each turn, looks at what they gave, and answers.

Turns are told apart by the results that a request holds, so requests may come twice or beside others. A request without
tools asks for something else, such as a title, and gets that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Usage(NamedTuple):
    """Tokens of a turn; `cached` are part of the prompt."""

    prompt: int
    completion: int
    cached: int = 0


class Call(NamedTuple):
    """A call of a tool of the agent. `gives` stands in its result."""

    tool: str
    arguments: dict[str, Any]
    gives: str = ""


class Turn(NamedTuple):
    """What the model says at once: a call, or else text."""

    text: str
    call: Call | None
    usage: Usage


class Asked(NamedTuple):
    """What a script reads in a request, whatever its API."""

    model: str
    stream: bool
    tools: frozenset[str]
    results: tuple[str, ...]


@dataclass
class Script:
    calls: Sequence[Call]
    answer: str
    played: list[Usage] = field(default_factory=list)
    """The usage of each response so far."""

    def play(self, asked: Asked) -> Turn:
        turn = self._turn(asked)
        self.played.append(turn.usage)
        return turn

    def _turn(self, asked: Asked) -> Turn:
        done = len(asked.results)
        if not asked.tools:
            return Turn("Sorting words", None, Usage(40, 3))
        for call, result in zip(self.calls, asked.results, strict=False):
            assert call.gives in result, f"{call.tool} gave {result!r}"
        usage = Usage(4_000 + 100 * done, 30 + done, 3_000 * bool(done))
        if done >= len(self.calls):
            return Turn(self.answer, None, usage)
        call = self.calls[done]
        assert call.tool in asked.tools, f"no {call.tool} among {sorted(asked.tools)}"
        return Turn("", call, usage)
