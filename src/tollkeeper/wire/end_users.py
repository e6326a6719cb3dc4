"""What apps call the people for whom they send requests: in headers, or in a field of the body.

HTTP has no one encoding of text in headers. Clients send UTF-8, ISO 8859-1, or, as Open WebUI does with names, UTF-8
that is percent-encoded; a percent sign that encodes nothing stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.fields import WithMembers
from tollkeeper.wire.strict_json import Members, read_string

HEADER = b"x-tollkeeper-user"
"""The header that is read first, wherever keys act for others by headers."""
OPEN_WEBUI = ("x-openwebui-user-id", "x-openwebui-user-email")
"""The headers of Open WebUI that tell people apart: names and roles may be those of several."""
PERSONAL: tuple[str, ...] = ("user", "safety_identifier")
"""The fields of OpenAI's APIs that hold a client's names of its users."""
MOST_CHARACTERS = 256
_MOST_BYTES = 12 * MOST_CHARACTERS + 2
"""Those of a JSON string of so many characters, each written as two escapes."""
_NULL = Raw(b"null")
_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def named_in_headers(headers: Iterable[tuple[bytes, bytes]], names: Sequence[bytes]) -> str | None:
    """What the first of these headers that has a value calls the person; None: none has. Names are in lower case.
    Raises BadRequest for a header with two values that differ, and for a value that is no name."""
    found: dict[bytes, set[bytes]] = {}
    for header, value in headers:
        if header in names and (text := value.strip(b" \t")):
            found.setdefault(header, set()).add(text)
    for header in names:
        if header in found:
            shown, values = header.decode("latin-1"), found[header]
            if len(values) > 1:
                raise BadRequest(f"The header '{shown}' is sent twice, with different values. Send one.", param=shown)
            return check_name(_decoded(values.pop()), shown)
    return None


def end_user(request: WithMembers) -> str | None:
    """What a request of OpenAI's APIs calls the person; None: nothing. Raises BadRequest."""
    return named_in_members(request.members)


def named_in_members(members: Members, fields: Sequence[str] = PERSONAL, within: str = "") -> str | None:
    """What the first of these fields of an object that has a value calls the person; None: none has. `within` is the
    path of the object, for errors. Raises BadRequest for a value that is no name."""
    for field in fields:
        raw = members.get(field)
        if raw is None or raw == _NULL:
            continue
        if len(raw) > _MOST_BYTES:
            raise _too_long(within + field)
        text = read_string(raw)
        if text is None:
            raise BadRequest(f"'{within}{field}' must be a string.", param=within + field)
        if text:
            return check_name(text, within + field)
    return None


def check_name(text: str, where: str) -> str:
    """The name, if it can be one. `where` is its header or field. Raises BadRequest."""
    if len(text) > MOST_CHARACTERS:
        raise _too_long(where)
    if _FORBIDDEN.search(text):
        raise BadRequest(f"'{where}' holds a control character. Send plain text.", param=where)
    return text


def _decoded(value: bytes) -> str:
    if b"%" in value and not _PERCENT.search(value):
        try:
            return unquote_to_bytes(value).decode()
        except UnicodeDecodeError:
            pass  # no encoded text: its percent signs are its own
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _too_long(where: str) -> BadRequest:
    return BadRequest(
        f"'{where}' is too long to name a person. Send at most {MOST_CHARACTERS} characters, such as an id.",
        param=where,
    )
