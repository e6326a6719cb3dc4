"""Export of records in both formats; the command is tested in `test_ledger.py`."""

import csv
import io
import json

import pytest

from tests.store.values import a_record
from tollkeeper.cli.export import COLUMNS, write
from tollkeeper.store.ports.maintenance import ChainedRecord

RECORDS = [
    ChainedRecord(a_record(user_id=user), seq, "u_1", "cd" * 32, "ab" * 32)
    for seq, user in enumerate(("ann", "=1+1"), 1)
]


def written(form, records=RECORDS):
    out = io.StringIO()
    return write(iter(records), form, out), out.getvalue()


def test_a_line_of_json_has_every_column_in_order():
    count, text = written("jsonl")
    lines = [json.loads(line) for line in text.splitlines()]
    assert (count, [tuple(line) for line in lines]) == (2, [COLUMNS] * 2)
    assert (lines[0]["seq"], lines[0]["user_id"], lines[0]["metadata"]) == (1, "ann", {"team": "blue"})


def test_csv_has_every_column_and_no_formulas():
    count, text = written("csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (count, tuple(rows[0])) == (2, COLUMNS)
    assert (rows[0]["user_id"], rows[0]["metadata"]) == ("ann", '{"team":"blue"}')
    assert not rows[1]["user_id"].startswith("=")


@pytest.mark.parametrize(("form", "text"), [("jsonl", ""), ("csv", ",".join(COLUMNS) + "\r\n")])
def test_an_empty_ledger(form, text):
    assert written(form, []) == (0, text)
