"""Forms with files: `multipart/form-data` (RFC 7578), read where they are and changed part by part.

    --boundary CRLF headers CRLF CRLF content CRLF --boundary … CRLF --boundary--

The boundary is taken from the body, which begins with it, and is sent on in the gateway's own header: so the upstream
cuts the form where the gateway did. What parsers may read in two ways is refused: a delimiter that goes on, folded
headers, a name that is escaped or encoded, a coded part, a known name in another spelling or twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set

from msgspec import Struct

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.json_slices import LARGE, joined

MAX_PARTS = 256
_MAX_HEADERS = 4096
_MAX_TEXT = 65_536
_STEP = 1 << 20
"""Bytes that are searched in one call: within one, no other thread can run."""
_FIRST = re.compile(rb"(?:\r\n)?--([0-9A-Za-z'()+_,./:=? -]{1,70})\r\n")
_TOKEN = re.compile(rb"[0-9A-Za-z'+_.-]+")
_DISPOSITION = re.compile(
    rb'form-data((?:\s*;\s*(?:name|filename|filename\*)\s*=\s*(?:"[^"\r\n]*"|[^\s";]+))+)\s*;?', re.IGNORECASE
)
_PARAMETER = re.compile(rb';\s*(name|filename|filename\*)\s*=\s*(?:"([^"]*)"|([^\s";]+))', re.IGNORECASE)
_PLAIN_CODINGS = (b"7bit", b"8bit", b"binary")


class Part(Struct, frozen=True, gc=False):
    """One part: the name of its field, where its content begins and ends, and whether it is a file."""

    name: str
    start: int
    end: int
    is_file: bool


class Form(Struct, frozen=True):
    """A form. `parts` are in their order; `start`: where the first delimiter begins."""

    body: bytes
    boundary: bytes
    start: int
    parts: tuple[Part, ...]

    @property
    def content_type(self) -> bytes:
        """The media type with which it is sent."""
        quoted = self.boundary if _TOKEN.fullmatch(self.boundary) else b'"%b"' % self.boundary
        return b"multipart/form-data; boundary=" + quoted

    def named(self, name: str) -> Part | None:
        """The first part of a field."""
        return next((part for part in self.parts if part.name == name), None)

    def text(self, name: str) -> str | None:
        """The text of a field; None where it is absent. Raises BadRequest where it is a file, long, or not UTF-8."""
        part = self.named(name)
        if part is None:
            return None
        if part.is_file or part.end - part.start > _MAX_TEXT:
            raise BadRequest(f"'{name}' must be a short text, not a file.", param=name)
        try:
            return self.body[part.start : part.end].decode()
        except UnicodeDecodeError:
            raise BadRequest(f"'{name}' is not UTF-8.", param=name) from None

    def replaced(self, fields: Mapping[str, str]) -> bytes:
        """The form with these texts as the content of all parts of these fields; those that it lacks are added in
        front."""
        view = memoryview(self.body)
        pieces: list[bytes | memoryview] = []
        for name in fields:
            if self.named(name) is None:
                head = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n' % (self.boundary, name.encode())
                pieces.append(head + fields[name].encode() + b"\r\n")
        at = self.start
        for part in self.parts:
            if part.name in fields:
                pieces += (view[at : part.start], fields[part.name].encode())
                at = part.end
        pieces.append(view[at:])
        return joined(pieces) if len(view) > LARGE else b"".join(pieces)


def is_form(body: bytes) -> bool:
    """Whether a body begins as a form does, and as no JSON can."""
    return body.startswith((b"--", b"\r\n--"))


def read_form(body: bytes, single: Set[str]) -> Form:
    """Read a form; `single` are the fields that it may have once. Raises BadRequest."""
    first = _FIRST.match(body)
    if first is None or first[1].endswith(b" "):
        raise BadRequest(
            "The form does not begin with its boundary. Send multipart/form-data as RFC 7578 has it: "
            "'--boundary', CRLF, and the first part."
        )
    boundary = first[1]
    parts: list[Part] = []
    seen: set[str] = set()
    for start, end in _parts(body, first.end(), b"\r\n--" + boundary):
        if len(parts) == MAX_PARTS:
            raise BadRequest(f"The form has over {MAX_PARTS} parts. Send fewer.")
        part = _part(body, start, end, f"part {len(parts) + 1}")
        _check_name(part, single, seen)
        parts.append(part)
    return Form(body, boundary, first.start(1) - 2, tuple(parts))


def between_boundaries(body: bytes) -> Iterator[memoryview]:
    """What lies between the delimiters of a form, whatever its boundary is; of another body, the whole."""
    view, first, at = memoryview(body), _FIRST.match(body), 0
    if first is not None:
        delimiter, at = b"\r\n--" + first[1], first.end(1)
        while (found := _find(body, delimiter, at)) >= 0:
            yield view[at:found]
            at = found + len(delimiter)
    yield view[at:]


def _check_name(part: Part, single: Set[str], seen: set[str]) -> None:
    name = part.name
    if name not in single:
        meant = name.strip().casefold().removesuffix("[]")
        if meant in single:
            raise BadRequest(f"'{name}' looks like '{meant}' but is spelled otherwise. Write '{meant}'.", param=name)
    elif name in seen:
        raise BadRequest(f"'{name}' is given twice. Give it once.", param=name)
    seen.add(name)


def _parts(body: bytes, at: int, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Where each part begins and ends, up to the delimiter that closes the form."""
    while True:
        found = _find(body, delimiter, at)
        if found < 0 or len(body) < found + len(delimiter) + 2:
            raise BadRequest("The form is cut off: it does not end with '--boundary--'.")
        yield at, found
        at = found + len(delimiter) + 2
        follows = body[at - 2 : at]
        if follows == b"--":
            if body[at : at + 3] not in (b"", b"\r\n"):
                raise BadRequest("Something follows the end of the form. Send nothing after '--boundary--'.")
            return
        if follows != b"\r\n":
            raise BadRequest("A line of the form begins with its boundary and goes on. Choose another boundary.")


def _find(body: bytes, what: bytes, at: int) -> int:
    """As `bytes.find`, in steps."""
    for start in range(at, len(body), _STEP):
        found = body.find(what, start, start + _STEP + len(what))
        if found >= 0:
            return found
    return -1


def _part(body: bytes, start: int, end: int, where: str) -> Part:
    stop = body.find(b"\r\n\r\n", start, min(end, start + _MAX_HEADERS))
    if stop < 0:
        raise BadRequest(f"The headers of {where} of the form do not end, or have over {_MAX_HEADERS} bytes.")
    disposition = None
    for line in body[start:stop].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        lower = name.lower()
        if not colon or not _TOKEN.fullmatch(name) or b"\r" in value or b"\n" in value:
            raise BadRequest(f"A header of {where} of the form is broken. Send 'name: value' in one line.")
        if lower == b"content-disposition":
            if disposition is not None:
                raise BadRequest(f"The name of {where} of the form is given twice. Give it once.")
            disposition = value.strip()
        elif lower == b"content-transfer-encoding" and value.strip().lower() not in _PLAIN_CODINGS:
            raise BadRequest(f"The content of {where} of the form is encoded. Send it as it is.")
    name_given, is_file = _disposition(disposition or b"", where)
    return Part(name_given, stop + 4, end, is_file)


def _disposition(value: bytes, where: str) -> tuple[str, bool]:
    found = _DISPOSITION.fullmatch(value)
    given = [(key.lower(), quoted or plain) for key, quoted, plain in _PARAMETER.findall(found[1])] if found else []
    names = [text for key, text in given if key == b"name"]
    if len(names) != 1 or b"\\" in names[0] or b"%" in names[0]:
        raise BadRequest(
            f"The name of {where} of the form cannot be read. Send 'Content-Disposition: form-data; name=\"field\"'."
        )
    try:
        return names[0].decode(), len(given) > 1
    except UnicodeDecodeError:
        raise BadRequest(f"The name of {where} of the form is not UTF-8.") from None
