"""Usage as the Messages dialect reports it.

Anthropic's `input_tokens` leave out what was read from its cache and written to it; a record counts all of the input.
`message_start` of a stream tells the input (Ollama: an estimate), `message_delta` the output so far, and overrules what
was told before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from tollkeeper.wire.usage import NO_REPORT, UsageReport, count_of

_MAX_BYTES = 65_536
_OUTPUT = frozenset(("output_tokens",))
_OUTPUT_AND_INPUT = _OUTPUT | {"input_tokens"}


class UsageTally:
    """The usage of one response, from one report or several."""

    __slots__ = ("_doubtful", "_early", "_known")

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._doubtful = False
        self._early: frozenset[str] = frozenset()
        """What only the beginning of a stream has told, which is not the truth yet."""

    def __repr__(self) -> str:
        return f"UsageTally({self.report})"

    def add(self, raw: Raw | bytes, *, begins: bool = False) -> None:
        """Add a report: the value of `usage`. What it leaves out stays as it was told before.

        `begins`: a stream begins with it. Its count of output is of the first token alone, and where it tells nothing
        of a cache its input is an estimate (Ollama's is), so both stand only once a later report has come."""
        usage = _table(raw)
        if usage is None:
            return
        self._early = frozenset()
        if begins:
            self._early = _OUTPUT if "cache_read_input_tokens" in usage else _OUTPUT_AND_INPUT
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            self._note(usage, name)
        kept = usage.get("cache_creation")
        if isinstance(kept, dict):
            self._note(kept, "ephemeral_1h_input_tokens")
        details = usage.get("output_tokens_details")
        if isinstance(details, dict):
            self._note(details, "thinking_tokens")

    def _note(self, usage: Mapping[str, Any], name: str) -> None:
        value = usage.get(name)
        if value is None:
            return
        count = count_of(value)
        if count is None:
            self._doubtful = True
        else:
            self._known[name] = count

    @property
    def report(self) -> UsageReport:
        known = {name: count for name, count in self._known.items() if name not in self._early}
        if not known and not self._doubtful:
            return NO_REPORT
        plain, read = known.get("input_tokens"), known.get("cache_read_input_tokens", 0)
        kept = known.get("ephemeral_1h_input_tokens", 0)
        written = known.get("cache_creation_input_tokens", kept)
        return UsageReport(
            prompt_tokens=None if plain is None else plain + read + written,
            completion_tokens=known.get("output_tokens"),
            cached_tokens=read,
            reasoning_tokens=known.get("thinking_tokens", 0),
            cache_write_tokens=written,
            estimated=self._doubtful,
            cache_write_1h_tokens=kept,
        )


def read_usage(raw: Raw | bytes) -> UsageReport:
    """The report in the value of `usage` of a whole response."""
    tally = UsageTally()
    tally.add(raw)
    return tally.report


def _table(raw: Raw | bytes) -> dict[str, Any] | None:
    if memoryview(raw).nbytes > _MAX_BYTES:
        return None
    try:
        usage = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return usage if isinstance(usage, dict) else None
