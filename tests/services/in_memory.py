"""Accounts over a memory store, with a clock that a test sets; for tests of services and of the control plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from argon2 import PasswordHasher

from tollkeeper.rules.owners import Owner
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.accounts.end_users import EndUsers
from tollkeeper.services.accounts.external_identities import ExternalIdentities
from tollkeeper.services.accounts.passwords import Passwords
from tollkeeper.services.accounts.pepper import Pepper
from tollkeeper.services.accounts.second_factors import SecondFactors
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.records import Record

START = 1_795_176_000_123
"""2026-11-20T12:00:00.123Z"""
BOOTSTRAP = "bootstrap-key-for-tests"
ROOT = Actor("@bootstrap", "127.0.0.1")


def registry_of(*configs: UpstreamConfig) -> Registry:
    """These upstreams, each with a client of its own; to be closed."""
    registry = Registry(lambda config: HttpClient(config.base_url))
    for config in configs:
        registry.add(config)
    return registry


class Clock:
    def __init__(self) -> None:
        self.ms = START

    def __call__(self) -> int:
        return self.ms


class CountingHasher(PasswordHasher):
    """The cheapest hash there is: what it costs is argon2's own business. `verified` counts the passwords that were
    compared."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.verified += 1
        return super().verify(hash, password)


@dataclass
class InMemoryAccounts:
    """Make it while a loop runs. `ended` are the credentials and suspended users whose requests the accounts ended, in
    order; `limited` the owners of limits that they reported a change for."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    secrets: Pepper = field(default_factory=lambda: Pepper(b"pepper" * 6))
    hasher: CountingHasher = field(default_factory=CountingHasher)
    ended: list[str] = field(default_factory=list)
    limited: list[Owner] = field(default_factory=list)
    begun: list[Owner] = field(default_factory=list)
    forgotten: list[Owner] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = self.again()
        self.factors = SecondFactors(self.store.second_factors, MasterKey(b"k" * 32), self.secrets.digest, self.clock)
        self.identities = ExternalIdentities(self.store.external_identities, self.accounts, self.clock)

    def again(self) -> Accounts:
        """Accounts over the same store that have loaded nothing, as after a start."""
        return Accounts(
            self.store.accounts,
            self.store.sessions,
            self.store.teams,
            self.store.installation,
            self.secrets.digest,
            Passwords(self.hasher),
            self.clock,
            outbox=Outbox(self.store.events, self.clock),
            end_users=EndUsers(
                self.store.end_users,
                self.clock,
                limits_changed=self._limits_changed,
                begun=self._begun,
                forgotten=self.forgotten.append,
                ended=self.ended.append,
            ),
            bootstrap=self.secrets.digest(BOOTSTRAP),
            credentials_ended=self.ended.extend,
            suspended=self.ended.append,
            limits_changed=self._limits_changed,
        )

    async def _limits_changed(self, changed: Owner) -> None:
        self.limited.append(changed)

    async def _begun(self, new: Owner) -> None:
        self.begun.append(new)

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
