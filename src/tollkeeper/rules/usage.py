"""What one request used: tokens by class, and what is counted otherwise."""

from __future__ import annotations

from msgspec import Struct

MAX_COUNT = 2**40
"""The largest plausible token count: a hundred thousand times the longest contexts there are."""


class Usage(Struct, frozen=True, gc=False):
    """The usage of one request.

    `prompt_tokens` is all of the input; `cached_tokens` (read from a cache) and `cache_write_tokens` (written to one)
    are parts of it, and `cache_write_1h_tokens` (written to be kept for an hour) a part of what was written.
    `completion_tokens` is all of the output; `reasoning_tokens` is a part of it.
    `estimated`: some of these figures are not the upstream's own.
    Beside tokens: the `images` that were made, milliseconds of audio that were read (`audio_ms`), and `characters` that
    were spoken.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    cache_write_1h_tokens: int = 0
    images: int = 0
    audio_ms: int = 0
    characters: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


NO_USAGE = Usage()


def estimate_tokens(text_bytes: int) -> int:
    """Estimated tokens of a text: a quarter token per byte, the usual mean for English (OpenAI: about four characters
    per token)."""
    return -(-text_bytes // 4)
