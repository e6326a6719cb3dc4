"""Records as they are seen outside, by a table of fields."""

import pytest

from tests.store.values import a_record
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_time
from tollkeeper.services.ledger.presentation import (
    IN_BODY,
    IN_CSV,
    IN_JSON,
    listed,
    present_listed,
    present_whole,
    presenter,
)
from tollkeeper.store.ports.record_fields import FIELDS

RECORD = a_record()
MONEY = next(field.name for field in FIELDS if field.form == "usd")
OBJECT = next(field.name for field in FIELDS if field.form == "json")
TIME = next(field.name for field in FIELDS if field.form == "time")


def test_a_record_has_every_field_and_a_list_those_that_are_listed():
    assert list(present_whole(RECORD)) == [field.name for field in FIELDS]
    assert list(present_listed(RECORD)) == [field.name for field in listed(FIELDS)]
    assert len(listed(FIELDS)) < len(FIELDS)


@pytest.mark.parametrize(
    ("writers", "time", "metadata"),
    [
        (IN_BODY, RECORD.created_at, {"team": "blue"}),
        (IN_CSV, format_time(RECORD.created_at), RECORD.metadata),
        (IN_JSON, format_time(RECORD.created_at), {"team": "blue"}),
    ],
)
def test_each_form_is_written_for_its_place(writers, time, metadata):
    shown = presenter(FIELDS, writers)(RECORD)
    assert (shown[TIME], shown[MONEY], shown[OBJECT]) == (time, format_usd(RECORD.cost_pico), metadata)


def test_a_ledger_that_was_tampered_with_can_be_exported():
    present = presenter(FIELDS, IN_JSON)
    assert present(a_record(metadata="{"))[OBJECT] == "{"
    assert present(a_record(metadata=None))[OBJECT] is None
