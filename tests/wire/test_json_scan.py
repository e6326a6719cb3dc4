"""Places in a large JSON text: those of a parser, in steps of a bounded length."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.wire.json_scan import STEP, NotJson, items, members

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def done(steps):
    """The result, and how many steps it took."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def found(text, **given):
    return {json.loads(b'"%b"' % name): text[slice(*at)] for name, at in done(members(text, **given))[0].items()}


@pytest.mark.long
@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 1]))
def test_members_stand_where_a_parser_finds_them(value, indent):
    text = json.dumps(value, indent=indent).encode()
    assert {name: json.loads(part) for name, part in found(text, alone=True).items()} == value


@given(st.lists(JSON), st.integers(0, 5))
def test_items_are_the_first_of_the_array(value, most):
    text = b" " + json.dumps(value).encode()
    spans, _ = done(items(text, 0, most))
    assert [json.loads(text[slice(*span)]) for span in spans] == value[:most]


def test_of_a_name_that_comes_twice_the_last_counts():
    assert found(b'{"a":1,"a":2}') == {"a": b"2"}


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{", b'{"a"}', b'{"a":}', b'{"a":1', b'{"a":1,}', b"{a:1}", b'{"a":"b', b'{"a":[1}', b'{"a":"\\'],
)
def test_what_is_no_object_is_not_json(text):
    with pytest.raises(NotJson):
        done(members(text))


def test_what_follows_matters_only_where_it_is_to_stand_alone():
    assert found(b'{"a":1} x') == {"a": b"1"}
    with pytest.raises(NotJson):
        found(b'{"a":1} x', alone=True)


@pytest.mark.parametrize("inner", [b'"' + b"x" * 10 * STEP + b'"', b"[" + b"1," * 5 * STEP + b"1]"])
def test_no_step_looks_at_more_than_its_share(inner):
    text = b'{"a":%b}' % inner
    places, steps = done(members(text))
    assert places == {b"a": (5, len(text) - 1)}
    assert steps >= len(text) // STEP - 1
