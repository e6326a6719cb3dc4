"""The record of tasks."""

from __future__ import annotations

from tollkeeper.rules.kinds import OPENAI, SPOKEN
from tollkeeper.wire.openai.dialect import OPENAI as CHATS
from tollkeeper.wire.tasks.dialect import TASKS


def test_every_task_may_be_declared_and_has_its_adapter():
    declared = {path for paths in SPOKEN.values() for path in paths} - {"/v1/responses", "/v1/messages"}
    assert {endpoint.path for endpoint in TASKS.endpoints} == declared == {*TASKS.adapters}
    assert not declared & {endpoint.path for endpoint in CHATS.endpoints}


def test_openai_serves_all_but_reranking():
    assert {endpoint.path for endpoint in TASKS.endpoints} - {*OPENAI.speaks} == {"/v1/rerank"}


def test_only_what_names_its_model_is_renamed():
    text = b'{"model":"M"}'
    renamed = {path for path, (adapter,) in TASKS.adapters.items() if adapter.rename("M", "m", text) != text}
    assert renamed == {"/v1/moderations", "/v1/rerank"}


def test_a_broken_stream_of_audio_is_told_by_the_connection():
    assert (TASKS.error_event, TASKS.comment) == (None, None)
