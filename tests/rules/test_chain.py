"""The hash chain: what it is, to the byte, and that nothing can move unseen."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.chain import GENESIS, link
from tollkeeper.store.ports.record_fields import FIELDS as TABLE
from tollkeeper.store.ports.record_fields import covered

FIELDS = covered(TABLE, 1)

RECORD = (
    "req_019d00000000deadbeefdeadbeef", 1_795_176_000_000, 1_795_176_000_700, "Zoë", None, "llama3.2:1b", "llama3.2",
    "/v1/chat/completions", "ollama", 1, "completed", 10, 2, 1, 5, 3, 0, -25, 7, 700, 120, 4, "st\x07op\n",
    '{"team":"blue"}',
)  # fmt: skip

VALUES = st.lists(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    min_size=len(FIELDS),
    max_size=len(FIELDS),
)


def test_the_first_two_hashes_of_a_known_record_are_known() -> None:
    assert len(RECORD) == len(FIELDS)
    first = link(GENESIS, 1, RECORD)
    assert first.hex() == "fda7e51bd74f6a86e996d5dfa195bb819143b38324356284aaed3e50765517f4"
    assert link(first, 2, RECORD).hex() == "f3e87e773fe0fd89724cf85762fbdb726e61795745769b50d6d5e3d2e35fec05"


@given(VALUES, st.binary(min_size=32, max_size=32), st.integers(1, 2**62))
def test_it_is_what_its_description_says(values: list[str | int | None], previous: bytes, seq: int) -> None:
    text = json.dumps([1, seq, *values], ensure_ascii=False, separators=(",", ":"))
    assert link(previous, seq, values) == sha256(previous + text.encode()).digest()


@pytest.mark.parametrize("place", range(len(FIELDS)))
def test_every_field_counts(place: int) -> None:
    changed = [*RECORD]
    changed[place] = "other"
    assert link(GENESIS, 1, changed) != link(GENESIS, 1, RECORD)


def test_neighbours_do_not_run_together() -> None:
    assert link(GENESIS, 1, ["ab", "c"]) != link(GENESIS, 1, ["a", "bc"])
    assert link(GENESIS, 1, ["1"]) != link(GENESIS, 1, [1])


def test_half_a_surrogate_pair_has_no_hash() -> None:
    with pytest.raises(UnicodeEncodeError):
        link(GENESIS, 1, ["\ud800"])
