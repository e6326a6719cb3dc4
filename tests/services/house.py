"""Accounts over a memory store, with a clock that a test sets; for tests of services and of the control plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from argon2 import PasswordHasher

from tollkeeper.services.accounts import Accounts
from tollkeeper.services.audit import Actor
from tollkeeper.services.passwords import Passwords
from tollkeeper.services.secrets import Secrets
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports import AuditEntry, Key, Record, User

START = 1_795_176_000_123
"""2026-11-20T12:00:00.123Z"""
BOOTSTRAP = "bootstrap-key-for-tests"
ROOT = Actor("@bootstrap", "127.0.0.1")


class Clock:
    def __init__(self) -> None:
        self.ms = START

    def __call__(self) -> int:
        return self.ms


class CountingHasher(PasswordHasher):
    """The cheapest hash there is: what it costs is argon2's own business. `verified` counts the passwords that were
    looked at."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.verified += 1
        return super().verify(hash, password)


@dataclass
class AccountsHouse:
    """Made while a loop runs. `cut` is what the accounts told to cut, in order; `limited` whose limits they
    told of."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    secrets: Secrets = field(default_factory=lambda: Secrets(b"pepper" * 6))
    hasher: CountingHasher = field(default_factory=CountingHasher)
    cut: list[str] = field(default_factory=list)
    limited: list[User | Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = self.again()

    def again(self) -> Accounts:
        """Accounts over the same store that have loaded nothing, as after a start."""
        return Accounts(
            self.store.accounts,
            self.store.sessions,
            self.store.book,
            self.secrets.digest,
            Passwords(self.hasher),
            self.clock,
            bootstrap=self.secrets.digest(BOOTSTRAP),
            cut=self.cut.extend,
            limits_changed=self._limits_changed,
        )

    async def _limits_changed(self, changed: User | Key) -> None:
        self.limited.append(changed)

    async def audit(self) -> list[AuditEntry]:
        """Newest first."""
        return await self.store.audit.entries(limit=1000, after=None)


def record(**fields: Any) -> Record:
    """A record of alice's, with these fields."""
    usual: dict[str, Any] = {
        "request_id": "req_1",
        "created_at": START,
        "settled_at": START + 20,
        "user_id": "alice",
        "key_id": "key_1",
        "model": "tiny:latest",
        "requested_model": "Tiny",
        "endpoint": "/v1/chat/completions",
        "upstream": "default",
        "stream": True,
        "status": "completed",
    }
    return Record(**(usual | fields))
