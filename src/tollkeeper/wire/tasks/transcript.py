"""Transcripts in the format that was asked for, from the JSON that the upstream was asked for to meter them; and how
long the audio was, by the times of subtitles."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from tollkeeper.rules.errors import UpstreamUnavailable

_TIMES = re.compile(rb"--> *(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{2})[.,]([0-9]{3})")
_TAIL = 4096
"""Bytes at the end of subtitles in which the last time stands."""


class _Transcript(Struct):
    text: str = ""


_read = msgspec.json.Decoder(_Transcript).decode


def as_text(body: bytes) -> bytes:
    """The text of a transcript in JSON, as the format `text` has it."""
    return _text(body).encode() + b"\n"


def as_json(body: bytes) -> bytes:
    """A verbose transcript with its text only, as the format `json` has it."""
    return msgspec.json.encode({"text": _text(body)})


def last_time(subtitles: bytes) -> int | None:
    """Milliseconds until the end of the last subtitle; None where there is none."""
    found = _TIMES.findall(subtitles[-_TAIL:])
    if not found:
        return None
    hours, minutes, seconds, rest = (int(part or 0) for part in found[-1])
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def _text(body: bytes) -> str:
    try:
        return _read(body).text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamUnavailable("The upstream answered with a transcript that cannot be read.") from None
