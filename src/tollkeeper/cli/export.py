"""Records on paper: the ledger's entries as lines of JSON or of CSV, with times and money as the API writes them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TextIO

import msgspec

from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_time
from tollkeeper.wire.sheet import guarded

Format = Literal["jsonl", "csv"]
Rows = Iterable[Mapping[str, Any]]

FIELDS = (
    "seq",
    "request_id",
    "created_at",
    "settled_at",
    "user_id",
    "key_id",
    "model",
    "endpoint",
    "upstream",
    "stream",
    "status",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "total_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "price_id",
    "requested_model",
    "estimated",
    "latency_ms",
    "first_token_ms",
    "queued_ms",
    "finish_reason",
    "metadata",
    "hash",
)
"""The columns. `metadata` is an object in JSON, and that object's text in CSV."""

_encode = msgspec.json.Encoder().encode


def write(records: Rows, form: Format, out: TextIO) -> int:
    """Write each of the store's records (`store/sqlite/export.py`) as it comes. How many there were."""
    return _WRITERS[form](records, out)


def _write_jsonl(records: Rows, out: TextIO) -> int:
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007 (counted here, used below)
        shown = _shown(record)
        shown["metadata"] = _object(shown["metadata"])
        out.write(_encode(shown).decode() + "\n")
    return count


def _write_csv(records: Rows, out: TextIO) -> int:
    rows = csv.writer(out)
    rows.writerow(FIELDS)
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007 (counted here, used below)
        rows.writerow([_cell(name, value) for name, value in _shown(record).items()])
    return count


_WRITERS: Mapping[Format, Callable[[Rows, TextIO], int]] = {"jsonl": _write_jsonl, "csv": _write_csv}


def _shown(record: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "created_at": format_time(record["created_at"]),
        "settled_at": format_time(record["settled_at"]),
        "cost_usd": format_usd(record["cost_pico"]),
        "total_tokens": record["prompt_tokens"] + record["completion_tokens"],
    }
    return {name: made[name] if name in made else record[name] for name in FIELDS}


def _object(text: str | None) -> object:
    try:
        return None if text is None else msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text  # a ledger that was tampered with can be exported, too


def _cell(name: str, value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    # A refund's cost begins with a minus: it is a number of ours, and stays one.
    return guarded(value) if isinstance(value, str) and name != "cost_usd" else value
