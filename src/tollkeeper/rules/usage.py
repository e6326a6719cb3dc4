"""Token counts of one request, by class."""

from __future__ import annotations

from msgspec import Struct


class Usage(Struct, frozen=True, gc=False):
    """What one request used, in tokens.

    `prompt_tokens` is all of the input; `cached_tokens` (read from a cache) and `cache_write_tokens` (written to one)
    are parts of it. `completion_tokens` is all of the output; `reasoning_tokens` is a part of it.
    `estimated` says that no upstream told these figures.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


NO_USAGE = Usage()


def estimate_tokens(text_bytes: int) -> int:
    """Tokens of a text that nobody counted: a quarter token per byte, the usual mean for English (OpenAI: about four
    characters to a token)."""
    return -(-text_bytes // 4)
