"""The list of dialects, and the translations that are joined to them."""

from __future__ import annotations

from tollkeeper.wire.dialects import DIALECTS, TABLES, with_translations
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.translate.adapter import translated
from tollkeeper.wire.translate.chat.format import CHAT_CLIENT, CHAT_UPSTREAM


def test_a_translation_comes_after_what_serves_the_path_as_it_is() -> None:
    adapter = translated(CHAT_CLIENT, CHAT_UPSTREAM)
    joined = with_translations(OPENAI, {"/v1/chat/completions": [adapter], "/v1/elsewhere": [adapter]})
    [own] = OPENAI.adapters["/v1/chat/completions"]
    assert joined.adapters == {**OPENAI.adapters, "/v1/chat/completions": (own, adapter)}
    assert joined.read_request is OPENAI.read_request


def test_each_translation_says_what_becomes_of_the_fields() -> None:
    joined = {
        (path, adapter.path)
        for dialect in DIALECTS
        for path, adapters in dialect.adapters.items()
        for adapter in adapters
        if adapter.path != path
    }
    assert joined <= {(path, upstream) for path, tables in TABLES.items() for upstream in tables}
