"""Canonical JSON, by the rules and examples of RFC 8785."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.canonical_json import canonical_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


def test_names_are_sorted_by_their_utf_16_units() -> None:
    names = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
    assert list(json.loads(canonical_json(names)).values()) == [2, 4, 6, 7, 1, 5, 3]  # the order of RFC 8785, 3.2.3


def test_texts_are_escaped_only_where_they_must_be() -> None:
    text = '\u20ac$\u000f\nA\'B"\\\\"/\u007f\u2028'
    assert canonical_json([text]).decode() == '["€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028"]'


def test_there_is_no_white_space_and_inner_objects_are_sorted() -> None:
    assert (
        canonical_json({"b": [True, None, {"z": 1, "a": -2}], "a": "x"}) == b'{"a":"x","b":[true,null,{"a":-2,"z":1}]}'
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2**53 - 1, "9007199254740991"),
        (2**53 + 1, "9007199254740992"),
        (-(2**53) - 3, "-9007199254740996"),
        (333333333333333333333, "333333333333333300000"),
    ],
)
def test_integers_that_are_no_doubles_are_written_as_the_double_next_to_them(number: int, text: str) -> None:
    assert canonical_json(number).decode() == text


@pytest.mark.parametrize("value", [1.5, {"a": 1.0}, [b"x"], {1, 2}])
def test_nothing_else_has_a_canonical_form(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_half_a_surrogate_pair_has_none() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json({"a": "\ud800"})


@given(VALUES)
def test_it_is_the_same_value_and_always_the_same_bytes(value: object) -> None:
    form = canonical_json(value)
    assert json.loads(form) == value
    assert canonical_json(json.loads(form)) == form
    if isinstance(value, dict):
        assert canonical_json(dict(reversed(value.items()))) == form
