import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire import strict_json
from tollkeeper.wire.strict_json import Edit, check_text, member_spans, read_object, read_objects, without_member

KNOWN = {"model", "stream", "max_tokens"}

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=5)
layouts = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])


@given(objects, layouts)
def test_spans_point_at_the_members(document, layout):
    text = json.dumps(document, **layout).encode()
    members = read_object(text, frozenset())
    spans = member_spans(text, members)
    assert {key: json.loads(text[span.start : span.end]) for key, span in spans.items()} == document
    assert [json.loads(text[span.key_start : span.key_end]) for span in spans.values()] == list(document)


@given(objects.filter(bool), layouts, st.data())
def test_a_member_taken_out_leaves_the_others(document, layout, data):
    text = json.dumps(document, **layout).encode()
    key = data.draw(st.sampled_from(list(document)))
    rest = without_member(text, read_object(text, frozenset()), key)
    assert json.loads(rest) == {name: value for name, value in document.items() if name != key}


@given(objects.filter(bool), layouts, st.data())
def test_an_edit_moves_nothing_else(document, layout, data):
    text = json.dumps(document, **layout).encode()
    key = data.draw(st.sampled_from(list(document)))
    span = member_spans(text, read_object(text, frozenset()))[key]
    edit = Edit(text)
    edit.replace(span.start, span.end, b'"new"')
    assert edit.result() == text[: span.start] + b'"new"' + text[span.end :]
    assert json.loads(edit.result()) == document | {key: "new"}


def test_an_edit_without_changes_is_the_very_text():
    text = b'{"a":1}'
    assert Edit(text).result() is text


@pytest.mark.parametrize(
    ("text", "param", "words"),
    [
        (b'{"model":"a","model":"b"}', "model", "twice"),
        (b'{"x":1,"x":2}', "x", "twice"),
        (b'{"mod\\u0065l":"a","model":"b"}', "model", "twice"),
        (b'{"Model":"a"}', "Model", "'model'"),
        ('{"ſtream":true}'.encode(), "ſtream", "'stream'"),
        (b'{"maX_toKens":1}', "maX_toKens", "'max_tokens'"),
        ('{"ｍodel":1}'.encode(), "ｍodel", "'model'"),
        (b"[1]", None, "object"),
        (b'"x"', None, "object"),
        (b"", None, "not JSON"),
        (b"{", None, "not JSON"),
        (b'{"a":1}x', None, "not JSON"),
        (b"{'a':1}", None, "not JSON"),
    ],
)
def test_a_body_that_two_readers_could_read_differently_is_refused(text, param, words):
    with pytest.raises(BadRequest, match=words) as caught:
        read_object(text, KNOWN)
    assert caught.value.param == param


def test_unknown_fields_pass():
    assert read_object(b'{"whatever":1,"Other":2}', KNOWN) == {"whatever": Raw(b"1"), "Other": Raw(b"2")}


def test_the_place_of_a_nested_fault_is_named():
    with pytest.raises(BadRequest) as caught:
        read_objects(Raw(b'[{"a":1},{"a":1,"a":2}]'), KNOWN, "messages")
    assert caught.value.param == "messages[1].a"


@pytest.mark.parametrize("text", [b"\xff", b'{"a":"\xc3("}', b'{"a":"\xed\xa0\x80"}'])
def test_what_is_not_utf8_is_refused(text):
    with pytest.raises(BadRequest, match="UTF-8"):
        check_text(text)


@given(st.integers(1, 300), st.sampled_from([("[", "]"), ('{"a":', "}")]))
def test_depth_is_bounded_at_128(depth, brackets):
    text = (brackets[0] * depth + "1" + brackets[1] * depth).encode()
    if depth > 128:
        with pytest.raises(BadRequest, match="128"):
            check_text(text)
    else:
        check_text(text)


def test_brackets_in_strings_are_not_depth():
    check_text(msgspec.json.encode({"a": '["\\' * 500, "b": ["}" * 500]}))


def test_wide_is_not_deep():
    check_text(b"[" + b"[]," * 200_000 + b"[]]")


def test_ten_thousand_levels_are_refused_before_any_reader_sees_them():
    with pytest.raises(BadRequest, match="128"):
        check_text(b'{"a":' * 10_000)


@pytest.mark.parametrize("text", [b"[" * 129 + b'"' + b'\\"' * 5_000_000, b"[" * 129 + b'"\\' * 5_000_000])
def test_strings_without_end_are_read_once(text):
    """Were the search begun anew at each quote, this would take days."""
    with pytest.raises(BadRequest):
        check_text(text)


def test_a_string_that_ends_in_a_backslash_hides_nothing():
    with pytest.raises(BadRequest, match="128"):
        check_text(b"[" * 129 + b'"\\')


@pytest.mark.parametrize("part", [b'{"a":0},', b"{},", b'{"a":{}},'])
def test_a_hundred_thousand_objects_are_enough(part):
    check_text(b"[" + part * 45_000 + b"0]")
    with pytest.raises(BadRequest, match="100000"):
        check_text(b"[" + part * 110_000 + b"0]")


def test_colons_and_braces_in_strings_are_no_members():
    check_text(b'{"a":"' + b":{" * 200_000 + b'"}')


def test_many_numbers_are_no_members():
    check_text(b'{"input":[' + b"1," * 1_000_000 + b"1]}")


class _Nothing:
    """Stands for the reader of plain objects, and finds none."""

    def __call__(self, text):
        raise msgspec.DecodeError


def read_twice(read, *given):
    """What is read, or refused, with the short way and without it."""
    outcomes = []
    for short in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not short:
                patch.setattr(strict_json, "plain_object", _Nothing())
                patch.setattr(strict_json, "_plain_objects", _Nothing())
            try:
                outcomes.append(read(*given))
            except BadRequest as refusal:
                outcomes.append((refusal.message, refusal.param))
    return outcomes


escapes = st.sampled_from(["plain", "plain", "plain", "ascii", "all"])
keys = st.sampled_from(["model", "stream", "max_tokens", "Model", "ſtream", "other", "é", ""])


def spelled(text, how):
    if how == "all":
        return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
    return json.dumps(text, ensure_ascii=how == "ascii")


@st.composite
def object_texts(draw):
    """Any object, as text: compact or spaced, its keys of any spelling, some of them twice."""
    space = st.sampled_from(["", "", "", " ", "\n"]) if draw(st.booleans()) else st.just("")
    names = draw(st.lists(keys if draw(st.booleans()) else st.sampled_from(sorted(KNOWN)), max_size=4))
    members = []
    for name in names:
        value = json.dumps(draw(values), ensure_ascii=draw(st.booleans()), separators=(",", ":"))
        members.append(f"{draw(space)}{spelled(name, draw(escapes))}{draw(space)}:{draw(space)}{value}{draw(space)}")
    return f"{draw(space)}{{{','.join(members)}}}{draw(space)}".encode()


documents = object_texts() | st.sampled_from(
    [b"", b"{", b"{}", b"[]", b'{"model":1}x', b'{"model":1,}', b"null", b"1e9"]
)


@given(documents)
def test_the_short_way_reads_an_object_as_the_long_one(text):
    short, long = read_twice(read_object, text, KNOWN)
    assert short == long
    if isinstance(short, dict):
        assert list(short) == list(long)


@given(st.lists(documents, max_size=4), st.sampled_from([b",", b", "]))
def test_the_short_way_reads_objects_as_the_long_one(items, between):
    short, long = read_twice(read_objects, Raw(b"[" + between.join(items) + b"]"), KNOWN, "messages")
    assert short == long


def test_a_plain_object_goes_the_short_way(monkeypatch):
    """Else the tests above would show nothing."""
    monkeypatch.setattr(strict_json, "_OBJECT", None)
    monkeypatch.setattr(strict_json, "_OBJECTS", None)
    assert read_object(b'{"model":"a","stream":true}', KNOWN) == {"model": Raw(b'"a"'), "stream": Raw(b"true")}
    assert len(read_objects(Raw(b'[{"model":"a"},{"stream":{"a":1}}]'), KNOWN, "x")) == 2
