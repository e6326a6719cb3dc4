"""What bodies and queries have in common: pages, names, times."""

import pytest
from pydantic import TypeAdapter, ValidationError

from tollkeeper.control.http.schemas import MOST_WEIGHT, Name, Page, TimeIn, page_of, rows_after
from tollkeeper.rules.errors import Unprocessable


def page(rows, limit, **given):
    shown, cursor = page_of(rows, Page(limit=limit, after=None), str, **given)
    return list(shown), cursor


def test_a_page_ends_where_there_is_more():
    assert page([1, 2], 2) == ([1, 2], None)
    assert page([1, 2, 3], 2) == ([1, 2], "2")
    assert page([], 2) == ([], None)


def test_a_page_ends_before_rows_that_make_it_heavy_but_has_one():
    assert page([1, 2, 3], 5, weight=lambda _: MOST_WEIGHT // 2) == ([1, 2], "2")
    assert page([1, 2], 5, weight=lambda _: 2 * MOST_WEIGHT) == ([1], "1")


def test_rows_after_a_cursor():
    assert rows_after([1, 2, 3], None, str) == [1, 2, 3]
    assert rows_after([1, 2, 3], "2", str) == [3]
    with pytest.raises(Unprocessable):
        rows_after([1, 2, 3], "4", str)


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "a\u2028b", "x" * 201])
def test_a_name_is_one_short_line(name):
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)
    assert TypeAdapter(Name).validate_python("Ann é") == "Ann é"


def test_a_time_is_milliseconds_inside():
    assert TypeAdapter(TimeIn).validate_python("2026-11-20T12:00:00.123Z") == 1_795_176_000_123
    with pytest.raises((ValidationError, Unprocessable)):
        TypeAdapter(TimeIn).validate_python(5)
