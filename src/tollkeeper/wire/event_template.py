"""Templates of events that differ from an earlier one only in their texts, as nearly all of a stream do.

    {"id":"7","choices":[{"delta":{"content":"Hello"}}],"obfuscation":"xyz"}     as the upstream sends it
    {"id":"a","choices":[{"delta":{"content":"Hello"}}],"obfuscation":"xyz"}     as it is passed on
    └────────────── before ───────────────┘     └─── between ────┘   └after┘

Such an event need not be parsed. Everything around the texts must be the same byte for byte, and each text must be the
whole inside of a JSON string, so that no parser can see another structure.
"""

from __future__ import annotations

import re

from tollkeeper.wire.http.chunks import FIRST_LINES, LARGEST, SIZE_LINES, ChunkPath
from tollkeeper.wire.response_names import Rename

_TEXT = rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u(?:[0-9a-cefA-CEF][0-9a-fA-F]|[dD][0-7])[0-9a-fA-F]{2})++'
"""The inside of a JSON string that is not empty and has no half of a surrogate pair in an escape."""
_is_text = re.compile(_TEXT).fullmatch
_PLAIN = bytes(byte if byte >= 0x20 and byte not in b'"\\' else byte ^ 0x80 for byte in range(256))
"""A translation that changes all that a JSON string cannot contain as it is, and nothing else."""
_NONE_PLAIN = bytes(byte ^ 0x80 for byte in range(256))
_TRIES = 8
"""How often to learn without a match: some servers add something to each event that is never the same."""


def texts_of(*names: str) -> re.Pattern[bytes]:
    """A pattern of members of JSON with these names that have a text, which is its group."""
    # A quote inside of a JSON string is escaped, so a name with bare quotes before a colon can only be a key.
    return re.compile(rb'"(?:%b)"\s*:\s*"(%b)"' % ("|".join(names).encode(), _TEXT))


class EventTemplate:
    """The template of one stream; `count` is the number of events that matched.

    `apply` takes any bytes, what `chunk_path` returns any chunk; both give None unless it is one event that matches.
    """

    __slots__ = (
        "_after",
        "_after_chunk",
        "_before",
        "_between",
        "_counted",
        "_new_after",
        "_new_after_chunk",
        "_new_before",
        "_new_size",
        "_plain",
        "_texts",
        "_tries",
        "count",
    )

    def __init__(self, texts: re.Pattern[bytes]) -> None:
        """`texts` is the pattern of what may differ, as `texts_of` makes it."""
        self._texts = texts
        self.count = 0
        self._counted = 0
        """The count when it learned last."""
        self._tries = _TRIES
        self.forget()

    def __repr__(self) -> str:
        return f"EventTemplate({self._before!r} … {self._after!r}, {self.count} matched)"

    def forget(self) -> None:
        """Match nothing until it learns again."""
        self._before = self._after = self._after_chunk = self._new_before = self._new_after = b""
        self._new_after_chunk = b""
        self._new_size = 0
        self._between: tuple[tuple[bytes, bytes], ...] = ()
        self._plain = _PLAIN

    def learn(self, event: bytes, passed: bytes) -> None:
        """Learn from an event that has output and nothing else of note. `passed` is what was passed on for it."""
        self.forget()
        if self.count != self._counted:
            self._counted, self._tries = self.count, _TRIES
        if not self._tries or len(event) >= LARGEST:
            return
        self._tries -= 1
        old, texts = self._cut(event)
        new, new_texts = (old, texts) if passed is event else self._cut(passed)
        if not texts or texts != new_texts or b"\r" in event:  # the end of an event may depend on what follows a CR
            return
        self._before, *between, self._after = old
        self._new_before, *new_between, self._new_after = new
        if self._new_after == self._after:
            self._new_after = self._after  # mostly: the id comes before the text; one copy for each stream is enough
        if between:
            self._between = tuple(zip(between, new_between, strict=True))
            self._plain = _NONE_PLAIN

    def _cut(self, event: bytes) -> tuple[list[bytes], list[bytes]]:
        """What is around the texts of an event, and the texts."""
        around, texts, at = [], [], 0
        for found in self._texts.finditer(event):
            start, end = found.span(1)
            around.append(event[at:start])
            texts.append(event[start:end])
            at = end
        return [*around, event[at:]], texts

    def apply(self, event: bytes) -> bytes | None:
        """The bytes to pass on for an event."""
        rest = event.removeprefix(self._before)
        middle: bytes | None = rest.removesuffix(self._after)
        if rest is event or middle is rest or not middle:
            return None
        if middle.translate(self._plain) is not middle:
            middle = self._filled(middle)
            if middle is None:
                return None
        self.count += 1
        return self._new_before + middle + self._new_after

    def chunk_path(self, rename: Rename | None) -> ChunkPath | None:
        """The function that takes one chunk with an event, and gives the chunk to pass on (`wire/http/chunks.py`);
        None: nothing could match. `rename` is to change what is passed on; it changes no text, and nothing twice."""
        if not self._before:
            return None
        if not self._after_chunk:
            if rename is not None:
                self._new_before, self._new_after = bytes(rename(self._new_before)), bytes(rename(self._new_after))
                self._between = tuple((old, bytes(rename(new))) for old, new in self._between)
            self._after_chunk = self._after + b"\r\n"
            same = self._new_after is self._after
            self._new_after_chunk = self._after_chunk if same else self._new_after + b"\r\n"
            self._new_size = len(self._new_before) + len(self._new_after)
        return self._apply_to_chunk

    def _apply_to_chunk(self, chunk: bytes) -> bytes | None:
        # One function for both formats, since each call would cost a tenth of all that the gateway does for an event.
        try:
            rest = chunk.removeprefix(FIRST_LINES[len(chunk)] + self._before)
            middle: bytes | None = rest.removesuffix(self._after_chunk)
            if rest is chunk or middle is rest or not middle:
                return None
            if middle.translate(self._plain) is not middle:
                middle = self._filled(middle)
                if middle is None:
                    return None
            line = SIZE_LINES[len(middle) + self._new_size]
        except IndexError:  # too large for these tables
            return None
        self.count += 1
        return b"".join((line, self._new_before, middle, self._new_after_chunk))

    def _filled(self, middle: bytes) -> bytes | None:
        """What to pass on for what is between `before` and `after`, which has escapes, or more than one text."""
        passed: list[bytes] = []
        for old, new in self._between:
            text, found, middle = middle.partition(old)
            if not (found and _is_text(text)):
                return None
            passed += (text, new)
        return b"".join((*passed, middle)) if _is_text(middle) else None
