"""The table of a record's fields: all that is made of it, and that a new line shows up everywhere."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
import pytest
from pydantic import create_model
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateColumn

from tests.store.values import NOON, a_record
from tollkeeper.cli.export import COLUMNS
from tollkeeper.control.calls import Call
from tollkeeper.control.usage.schemas import RecordBody, field_types
from tollkeeper.rules.chain import GENESIS, link
from tollkeeper.rules.usage import Usage
from tollkeeper.services.ledger.presentation import IN_BODY, IN_CSV, IN_JSON, listed, presenter
from tollkeeper.store.ports.record_fields import FIELDS, RecordField, chain_version, covered, stored
from tollkeeper.store.ports.records import ADJUSTMENT, Intent, Record
from tollkeeper.store.sql.chain import ChainReader, link_row, linker
from tollkeeper.store.sql.rows import (
    METADATA_PLACE,
    USER_PLACE,
    intent_of,
    intent_row,
    record_maker,
    record_of,
    record_row,
    row_maker,
)
from tollkeeper.store.sql.schema import intents, record_column, records

FULL = Record(
    "req_019d00000000deadbeefdeadbeef", NOON, NOON + 700, "Zoë", "key_1", "llama3.2:1b", "llama3.2",
    "/v1/chat/completions", "ollama", True, "completed", Usage(10, 2, 1, 5, 3, True), -25, 7, 700, 120, 4,
    "st\x07op\n", '{"team":"blue"}',
)  # fmt: skip
BARE = Record(
    "req_019d00000001deadbeefdeadbeef", NOON + 1, NOON + 1, "ann", None, "", "", ADJUSTMENT, "", False, "failed",
    Usage(), 2**63 - 1,
)  # fmt: skip


class Wider(Record, frozen=True, gc=False):
    """A record of a later version."""

    retries: int = 1
    note: str | None = None


RETRIES = RecordField("retries", int, 32, since=7, default=1)
NOTE = RecordField("note", str | None, 33, since=None, listed=False)
WIDER = (*FIELDS[:8], RETRIES, *FIELDS[8:], NOTE)
WIDE = Wider(**{name: getattr(FULL, name) for name in Record.__struct_fields__}, retries=3, note="n")


def chained(record: Record) -> list[Any]:
    """The values of a record that the chain covers, in its order."""
    return [record_row(record)[field.place] for field in covered(FIELDS, 6) if field.place is not None]


def test_a_records_bytes_in_the_chain_are_what_they_were() -> None:
    """Digests that the version before the table wrote: they are in databases, and in exports that people keep."""
    first_version = linker(FIELDS, 1)
    first = first_version(GENESIS, 1, record_row(FULL))
    second = first_version(first, 2, record_row(BARE))
    assert first.hex() == "72d0253bfc36238e5f0211aed5d58ae14f1e6a981e8d52aee99649c348860515"
    assert second.hex() == "816d32f44a49dba7457b8d08a075d19b253146cf39269fd4a00a2ca16ff03300"


def test_the_first_version_of_the_chain_covers_these_and_no_others() -> None:
    assert [field.stored_as for field in covered(FIELDS, 1)] == [
        *("request_id", "created_at", "settled_at", "user_id", "key_id", "model", "requested_model", "endpoint"),
        *("upstream", "stream", "status", "prompt_tokens", "cached_tokens", "cache_write_tokens"),
        *("completion_tokens", "reasoning_tokens", "estimated", "cost_pico", "price_id", "latency_ms"),
        *("first_token_ms", "queued_ms", "finish_reason", "metadata_digest"),
    ]


def test_the_later_versions_add_the_attempts_what_was_cached_for_an_hour_and_what_is_no_token() -> None:
    assert chain_version(FIELDS) == 6
    first, second, third, fourth, fifth, sixth = (covered(FIELDS, version) for version in range(1, 7))
    assert [field.stored_as for field in second[len(first) :]] == ["attempts"]
    assert [field.stored_as for field in third[len(second) :]] == ["cache_write_1h_tokens"]
    assert [field.stored_as for field in fourth[len(third) :]] == ["images", "audio_ms", "characters"]
    assert [field.stored_as for field in fifth[len(fourth) :]] == ["team_id", "end_user_id"]
    assert [field.stored_as for field in sixth[len(fifth) :]] == ["error"]
    assert (second[: len(first)], third[: len(second)], fourth[: len(third)]) == (first, second, third)
    used = msgspec.structs.replace(FULL.usage, cache_write_1h_tokens=1, images=3, audio_ms=4, characters=5)
    row = record_row(msgspec.structs.replace(FULL, attempts=2, usage=used, team_id="t", end_user_id="eu_1", error="{}"))
    assert linker(FIELDS, 2)(GENESIS, 1, row) == link(GENESIS, 1, [*chained(FULL)[:24], 2], 2)
    assert linker(FIELDS, 3)(GENESIS, 1, row) == link(GENESIS, 1, [*chained(FULL)[:24], 2, 1], 3)
    assert linker(FIELDS, 4)(GENESIS, 1, row) == link(GENESIS, 1, [*chained(FULL)[:24], 2, 1, 3, 4, 5], 4)
    fifth_values = [*chained(FULL)[:24], 2, 1, 3, 4, 5, "t", "eu_1"]
    assert linker(FIELDS, 5)(GENESIS, 1, row) == link(GENESIS, 1, fifth_values, 5)
    assert link_row(GENESIS, 1, row) == link(GENESIS, 1, [*fifth_values, "{}"], 6)


def test_every_attribute_of_a_record_has_a_line_and_every_line_an_attribute() -> None:
    types = {name: kind for name, kind in typing.get_type_hints(Record).items() if name != "usage"}
    types |= {f"usage.{name}": kind for name, kind in typing.get_type_hints(Usage).items()}
    assert {field.attribute: field.type for field in stored(FIELDS)} == types
    order = [
        path
        for name in Record.__struct_fields__
        for path in ([f"usage.{part}" for part in Usage.__struct_fields__] if name == "usage" else [name])
    ]
    assert [field.attribute for field in stored(FIELDS)] == order
    assert [field.place for field in stored(FIELDS)] == [*range(len(order))]
    assert len({field.name for field in FIELDS}) == len(FIELDS)


def test_what_was_added_later_has_a_value_in_older_records() -> None:
    for field in stored(FIELDS):
        assert field.since == 1 or field.default is not None or field.optional


@pytest.mark.parametrize("record", [FULL, BARE, a_record()])
def test_rows_and_back(record: Record) -> None:
    row = record_row(record)
    assert len(row) == len(stored(FIELDS))
    assert not [value for value in row if isinstance(value, bool)]
    assert record_of(row, record.user_id, record.metadata) == record
    opaque = [*row, 1, b"hash"]
    opaque[USER_PLACE], opaque[METADATA_PLACE] = "u_1", "digest"
    assert record_of(opaque, record.user_id, record.metadata) == record


def test_intents_there_and_back() -> None:
    for bounds in ((None, None), (5, 7)):
        intent = Intent("req_1", NOON, "ann", None, "m", "M", "/v1/chat/completions", "ollama", True, *bounds)
        row = [int(value) if isinstance(value, bool) else value for value in intent_row(intent)]
        assert intent_of(row) == intent
    assert [column.name for column in intents.columns] == [*Intent.__struct_fields__]


def test_the_columns_are_those_of_the_table() -> None:
    assert [column.name for column in records.columns] == [
        *(field.stored_as for field in stored(FIELDS)),
        "seq",
        "hash",
    ]


class TestANewLine:
    """Everything is made of a table that has one line more."""

    def test_has_a_column(self) -> None:
        column = record_column(RETRIES)
        for dialect in (sqlite.dialect(), postgresql.dialect()):
            text = str(CreateColumn(column).compile(dialect=dialect))
            assert text == "retries BIGINT DEFAULT '1' NOT NULL"
        assert record_column(NOTE).nullable

    def test_is_in_rows_both_ways(self) -> None:
        row = row_maker(WIDER, Wider)(WIDE)
        assert row == [*record_row(FULL), 3, "n"]
        assert record_maker(WIDER, Wider)((*row, 1, b"hash"), WIDE.user_id, WIDE.metadata) == WIDE

    def test_is_in_the_chain_from_its_version_on(self) -> None:
        assert chain_version(WIDER) == 7
        row = row_maker(WIDER, Wider)(WIDE)
        values = chained(FULL)
        assert linker(WIDER, 1)(GENESIS, 1, row) == link(GENESIS, 1, values[:24], 1)
        assert (
            linker(WIDER, 6)(GENESIS, 1, row) == link(GENESIS, 1, values, 6) == link_row(GENESIS, 1, record_row(FULL))
        )
        assert linker(WIDER, 7)(GENESIS, 1, row) == link(GENESIS, 1, [*values, 3], 7)

    def test_is_in_bodies_csv_and_exports(self) -> None:
        names = [field.name for field in WIDER]
        for writers in (IN_BODY, IN_CSV, IN_JSON):
            shown = presenter(WIDER, writers)(WIDE)
            assert [*shown] == names
            assert (shown["retries"], shown["note"]) == (3, "n")
        types: dict[str, Any] = {name: (kind, ...) for name, kind in field_types(listed(WIDER)).items()}
        body = create_model("Body", **types)(**presenter(listed(WIDER), IN_BODY)(WIDE))
        assert body.model_dump(mode="json")["retries"] == 3
        assert [*type(body).model_fields] == [name for name in names if name not in ("settled_at", "note")]

    def test_ledger_goes_on_where_it_was_without_it(self) -> None:
        make = row_maker(WIDER, Wider)
        old = [make(Wider(**{n: getattr(r, n) for n in Record.__struct_fields__})) for r in (FULL, BARE)]
        first = linker(WIDER, 6)(GENESIS, 1, old[0])
        second = linker(WIDER, 6)(first, 2, old[1])
        third = linker(WIDER, 7)(second, 3, make(WIDE))
        reader = ChainReader(WIDER)
        assert reader.holds(GENESIS, 1, old[0], first)
        assert reader.holds(first, 2, old[1], second)
        assert reader.version == 6
        assert reader.holds(second, 3, make(WIDE), third)
        assert reader.version == 7

    def test_can_be_changed_in_no_record(self) -> None:
        make = row_maker(WIDER, Wider)
        old, new = make(Wider(**{n: getattr(FULL, n) for n in Record.__struct_fields__})), make(WIDE)
        first = linker(WIDER, 6)(GENESIS, 1, old)
        second = linker(WIDER, 7)(first, 2, new)
        forged = [*new[:32], 4, *new[33:]]
        assert not ChainReader(WIDER).holds(first, 2, forged, second)
        # The older hash does not cover it: there it must be what it is in all older records.
        assert not ChainReader(WIDER).holds(GENESIS, 1, [*old[:32], 2, *old[33:]], first)
        # Nor does a chain that went on to a version come back from it.
        reader = ChainReader(WIDER)
        assert reader.holds(first, 2, new, second)
        assert not reader.holds(second, 3, old, linker(WIDER, 6)(second, 3, old))


def test_lists_csv_and_exports_name_the_same_fields() -> None:
    names = [field.name for field in FIELDS]
    assert [*COLUMNS] == ["seq", *names, "opaque_user_id", "metadata_digest", "hash"]
    assert [*RecordBody.model_fields] == [name for name in names if name != "settled_at"]
    assert [*Call.model_fields] == [*RecordBody.model_fields, "settled_at", "price"]


def test_metadata_is_an_object_in_json_and_its_text_in_csv() -> None:
    assert (
        presenter(FIELDS, IN_BODY)(FULL)["metadata"] == presenter(FIELDS, IN_JSON)(FULL)["metadata"] == {"team": "blue"}
    )
    assert presenter(FIELDS, IN_CSV)(FULL)["metadata"] == FULL.metadata
    assert presenter(FIELDS, IN_BODY)(BARE)["metadata"] is None
    broken = msgspec.structs.replace(FULL, metadata="{")
    assert presenter(FIELDS, IN_JSON)(broken)["metadata"] == "{"
