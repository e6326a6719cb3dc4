"""Idempotency keys as clients send them, and what a retry has in common with the request before it."""

from __future__ import annotations

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.http.idempotency import HEADER, fingerprint, read_key

OTHER = (b"content-type", b"application/json")
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize("key", ["a", "a" * 255, "8e03978e-40d5-43dd-bc93-6894a57f9324", '"quoted"', "with spaces ~!"])
def test_a_key_is_1_to_255_printable_ascii_characters(key):
    assert read_key([OTHER, (HEADER, key.encode())]) == key


@pytest.mark.parametrize("value", [b"", b"a" * 256, b"caf\xc3\xa9", b"tab\there", b"null\0", b"del\x7f", b"\xff"])
def test_any_other_key_is_refused_by_the_name_of_its_header(value):
    with pytest.raises(BadRequest, match="Idempotency-Key must be 1 to 255 printable ASCII") as refused:
        read_key([OTHER, (HEADER, value)])
    assert (refused.value.status, refused.value.param) == (400, "Idempotency-Key")


def test_two_keys_are_refused_the_same_or_not():
    for second in (b"a", b"b"):
        with pytest.raises(BadRequest, match="2 Idempotency-Key headers"):
            read_key([(HEADER, b"a"), OTHER, (HEADER, second)])


def test_the_same_request_has_the_same_fingerprint():
    assert fingerprint(CHAT, b'{"model": "a"}') == fingerprint(CHAT, bytes(bytearray(b'{"model": "a"}')))


def test_another_path_or_body_has_another_fingerprint():
    requests = [
        (CHAT, b'{"model": "a"}'), (CHAT, b'{"model": "b"}'), (CHAT, b'{"model":"a"}'), (CHAT, b""),
        ("/v1/completions", b'{"model": "a"}'), ("/v1", b'/chat/completions\n{"model": "a"}'),
        ("/a", b"\n"), ("/a\n", b""),
    ]  # fmt: skip
    assert len({fingerprint(*request) for request in requests}) == len(requests)


def a_form(boundary: bytes, *parts: bytes) -> bytes:
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def test_the_boundary_of_a_form_does_not_count():
    """The openai SDK draws a new one for each of its retries."""
    parts = (b'Content-Disposition: form-data; name="model"\r\n\r\na', b"x: y\r\n\r\n--\r\n--no\r\n\0\xff")
    first = fingerprint("/v1/audio/translations", a_form(b"6f1ed002ab5595859014ebf0951522d9", *parts))
    assert first == fingerprint("/v1/audio/translations", a_form(b"another", *parts))


def test_what_is_in_a_form_does_count():
    forms = [
        a_form(b"b", b"a\r\n\r\n1", b"b\r\n\r\n2"), a_form(b"b", b"a\r\n\r\n1\r\n--b\r\nb\r\n\r\n3"),
        a_form(b"b", b"b\r\n\r\n2", b"a\r\n\r\n1"), a_form(b"b", b"a\r\n\r\n1"),
        a_form(b"b", b"a\r\n\r\n1", b"b\r\n\r\n2")[:-4],
        a_form(b"b", b"a\r\n\r\n1b\r\n\r\n2"), b"",
    ]  # fmt: skip
    assert len({fingerprint("/v1/audio/translations", form) for form in forms}) == len(forms)
