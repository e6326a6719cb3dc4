"""Values of fields in a chat request, and the errors for those of another type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.translate.chat.fields import boolean, given, integer, number, required, string

MEMBERS = {
    "text": Raw(b'"a\\u00e9"'),
    "yes": Raw(b"true"),
    "no": Raw(b"false"),
    "nothing": Raw(b"null"),
    "whole": Raw(b"7"),
    "part": Raw(b"-0.50"),
    "list": Raw(b"[]"),
    "long": Raw(b"1" * 2000),
}


def test_values_are_read() -> None:
    assert string(MEMBERS, "text") == "aé"
    assert (boolean(MEMBERS, "yes"), boolean(MEMBERS, "no")) == (True, False)
    assert number(MEMBERS, "part") == Raw(b"-0.50")
    assert integer(MEMBERS, "whole") == 7
    assert given(MEMBERS, "list") == Raw(b"[]")


@pytest.mark.parametrize("read", [string, boolean, number, integer, given])
def test_what_is_missing_or_null_is_none(read: Callable[..., Any]) -> None:
    assert read(MEMBERS, "nothing") is None
    assert read(MEMBERS, "absent") is None


@pytest.mark.parametrize(
    ("read", "name", "must_be"),
    [
        (string, "whole", "a string"),
        (required, "absent", "a string"),
        (required, "nothing", "a string"),
        (boolean, "whole", "true or false"),
        (number, "text", "a number"),
        (number, "long", "a number"),
        (integer, "part", "an integer"),
    ],
)
def test_another_type_is_refused_by_the_path_of_the_field(read: Callable[..., Any], name: str, must_be: str) -> None:
    with pytest.raises(BadRequest) as error:
        read(MEMBERS, name, "messages[2]")
    assert error.value.param == f"messages[2].{name}"
    assert error.value.message == f"'messages[2].{name}' must be {must_be}."
