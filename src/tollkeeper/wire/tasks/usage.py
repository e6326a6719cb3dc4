"""Usage as tasks report it: tokens under either of their names, seconds of audio, or nothing.

OpenAI's images and `gpt-4o-transcribe` report `input_tokens` and `output_tokens`, `whisper-1` reports
`{"type": "duration", "seconds"}`, verbose transcripts have a `duration` beside the text; rerankers report
`total_tokens` (Jina, vLLM), or `meta.tokens` (Cohere).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from tollkeeper.rules.usage import MAX_COUNT
from tollkeeper.wire.usage import UnitReport, count_of

_MAX_USAGE_BYTES = 65_536


def read_usage(raw: bytes) -> UnitReport | None:
    """The report in a `usage` value; None where it reports nothing."""
    usage = _table(raw)
    if usage is None:
        return None
    given, made = _first(usage, "input_tokens", "prompt_tokens"), _first(usage, "output_tokens", "completion_tokens")
    total, audio = _first(usage, "total_tokens"), milliseconds(usage.get("seconds"))
    if given is None and total is not None:
        given = max(0, total - (made or 0))
    if given is None and made is None and audio is None:
        return None
    details = (
        usage.get("input_tokens_details") or usage.get("input_token_details") or usage.get("prompt_tokens_details")
    )
    cached = _first(details, "cached_tokens") if isinstance(details, dict) else None
    return UnitReport(given or 0, made or 0, cached or 0, audio_ms=audio or 0)


def read_meta(raw: bytes) -> UnitReport | None:
    """The report in Cohere's `meta`."""
    meta = _table(raw)
    tokens = meta.get("tokens") if meta is not None else None
    return read_usage(msgspec.json.encode(tokens)) if isinstance(tokens, dict) else None


def milliseconds(seconds: object) -> int | None:
    """A number of seconds, or the text of one, in milliseconds, rounded up; None where it is none."""
    try:
        number = float(seconds) if isinstance(seconds, int | float | str) and not isinstance(seconds, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return math.ceil(round(number * 1000, 3)) if 0 <= number * 1000 <= MAX_COUNT else None


def _table(raw: bytes) -> dict[str, Any] | None:
    if len(raw) > _MAX_USAGE_BYTES:
        return None
    try:
        table = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def _first(table: dict[str, Any], *names: str) -> int | None:
    return next((count for name in names if (count := count_of(table.get(name))) is not None), None)
