"""Presentation of records in bodies of the API, in CSV and in exports.

Every function here is derived from the table of fields (`store/ports/record_fields.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_time
from tollkeeper.store.ports.record_fields import FIELDS, Fields, Form
from tollkeeper.store.ports.records import Record

Writers = Mapping[Form, Callable[[Any], Any]]
Presenter = Callable[[Record], dict[str, Any]]


def listed(fields: Fields) -> Fields:
    """The fields that appear in lists and CSV."""
    return [field for field in fields if field.listed]


def presenter(fields: Fields, writers: Writers) -> Presenter:
    """Make a function from a record to its fields by name, each formatted by the writer of its form, if any."""
    names = [field.name for field in fields]
    values_of = attrgetter(*(field.attribute for field in fields))
    written = [(field.name, writers[field.form]) for field in fields if field.form in writers]

    def present(record: Record) -> dict[str, Any]:
        values = dict(zip(names, values_of(record), strict=True))
        for name, write in written:
            values[name] = write(values[name])
        return values

    return present


def _object(text: str | None) -> object:
    return None if text is None else msgspec.json.decode(text)


def _object_or_text(text: str | None) -> object:
    try:
        return _object(text)
    except msgspec.DecodeError:
        return text  # so that a ledger that was tampered with can be exported, too


IN_BODY: Writers = {"usd": format_usd, "json": _object}
"""Writers for a body of the API; its Pydantic model formats times."""
IN_CSV: Writers = {"time": format_time, "usd": format_usd}
"""Writers for CSV, where an object is the text of its JSON."""
IN_JSON: Writers = {**IN_CSV, "json": _object_or_text}
"""Writers for a line of JSON."""

present_listed = presenter(listed(FIELDS), IN_BODY)
"""Present a record as in a list of the API."""
present_whole = presenter(FIELDS, IN_BODY)
"""Present a single record, with all fields, as in the API."""
