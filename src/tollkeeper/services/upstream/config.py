"""Where an upstream is and what it is."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["ollama", "openai", "openrouter", "openai-compatible"]
"""All but Ollama are spoken to in OpenAI's dialect alone. What OpenAI and OpenRouter answer has to be paid for; what a
server of one's own answers (openai-compatible) may be free."""


class UpstreamConfig(Struct, frozen=True):
    """One upstream. `models` are the canonical names it serves; None: ask it."""

    id: str
    kind: Kind
    base_url: str
    models: tuple[str, ...] | None = None
