"""What is read in slices must be read as it would be at once, and no slice may be long."""

import json
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire import json_slices, strict_json
from tollkeeper.wire.json_slices import (
    LARGE,
    check_large,
    large_items,
    large_members,
    large_string,
    string_parts,
    without_surrogates,
)
from tollkeeper.wire.strict_json import member_spans, read_items, read_object, read_objects, read_string

texts = st.text(st.sampled_from('a\\"é😀[]{},:\n\t\ud7ff'), max_size=30) | st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=20,
)
objects = st.dictionaries(texts, values, max_size=4)
layouts = st.sampled_from([{}, {"indent": 3}, {"separators": (",", ":")}, {"ensure_ascii": False}])
SLICES = (24, 25, 37)


def in_slices(size, work, *given_):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_slices, "_SLICE", size)
        patch.setattr(json_slices, "_FIRST_SLICE", 8)
        return work(*given_)


def passes(text, size):
    try:
        in_slices(size, check_large, text)
    except BadRequest:
        return False
    return True


def is_json(text):
    try:
        text.decode()
        msgspec.json.decode(text.replace(b"\\ud", b"\\u0").replace(b"\\uD", b"\\u0"), type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


@given(objects, layouts, st.sampled_from(SLICES), st.booleans())
def test_a_document_is_found_as_it_is(document, layout, size, spaced):
    text = json.dumps(document, **layout).encode()
    if spaced:
        text = b" \n" * 30 + text.replace(b" ", b" " * 40) + b"\t" * 50
        document = json.loads(text)
    in_slices(size, check_large, text)
    spans = in_slices(size, large_members, text)
    found = [(json.loads(text[s.key_start : s.key_end]), json.loads(text[s.start : s.end])) for s in spans]
    assert found == list(document.items())
    for span in spans:
        value = text[span.start : span.end]
        if value.startswith(b"["):
            items = in_slices(size, lambda start: list(large_items(text, start)), span.start)
            assert [json.loads(text[start:end]) for start, end in items] == json.loads(value)
        if value.startswith(b'"'):
            assert in_slices(size, large_string, value) == json.loads(value)


@pytest.mark.parametrize("size", SLICES)
def test_what_is_no_json_is_refused_wherever_it_is_cut(size):
    """Documents with one or two bytes changed: refused exactly where the parser refuses them whole."""
    dice = random.Random(size)
    seed = {"a": ["x\\", '"', {"b": {}, "ü": [1, -2.5e10, None, True]}], "c": {"d": "😀" * 9, "e": [[], [[]]]}}
    whole = json.dumps(seed, ensure_ascii=False).encode()
    for _ in range(1500):
        text = bytearray(whole)
        for _ in range(dice.randrange(1, 3)):
            place = dice.randrange(len(text))
            text[place : place + dice.randrange(2)] = dice.choice([b"", b"%c" % dice.choice(b'[]{}",:\\a1 \xc3')])
        assert passes(bytes(text), size) == is_json(bytes(text)), bytes(text)


@pytest.mark.parametrize("text", [b'{"a":1,}', b'{"a":[1,],"b":2}', b'{"a":1}{"b":2}', b'{"a":1},{"b":2}', b'{"a":1}x'])
@pytest.mark.parametrize("place", range(30))
def test_no_cut_hides_a_fault(text, place):
    """At each distance from the end of a slice."""
    assert not passes(b" " * place + text + b" " * 40, 24)
    assert not passes(b'{"":[' + b"1," * place + b"0]}" + text, 24)


BIG = 3 * LARGE
HOSTILE = {
    "one string": b'{"a":"%b"}' % (b"x" * BIG),
    "characters of four bytes": b'{"a":"%b"}' % ("😀".encode() * (BIG // 4)),
    "small strings": b'{"a":[%b""]}' % (b'"x",' * (BIG // 4)),
    "escapes": b'{"a":"%b"}' % (rb"\u0041" * (BIG // 6)),
    "pairs": b'{"a":"%b"}' % (rb"\ud83d\ude00" * (BIG // 12)),
    "quotes": b'{"a":"%b"}' % (rb"\"" * (BIG // 2)),
    "backslashes": b'{"a":"%b"}' % (rb"\\" * (BIG // 2)),
    "brackets in a string": b'{"a":"%b"}' % (b"[{" * (BIG // 2)),
    "numbers": b'{"a":[%b1]}' % (b"1," * (BIG // 2)),
    "arrays": b'{"a":[%b0]}' % (b"[]," * (BIG // 3)),
    "deep": b'{"a":[%b0]}' % ((b"[" * 126 + b"]" * 126 + b",") * (BIG // 253)),
    "white space": b'{"a":%b1%b}' % (b" " * BIG, b"\n" * BIG),
    "a key": b'{"%b":1}' % (b"x" * BIG),
    "members": b'{%b"":1}' % b"".join(b'"k%d":1,' % n for n in range(BIG // 12)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_step_reads_more_than_a_few_slices(name, monkeypatch):
    """A step holds the interpreter for as long as it takes, whichever thread it runs in."""
    seen: list[int] = []
    check = json_slices._check

    def watched(window):
        seen.append(len(window))
        return check(window)

    monkeypatch.setattr(json_slices, "_check", watched)
    check_large(HOSTILE[name])
    assert len(seen) < 2 * len(HOSTILE[name]) / json_slices._SLICE + 3
    assert max(seen) < 3 * json_slices._SLICE


@pytest.mark.parametrize(
    "text",
    [
        b"[" * BIG,
        b'{"a":%b' % (b"[" * 200 + b" " * BIG),
        b'{"a":[%b0]}' % (b"{}," * (BIG // 3)),
        b'{"a":{%b"":0}}' % (b'"":0,' * (BIG // 3)),
        b'{"a":%b}' % (b"1" * (json_slices.MAX_NUMBER + BIG)),
        b'{"a":"%b\xff"}' % (b"x" * BIG),
        b'{"a":"%b' % (b"x" * BIG),
        b"[" * 129 + b'"' + b'\\"' * BIG,
    ],
)
def test_what_is_too_deep_too_many_or_no_json_is_refused(text):
    with pytest.raises(BadRequest):
        check_large(text)


def test_large_values_are_read_as_small_ones():
    long = "é" * LARGE + "\n"
    document = {"model": "a", "messages": [{"role": long, "x": [1]}, {"y": 2}], "z": [long] * 3}
    text = json.dumps(document).encode()
    members = read_object(text, {"model", "messages"})
    assert {name: json.loads(bytes(raw)) for name, raw in members.items()} == document
    messages = read_objects(members["messages"], {"role"}, "messages")
    assert [{name: json.loads(bytes(raw)) for name, raw in m.items()} for m in messages] == document["messages"]
    assert read_string(messages[0]["role"]) == long
    assert [read_string(item) for item in read_items(members["z"], "z")] == document["z"]
    spans = member_spans(text, members)
    assert {name: json.loads(text[span.start : span.end]) for name, span in spans.items()} == document


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a":1,"a":2,"b":"%b"}' % (b"x" * BIG), "twice"),
        (b'{"Model":1,"b":"%b"}' % (b"x" * BIG), "'model'"),
        (b'["%b"]' % (b"x" * BIG), "JSON object"),
        (b'{"%b":1}' % (b"x" * BIG), "key"),
    ],
)
def test_large_objects_are_held_to_the_same_rules(text, words):
    check_large(text)
    with pytest.raises(BadRequest, match=words):
        read_object(text, {"model"})


def test_a_long_key_is_not_folded(monkeypatch):
    """To fold thousands of combining marks takes seconds."""
    monkeypatch.setattr(strict_json, "normalize", None)
    marks = "".join(map(chr, (0x301, 0x316) * 10_000))
    assert marks in read_object(json.dumps({marks: 1}).encode(), {"model"})


@given(st.lists(st.sampled_from([r"\ud83d", r"\ude00", r"\\", r"\n", "a", "é", r"\u0041", r"\uDBFF", r"\udc00"])))
def test_halves_of_pairs_are_replaced_wherever_the_text_is_cut(parts):
    text = f'"{"".join(parts)}"'.encode()
    whole = in_slices(24, without_surrogates, text)
    assert len(whole) == len(text)
    read = json.loads(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert json.loads(whole).count("\ufffd") == read.count("\ufffd")
    json.loads(whole).encode()


@given(texts, st.integers(1, 4))
def test_a_string_is_written_in_parts(text, size):
    parts = in_slices(size, string_parts, text)
    assert b"".join(parts) == msgspec.json.encode(text)
    assert max(map(len, parts)) <= max(2, 6 * size + 2)
