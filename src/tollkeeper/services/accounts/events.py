"""Events of changes to users and keys: what differs between the values before and after a change."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.rules.times import format_time
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.events import Event


def events_of(
    outbox: Outbox,
    by: Actor,
    users: Sequence[tuple[User | None, User]],
    keys: Sequence[tuple[Key | None, Key]],
) -> list[Event]:
    """The events of a change that `by` makes, of which each value is given as it is before (None: it is new) and
    after."""
    events = []
    for before, user in users:
        if user.status == "suspended" and (before is None or before.status != "suspended"):
            data: dict[str, object] = {"user_id": user.user_id, "name": user.name, "by": by.name}
            events.append(outbox.event("user.suspended", data, user_id=user.user_id))
    for former, key in keys:
        if former is None:
            replaced = next((other for old, other in keys if old is not None and _is_successor(key, other)), None)
            data = _key(key, by) | {
                "created_at": format_time(key.created_at),
                "expires_at": _time(key.expires_at),
                "replaces": None if replaced is None else replaced.id,
                "replaced_until": None if replaced is None else _time(replaced.revoked_at or replaced.retires_at),
            }
            events.append(outbox.event("key.created", data, user_id=key.user_id))
        elif former.revoked_at is None and key.revoked_at is not None:
            data = _key(key, by) | {"revoked_at": format_time(key.revoked_at)}
            events.append(outbox.event("key.revoked", data, user_id=key.user_id))
    return events


def _is_successor(key: Key, other: Key) -> bool:
    return key.origin is not None and key.origin == other.counter_id


def _key(key: Key, by: Actor) -> dict[str, object]:
    return {"key_id": key.id, "user_id": key.user_id, "name": key.name, "prefix": key.prefix, "by": by.name}


def _time(at: int | None) -> str | None:
    return None if at is None else format_time(at)
