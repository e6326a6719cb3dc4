"""Values for the store's tests, each with the fields that matter named."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from msgspec.structs import replace

from tollkeeper.rules.ids import request_id
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.records import Intent, Record
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.ports.second_factors import StoredFactor

NOON = 1_795_176_000_000
"""2026-11-20T12:00:00Z"""

EVERYTHING = Filter()

AUDIT = AuditEntry(at=NOON, actor="admin", action="user.create", target="ann", detail="{}", address="127.0.0.1")

ANN = User("ann", "user", "active", "Ann", NOON, "$argon2id$secret-hash")

FACTOR = StoredFactor("ann", b"sealed secret", "old", NOON, 2, (b"a secret-digest".ljust(32), b"b".ljust(32)))

KEY = Key("key_1", "ann", "laptop", "sk-ann-ab", b"secret-digest", NOON)

_INTENT = Intent("", 0, "ann", "key_1", "llama3.2:1b", "llama3.2", "/v1/chat/completions", "ollama", stream=True)


A = TypeVar("A", User, Key)


def saved(value: A) -> A:
    """The value as a store has it after its first save, or its next."""
    return replace(value, version=value.version + 1)


def an_intent(at: int = NOON, **fields: Any) -> Intent:
    return replace(_INTENT, **{"request_id": request_id(at, os.urandom(8)), "created_at": at, **fields})


def a_record(at: int = NOON, **fields: Any) -> Record:
    return settled(an_intent(at), **fields)


def settled(intent: Intent, **fields: Any) -> Record:
    """The record of that intent: completed, 10 tokens in, 5 out, for 25 pico-dollars."""
    record = Record(
        **{name: getattr(intent, name) for name in Intent.__struct_fields__ if not name.startswith("bound_")},
        settled_at=intent.created_at + 700,
        status="completed",
        usage=Usage(10, 2, 1, 5, 3),
        cost_pico=25,
        latency_ms=700,
        first_token_ms=120,
        queued_ms=4,
        finish_reason="stop",
        metadata='{"team":"blue"}',
    )
    return replace(record, **fields)
