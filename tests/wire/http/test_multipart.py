"""Forms: read where they are, changed part by part, and refused where parsers might disagree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.http.multipart import MAX_PARTS, Form, is_form, read_form

ONCE = frozenset(("model", "user"))


def part(name: str, content: bytes, more: str = "", *headers: str) -> bytes:
    lines = [f'Content-Disposition: form-data; name="{name}"{more}', *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def form(*parts: bytes, boundary: bytes = b"xYz", end: bytes = b"--\r\n") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + each + b"\r\n" for each in parts) + b"--" + boundary + end


MODEL = part("model", b"whisper-1")
FILE = part("file", b"RIFF\x00\r\n--xY\r\n\r\n", '; filename="a b.wav"', "Content-Type: audio/wav")


def read(body: bytes) -> Form:
    return read_form(body, ONCE)


def test_fields_and_files_are_found_where_they_are():
    body = form(MODEL, FILE, part("include[]", b"a"), part("include[]", b""))
    found = read(body)
    assert [(each.name, each.is_file) for each in found.parts] == [
        ("model", False), ("file", True), ("include[]", False), ("include[]", False),
    ]  # fmt: skip
    assert [body[each.start : each.end] for each in found.parts] == [
        b"whisper-1",
        b"RIFF\x00\r\n--xY\r\n\r\n",
        b"a",
        b"",
    ]
    assert (found.text("model"), found.text("nothing")) == ("whisper-1", None)
    assert found.content_type == b"multipart/form-data; boundary=xYz"


@pytest.mark.parametrize(
    "body", [b"\r\n" + form(MODEL), form(MODEL, end=b"--"), form(MODEL, boundary=b"-" * 20 + b"9")]
)
def test_what_clients_vary_is_taken(body):
    assert read(body).text("model") == "whisper-1"


def test_a_boundary_that_is_no_token_is_quoted():
    assert read(form(MODEL, boundary=b"a b:c")).content_type == b'multipart/form-data; boundary="a b:c"'


def test_a_form_is_told_from_json():
    assert is_form(form(MODEL))
    assert is_form(b"\r\n" + form(MODEL))
    assert not is_form(b'{"model": "--x"}')


def test_texts_are_replaced_and_added_and_all_else_stays():
    changed = read(form(MODEL, FILE)).replaced({"model": "Größe", "response_format": "json"})
    assert changed == form(part("response_format", b"json"), part("model", "Größe".encode()), FILE)
    assert read(b"\r\n" + form(MODEL)).replaced({"user": "u"}) == form(part("user", b"u"), MODEL)
    assert read(changed).text("response_format") == "json"


def test_a_large_form_is_replaced_as_a_small_one():
    file = part("file", bytes(range(256)) * 20_000, '; filename="f"')
    assert read(form(file, MODEL)).replaced({"model": "m"}) == form(file, part("model", b"m"))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_content_is_what_it_was(one, other):
    if any(b"\r\n--xYz" in b"\r\n" + content + b"\r\n" for content in (one, other)):
        return
    body = form(part("a", one, '; filename="f"'), MODEL, part("b", other, '; filename="f"'))
    found = read(body)
    assert [body[each.start : each.end] for each in found.parts] == [one, b"whisper-1", other]
    assert found.replaced({"model": "whisper-1"}) == body


@pytest.mark.parametrize("size", [(1 << 20) - n for n in (40, 20, 10, 5, 1)] + [1 << 20, (1 << 20) + 1])
def test_a_delimiter_is_found_across_the_steps_of_a_search(size):
    body = form(part("file", b"x" * size, '; filename="f"'), MODEL)
    assert read(body).text("model") == "whisper-1"


HOSTILE = [
    (b"--" + b"x" * 71 + b"\r\n", "does not begin with its boundary"),
    (b"--x\n", "does not begin with its boundary"),
    (b"--x \r\n", "does not begin with its boundary"),
    (b"--x", "does not begin with its boundary"),
    (form(MODEL)[:-4], "cut off"),
    (form(MODEL, end=b"-"), "cut off"),
    (form(MODEL, end=b"z--\r\n"), "goes on"),
    (form(MODEL, end=b"  \r\n"), "goes on"),
    (form(MODEL) + b"more", "Something follows"),
    (form(MODEL, MODEL), "'model' is given twice"),
    (form(part("Model", b"m")), "looks like 'model'"),
    (form(part("model[]", b"m")), "looks like 'model'"),
    (form(part(" model", b"m")), "looks like 'model'"),
    (form(part("mo\\del", b"m")), "cannot be read"),
    (form(part("%6dodel", b"m")), "cannot be read"),
    (form(part("model", b"m", '; name="other"')), "cannot be read"),
    (form(part("model", b"m", "; name*=utf-8''other")), "cannot be read"),
    (form(b"Content-Disposition: attachment; name=model\r\n\r\nm"), "cannot be read"),
    (form(b"Content-Type: text/plain\r\n\r\nm"), "cannot be read"),
    (form(part("model", b"m", "", 'Content-Disposition: form-data; name="user"')), "given twice"),
    (form(part("model", b"bQ==", "", "Content-Transfer-Encoding: base64")), "is encoded"),
    (form(part("model", b"m", "", "X: a", " folded")), "A header of part 1"),
    (form(part("model", b"m", "", "no colon")), "A header of part 1"),
    (form(part("model", b"m", "", "X: a\nY: b")), "A header of part 1"),
    (form(b'Content-Disposition: form-data; name="model"'), "do not end"),
    (form(part("x", b"m", "", "X: " + "a" * 5000)), "do not end"),
    (form(*[part("x", b"")] * (MAX_PARTS + 1)), "over 256 parts"),
    (form(part("m\xff", b"")).replace(b"\xc3\xbf", b"\xff"), "is not UTF-8"),
]


@pytest.mark.parametrize(("body", "why"), HOSTILE)
def test_what_may_be_read_in_two_ways_is_refused(body, why):
    with pytest.raises(BadRequest, match=why):
        read(body)


@pytest.mark.parametrize(
    ("content", "more", "why"),
    [(b"m", '; filename="m"', "not a file"), (b"m" * 70_000, "", "short text"), (b"\xff", "", "not UTF-8")],
)
def test_a_text_is_no_file_and_short(content, more, why):
    with pytest.raises(BadRequest, match=why) as refused:
        read(form(part("model", content, more))).text("model")
    assert refused.value.param == "model"
