"""Forgetting a person."""

from __future__ import annotations

import secrets
from collections import Counter

from msgspec.structs import replace

from tollkeeper.rules.invoices import PayerId
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.erasure import forgotten
from tollkeeper.store.ports.invoices import CreditEntry
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.redaction import Person, redacted, redacted_json


class MemoryErasure:
    """See `ports.Erasure`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def erase(self, user: User, audit: AuditEntry) -> User:
        tables = self._tables
        tables.must_be_writable()
        if user.user_id in tables.erased:
            return user
        keys = {key.id for key in tables.keys.values() if key.user_id == user.user_id}
        sessions = {session.id for session in tables.sessions.values() if session.user_id == user.user_id}
        person = Person(user.user_id, keys | sessions, f"u_{secrets.token_hex(12)}")
        for key in keys:
            del tables.keys[key]
        for session in sessions:
            del tables.sessions[session]
        tables.external_identities = {
            place: each for place, each in tables.external_identities.items() if each.user_id != user.user_id
        }
        tables.second_factors.pop(user.user_id, None)
        tables.claims = {place: claim for place, claim in tables.claims.items() if place[0] != user.user_id}
        tables.end_users |= {
            end_user.id: replace(end_user, user_id=person.opaque_id, value=None)
            for end_user in tables.end_users.values()
            if end_user.user_id == user.user_id
        }
        left = forgotten(user, person.opaque_id)
        tables.users = {name: other for name, other in tables.users.items() if name != user.user_id}
        tables.users[left.user_id] = left

        def without(record: Record) -> Record:
            if record.user_id == user.user_id:
                return replace(record, user_id=person.opaque_id, metadata=None)
            corrects = record.endpoint == ADJUSTMENT and record.metadata is not None
            return replace(record, metadata=None) if corrects and person.made(record.metadata or "") else record

        tables.records |= {request_id: without(record) for request_id, record in tables.records.items()}
        tables.pruned[:] = map(without, tables.pruned)
        tables.refusals = Counter(
            {
                key._replace(user_id=left.user_id) if key.user_id == user.user_id else key: count
                for key, count in tables.refusals.items()
            }
        )
        payer, forgotten_payer = PayerId("user", user.user_id), PayerId("user", person.opaque_id)
        tables.invoices[:] = [
            replace(kept, payer=forgotten_payer) if kept.payer == payer else kept for kept in tables.invoices
        ]
        tables.audit[:] = [redacted(entry, person) for entry in tables.audit]
        tables.jobs |= {
            job_id: replace(job, body=redacted_json(job.body, person)) for job_id, job in tables.jobs.items()
        }
        self._forget_events(person, user.email)
        self._redact_credits(person)
        append(tables, redacted(audit, person))
        tables.erased.add(left.user_id)
        return left

    def _forget_events(self, person: Person, email: str | None) -> None:
        tables = self._tables
        tables.alerts = {key: alert for key, alert in tables.alerts.items() if alert.user_id != person.user_id}
        tables.events = {
            event_id: replace(event, data=redacted_json(event.data, person))
            for event_id, event in tables.events.items()
            if event.user_id != person.user_id
        }
        tables.unplanned &= tables.events.keys()
        tables.deliveries = {
            delivery_id: each
            for delivery_id, each in tables.deliveries.items()
            if each.event_id in tables.events and (each.channel, each.target) != ("email", email)
        }

    def _redact_credits(self, person: Person) -> None:
        def without(entry: CreditEntry) -> CreditEntry:
            by = person.opaque_id if person.is_named(entry.by) else entry.by
            if entry.payer != PayerId("user", person.user_id):
                return replace(entry, by=by)
            reason = "" if entry.kind == "granted" else entry.reason
            return replace(entry, by=by, payer=PayerId("user", person.opaque_id), reason=reason)

        self._tables.credits[:] = map(without, self._tables.credits)

    async def scrub(self) -> None:
        """Nothing: memory holds no deleted rows."""
