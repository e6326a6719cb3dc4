"""What clients may speak: every dialect, with every way in which upstreams can serve it.

A dialect's own folder knows how upstreams that speak it serve it as it is. The translations are joined here, so that no
dialect knows of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tollkeeper.wire.anthropic.dialect import MESSAGES
from tollkeeper.wire.anthropic.request import MESSAGES as MESSAGES_ENDPOINT
from tollkeeper.wire.dialect import AnyAdapter, AnyDialect
from tollkeeper.wire.ollama.dialect import OLLAMA
from tollkeeper.wire.ollama.request import CHAT as OLLAMA_CHAT
from tollkeeper.wire.ollama.request import GENERATE as OLLAMA_GENERATE
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.request import CHAT
from tollkeeper.wire.responses.dialect import RESPONSES_DIALECT
from tollkeeper.wire.responses.request import RESPONSES
from tollkeeper.wire.tasks.dialect import TASKS
from tollkeeper.wire.translate.adapter import translated
from tollkeeper.wire.translate.chat.fates import FATES as CHAT_FATES
from tollkeeper.wire.translate.chat.format import CHAT_CLIENT, CHAT_UPSTREAM
from tollkeeper.wire.translate.losses import Fates
from tollkeeper.wire.translate.messages.format import FATES as MESSAGES_FATES
from tollkeeper.wire.translate.messages.format import MESSAGES_CLIENT, MESSAGES_UPSTREAM
from tollkeeper.wire.translate.ollama.fates import FATES as OLLAMA_FATES
from tollkeeper.wire.translate.ollama.format import OLLAMA_CLIENT
from tollkeeper.wire.translate.responses.fates import FATES as RESPONSES_FATES
from tollkeeper.wire.translate.responses.format import RESPONSES_CLIENT

_TO_OLLAMAS_CLIENTS = (translated(OLLAMA_CLIENT, CHAT_UPSTREAM), translated(OLLAMA_CLIENT, MESSAGES_UPSTREAM))

TRANSLATIONS: Mapping[str, Sequence[AnyAdapter]] = {
    CHAT.path: (translated(CHAT_CLIENT, MESSAGES_UPSTREAM),),
    MESSAGES_ENDPOINT.path: (translated(MESSAGES_CLIENT, CHAT_UPSTREAM),),
    RESPONSES.path: (translated(RESPONSES_CLIENT, CHAT_UPSTREAM), translated(RESPONSES_CLIENT, MESSAGES_UPSTREAM)),
    OLLAMA_CHAT.path: _TO_OLLAMAS_CLIENTS,
    OLLAMA_GENERATE.path: _TO_OLLAMAS_CLIENTS,
}
"""The adapters that translate requests, by the path of clients: the best first."""

TABLES: Mapping[str, Mapping[str, Fates]] = {
    CHAT.path: CHAT_FATES,
    MESSAGES_ENDPOINT.path: MESSAGES_FATES,
    RESPONSES.path: RESPONSES_FATES,
    **OLLAMA_FATES,
}
"""What translations do with the fields of requests: by the path of clients, then by that of upstreams."""


def with_translations(dialect: AnyDialect, translations: Mapping[str, Sequence[AnyAdapter]]) -> AnyDialect:
    """The dialect with the translations of its own paths, each after the ways to serve it as it is."""
    adapters = {path: (*own, *translations.get(path, ())) for path, own in dialect.adapters.items()}
    return replace(dialect, adapters=adapters)


DIALECTS: tuple[AnyDialect, ...] = tuple(
    with_translations(dialect, TRANSLATIONS) for dialect in (OPENAI, MESSAGES, RESPONSES_DIALECT, OLLAMA, TASKS)
)
"""The first shapes the control plane's errors, and those of paths that belong to no dialect."""
