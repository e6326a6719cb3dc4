"""Fields that OpenAI documents as always there in a whole answer of a chat, and that other servers leave out.

Clients that check answers against its schema need them. They are put into the upstream's own bytes.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

import msgspec
from msgspec import Raw

from tollkeeper.rules.ids import made_at
from tollkeeper.wire.json_scan import NotJson, Steps, TextSpan, items, members
from tollkeeper.wire.openai.chunks import ABSENT, MAX_CHOICES, ResponseBody

_KEY = b'"message":'
_USUAL_MESSAGE = b'{"role":"assistant","content":'
"""As nearly all servers write them."""
_find_message = re.compile(rb'"message"\s*:\s*').finditer
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_choices = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def with_required(body: bytes, answer: ResponseBody, model: str, request_id: str) -> bytes:
    """The body of a whole answer with those of these fields that are missing. `answer` is what was read from it,
    `model` is the name that was requested."""
    usual = _as_usual(body, answer)
    if usual is not None:
        return usual
    try:
        fields = _decode_members(body)
        found = _decode_choices(fields["choices"])
        parts, at = _beginning(body, fields, model, request_id)
        for place, choice in enumerate(found):
            message = bytes(choice["message"])
            start = _place_of(message, body, at)
            parts += (body[at : start + 1], _in_message(_decode_members(message)), message[1:])
            parts.append(_in_choice(choice, place))
            at = start + len(message)
    except (*_UNREADABLE, LookupError):
        return body  # a choice has no message, or its text was changed before it was read
    parts.append(body[at:])
    return b"".join(parts)


def _as_usual(body: bytes, answer: ResponseBody) -> bytes | None:
    """The same, quickly, where the only choice is written as nearly all servers do; None: it is not."""
    if not answer.choices or len(answer.choices) > 1:
        return None
    [choice] = answer.choices
    if answer.object is ABSENT or answer.created is ABSENT or answer.model is ABSENT or choice.index is ABSENT:
        return None
    message = bytes(choice.message)
    start = body.find(_KEY) + len(_KEY)
    end = start + len(message)
    if message[: len(_USUAL_MESSAGE)] != _USUAL_MESSAGE or body[start:end] != message:
        return None
    # A quote in a string is escaped, so this is a key.
    refusal = b"" if b'"refusal":' in message else b'"refusal":null,'
    logprobs = b',"logprobs":null' if choice.logprobs is ABSENT else b""
    if not (refusal or logprobs):
        return body
    return b"".join((body[: start + 1], refusal, message[1:], logprobs, body[end:]))


def _beginning(body: bytes, fields: Mapping[str, Raw], model: str, request_id: str) -> tuple[list[bytes], int]:
    """What comes before the first field, with what is missing among them, and where the first one begins."""
    missing = _in_front(fields, model, request_id)
    at = body.index(b"{") + 1 if missing else 0
    return [body[:at], missing], at


def _place_of(message: bytes, body: bytes, at: int) -> int:
    """Where a message stands in the body. Raises LookupError where it does not."""
    if message.startswith(b"{"):
        for key in _find_message(body, at):
            if body.startswith(message, key.end()):
                return key.end()
    raise LookupError


def put_required(body: bytearray, model: str, request_id: str) -> Steps[None]:
    """As `with_required`, in steps, in a body of any length, which is changed in place."""
    try:
        gaps = yield from _gaps(body, model, request_id)
    except NotJson:
        return  # its choices are of another shape
    for at, fields in reversed(gaps):
        if fields:
            body[at:at] = fields
            yield


def _gaps(body: bytearray, model: str, request_id: str) -> Steps[list[tuple[int, bytes]]]:
    """The places where fields may be missing, in order, and what to put there."""
    found = yield from members(body)
    gaps = [(body.index(b"{") + 1, _in_front(_names(found), model, request_id))]
    choices = yield from items(body, found[b"choices"][0], MAX_CHOICES)
    for place, (at, _) in enumerate(choices):
        choice = yield from members(body, at)
        start, end = choice.get(b"message", (at, at))
        if start == end:
            raise NotJson
        message = yield from members(body, start)
        gaps += [(start + 1, _in_message(_names(message))), (end, _in_choice(_names(choice), place))]
    return gaps


def _names(spans: Mapping[bytes, TextSpan]) -> set[str]:
    return {name.decode("latin-1") for name in spans}


def _in_front(has: Container[str], model: str, request_id: str) -> bytes:
    """What is missing in the answer itself, each field with a comma behind it: it has others."""
    fields = b"" if "object" in has else b'"object":"chat.completion",'
    if "created" not in has:
        fields += b'"created":%d,' % (made_at(request_id) // 1000)
    if "model" not in has:
        fields += b'"model":%b,' % msgspec.json.encode(model)
    return fields


def _in_message(has: Mapping[str, Raw] | set[str]) -> bytes:
    """What is missing in a message, each field with a comma behind it where others follow."""
    fields = b"" if "role" in has else b'"role":"assistant",'
    if "content" not in has:
        fields += b'"content":null,'
    if "refusal" not in has:
        fields += b'"refusal":null,'
    return fields if has else fields[:-1]


def _in_choice(has: Container[str], place: int) -> bytes:
    """What is missing beside a message, each field with a comma before it."""
    fields = b"" if "index" in has else b',"index":%d' % place
    return fields if "logprobs" in has else fields + b',"logprobs":null'
