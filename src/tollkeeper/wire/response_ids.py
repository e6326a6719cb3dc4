"""The gateway's ids in place of the upstream's, in events and bodies that otherwise keep their bytes.

Ollama's ids repeat (`chatcmpl-0` … `chatcmpl-999`), so each response gets one of the gateway.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.sse import as_event, event_data

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def decode_edited(text: bytes) -> dict[str, Raw] | None:
    """The fields of a text to be edited; None: parsers refuse it, so it stays unchanged."""
    try:
        return _decode_members(text)
    except UnicodeDecodeError:
        raise UpstreamFailure("The upstream sent JSON with a name that cannot be read.") from None
    except (msgspec.DecodeError, RecursionError):
        return None


def with_id(text: bytes, old_id: str, response_id: str) -> bytes:
    """A body with the gateway's id: at once where the id comes first, as nearly all servers write it, which takes a
    fifth of the instructions of `IdSplice`."""
    first = b'{"id":' + msgspec.json.encode(old_id)
    if text[: len(first)] == first:
        return b'{"id":"%b"%b' % (response_id.encode(), text[len(first) :])
    return IdSplice(response_id)(text, old_id)


class IdSplice:
    """Replaces the `id` of events or bodies and no other byte. Remembers the bytes of the last one."""

    __slots__ = ("_id", "_new", "_old", "token")

    def __init__(self, response_id: str) -> None:
        self.token = b'"' + response_id.encode() + b'"'
        self._id: str | None = None
        self._old = b""
        self._new = b""

    def __call__(self, text: bytes, old_id: str) -> bytes:
        if old_id != self._id or not self._old or self._old not in text:  # the old bytes may be of another id
            self._id = old_id
            old = msgspec.json.encode(old_id)
            self._old = _id_member(text, old)
            if not self._old:
                return self._rebuilt(text)
            self._new = self._old[: -len(old)] + self.token
        return text.replace(self._old, self._new, 1)

    def _rebuilt(self, text: bytes) -> bytes:
        """The text encoded again, for an id with escapes, which no known server writes: keeps fields, not spacing."""
        data = event_data(text)
        members = decode_edited(data if data is not None else text)
        if members is None:
            return text
        members["id"] = Raw(self.token)
        rebuilt = msgspec.json.encode(members)
        return as_event(rebuilt) if data is not None else rebuilt


_ID_KEY = re.compile(rb'"id"\s*:\s*')


def _id_member(text: bytes, token: bytes) -> bytes:
    """The bytes of the member `id` with the value `token`, or b"". One pattern for all ids: a pattern for each would
    have to be compiled, at ten times the cost of everything else here."""
    # A quote inside of a JSON string is escaped, so `"id":` with bare quotes can only be a key.
    for key in _ID_KEY.finditer(text):
        if text.startswith(token, key.end()):
            return text[key.start() : key.end() + len(token)]
    return b""
