"""What apps call the people whom they ask for: read right from headers and bodies, or refused."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.dialects import DIALECTS
from tollkeeper.wire.end_users import HEADER, MOST_CHARACTERS, named_in_headers, named_in_members

NAMES = (HEADER, b"x-openwebui-user-id", b"x-openwebui-user-email")
PEOPLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=80).filter(
    lambda text: text == text.strip(" \t")
)


def read(*headers: tuple[bytes, bytes]) -> str | None:
    return named_in_headers(headers, NAMES)


def test_the_first_header_that_has_a_value_names_the_person() -> None:
    mail, own = (b"x-openwebui-user-email", b"mia@example.org"), (HEADER, b"mia")
    assert read(mail, (b"x-openwebui-user-id", b"17"), (b"user", b"no")) == "17"
    assert read(mail, (b"x-openwebui-user-id", b""), own) == "mia"
    assert read(mail, (b"x-openwebui-user-id", b" \t"), (HEADER, b"")) == "mia@example.org"
    assert read((b"x-openwebui-user-role", b"admin"), (b"x-openwebui-user-name", b"Mia")) is None
    assert read() is None


def test_a_header_that_is_sent_twice_must_say_the_same() -> None:
    assert read((HEADER, b"mia"), (HEADER, b" mia")) == "mia"
    with pytest.raises(BadRequest) as refused:
        read((HEADER, b"mia"), (HEADER, b"noa"))
    assert refused.value.param == "x-tollkeeper-user"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("Zoë".encode(), "Zoë"),
        ("Zoë".encode("latin-1"), "Zoë"),
        (b"Zo%C3%AB", "Zoë"),
        (b"Anna Zo%c3%ab", "Anna Zoë"),
        (b"%E5%BC%A0", "张"),
        (b"100%", "100%"),
        (b"50%zz%41", "50%zz%41"),
        (b"%E4", "%E4"),
        (b"a+b@example.org", "a+b@example.org"),
    ],
)
def test_a_header_is_read_in_any_encoding_that_clients_use(sent: bytes, text: str) -> None:
    assert read((HEADER, sent)) == text


@given(PEOPLE)
def test_a_name_as_open_webui_encodes_it_comes_back(person: str) -> None:
    assert read((HEADER, quote(person, safe=" ").encode())) == person


@pytest.mark.parametrize(
    "sent", [b"a\x00b", b"a\x7f", b"a\x1bb", b"a%0Ab", b"%00", b"a\xc2\x85b", b"a\x85b", b"a%E2%80%A8b"]
)
def test_control_characters_are_refused_however_they_are_written(sent: bytes) -> None:
    with pytest.raises(BadRequest, match="control character") as refused:
        read((HEADER, sent))
    assert refused.value.param == "x-tollkeeper-user"


def test_a_name_has_256_characters_at_most() -> None:
    assert read((HEADER, "ë".encode() * MOST_CHARACTERS)) == "ë" * MOST_CHARACTERS
    for sent in (b"x" * 257, b"%41" * 257, b"x" * 60_000):
        with pytest.raises(BadRequest, match="at most 256 characters"):
            read((HEADER, sent))


def members(**fields: object) -> dict[str, Raw]:
    return {name: Raw(json.dumps(value).encode()) for name, value in fields.items()}


def test_a_body_names_the_person_by_user_or_else_by_safety_identifier() -> None:
    assert named_in_members(members(user="mia", safety_identifier="noa")) == "mia"
    assert named_in_members(members(user=None, safety_identifier="noa")) == "noa"
    assert named_in_members(members(user="", safety_identifier="noa")) == "noa"
    assert named_in_members(members(user="Zo%C3%AB")) == "Zo%C3%AB", "text of JSON needs no other encoding"
    assert named_in_members(members(user="𝒳" * MOST_CHARACTERS)) == "𝒳" * MOST_CHARACTERS
    assert named_in_members(members(model="tiny")) is None


@pytest.mark.parametrize("value", [7, True, {"id": 1}, ["mia"], "x" * 257, "x" * 10**6, "a\nb", "a\u2028b"])
def test_a_field_that_cannot_be_a_name_is_refused(value: object) -> None:
    with pytest.raises(BadRequest) as refused:
        named_in_members(members(user=value))
    assert refused.value.param == "user"


BY_DIALECT = {dialect.name: dialect for dialect in DIALECTS}


def asked(dialect_name: str, path: str, **fields: object) -> str | None:
    dialect = BY_DIALECT[dialect_name]
    endpoint = next(endpoint for endpoint in dialect.endpoints if endpoint.path == path)
    named: str | None = dialect.end_user(dialect.read_request(json.dumps({"model": "m", **fields}).encode(), endpoint))
    return named


CHAT_FIELDS = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("dialect", "path", "fields"),
    [
        ("openai", "/v1/chat/completions", CHAT_FIELDS),
        ("openai", "/v1/completions", {"prompt": "hi"}),
        ("openai", "/v1/embeddings", {"input": "hi"}),
        ("responses", "/v1/responses", {"input": "hi"}),
        ("tasks", "/v1/images/generations", {"prompt": "hi"}),
        ("tasks", "/v1/audio/speech", {"input": "hi", "voice": "ash"}),
    ],
)
def test_each_of_openais_apis_names_the_person_the_same_way(dialect: str, path: str, fields: dict[str, object]) -> None:
    assert asked(dialect, path, **fields, user="mia") == "mia"
    assert asked(dialect, path, **fields, safety_identifier="noa") == "noa"
    assert asked(dialect, path, **fields) is None


def test_messages_names_the_person_in_its_metadata() -> None:
    path, fields = "/v1/messages", {**CHAT_FIELDS, "max_tokens": 5}
    assert asked("anthropic", path, **fields, metadata={"user_id": "mia"}) == "mia"
    assert asked("anthropic", path, **fields, metadata={}) is None
    assert asked("anthropic", path, **fields, user="mia") is None
    with pytest.raises(BadRequest) as refused:
        asked("anthropic", path, **fields, metadata={"user_id": "x" * 300})
    assert refused.value.param == "metadata.user_id"


def test_ollamas_own_api_names_nobody() -> None:
    assert asked("ollama", "/api/chat", **CHAT_FIELDS, user="mia") is None


def test_a_form_names_the_person_in_a_field() -> None:
    dialect = BY_DIALECT["tasks"]
    endpoint = next(endpoint for endpoint in dialect.endpoints if endpoint.path == "/v1/images/edits")
    parts = [("model", "m"), ("prompt", "hi"), ("safety_identifier", "Zoë")]
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value.encode())
        for name, value in parts
    )
    body += b"--b--\r\n"
    assert dialect.end_user(dialect.read_request(body, endpoint)) == "Zoë"
