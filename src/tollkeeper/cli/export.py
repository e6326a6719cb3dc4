"""Export of records as JSON Lines or CSV, with times and money as the API writes them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TextIO

import msgspec

from tollkeeper.services.ledger.presentation import IN_CSV, IN_JSON, Presenter, presenter
from tollkeeper.store.ports.maintenance import ChainedRecord
from tollkeeper.store.ports.record_fields import FIELDS
from tollkeeper.wire.csv_cells import format_cell

Format = Literal["jsonl", "csv"]

COLUMNS = ("seq", *(field.name for field in FIELDS), "opaque_user_id", "metadata_digest", "hash")
"""Columns in order. `metadata` is an object in JSON, and the text of that object in CSV."""

_encode = msgspec.json.Encoder().encode
_in_json = presenter(FIELDS, IN_JSON)
_in_csv = presenter(FIELDS, IN_CSV)


def write(records: Iterable[ChainedRecord], form: Format, out: TextIO) -> int:
    """Write each record as soon as it is read. Returns the number of records."""
    return _WRITERS[form](records, out)


def _write_jsonl(records: Iterable[ChainedRecord], out: TextIO) -> int:
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007 (counted here, used below)
        out.write(_encode(_values(record, _in_json)).decode() + "\n")
    return count


def _write_csv(records: Iterable[ChainedRecord], out: TextIO) -> int:
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007 (counted here, used below)
        rows.writerow([format_cell(name, value) for name, value in _values(record, _in_csv).items()])
    return count


_WRITERS: Mapping[Format, Callable[[Iterable[ChainedRecord], TextIO], int]] = {"jsonl": _write_jsonl, "csv": _write_csv}


def _values(record: ChainedRecord, present: Presenter) -> dict[str, Any]:
    chained = {"opaque_user_id": record.opaque_user_id, "metadata_digest": record.metadata_digest, "hash": record.hash}
    return {"seq": record.seq, **present(record.record), **chained}
