"""Forgetting a person, in every table that knows of persons.

Records and their sums hold opaque ids, so none of them is touched; only the row that says whose id it was goes. Of
metadata, which may tell anything, and of the sums by it, nothing stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table, and_, bindparam, delete, func, insert, or_, select, update

from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.erasure import PERSONAL, forgotten
from tollkeeper.store.redaction import Person, redacted, redacted_json
from tollkeeper.store.sql import schema
from tollkeeper.store.sql.audit import append, entry_of
from tollkeeper.store.sql.dialect import moves_rows, one_of
from tollkeeper.store.sql.record_index import ids_of
from tollkeeper.store.sql.tags import TagSums

DELETED: Mapping[str, str] = {
    "keys": "user_id",
    "sessions": "user_id",
    "idempotency_claims": "user_id",
    "external_identities": "user_id",
    "second_factors": "user_id",
    "alerts": "user_id",
    "events": "user_id",
}
"""Tables of which the person's rows go, and the columns that say whose they are."""
RENAMED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "users": ("user_id", PERSONAL),
    "end_users": ("user_id", ("value",)),
}
"""Tables of which the person's rows stay under the opaque id: the columns that say whose they are, and those that are
cleared."""
BY_THEMSELVES = frozenset(
    {"audit", "credits", "jobs", "identities", "record_metadata", "hourly_tags", "daily_tags", "deliveries"}
)
"""Tables of which single texts are changed, or that the ledger's ids or events lead to."""
OPAQUE = frozenset(
    {
        "records",
        "record_index",
        "hourly",
        "daily_users",
        "monthly_users",
        "monthly",
        "rollup_minutes",
        "refusals",
        "checkpoints",
        "pruned_users",
        "invoice_ranges",
    }
)
"""Tables that know persons by opaque ids only."""
KEPT = frozenset({"invoices"})
"""Tables of what was charged, which has to be kept as it was issued; whose it is stands there by opaque ids."""
PASSING = frozenset({"intents"})
"""Tables whose rows last as long as a request: of a closed account there are none."""
IMPERSONAL = frozenset(
    {
        "prices",
        "aliases",
        "teams",
        "upstreams",
        "pins",
        "model_colors",
        "limit_templates",
        "installation",
        "head",
        "daily_upstreams",
        "hourly_models",
        "daily_models",
        "hourly_teams",
        "daily_teams",
        "invoice_numbers",
        "webhooks",
    }
)
"""Tables that know of no person."""
MOST_REWRITTEN = 50_000
"""Rows up to which a table is written anew."""
_AT_ONCE = 2000
_METADATA_AT_ONCE = 200
"""Records of a step: each may have many tags, of which every one is taken out of the sums, while nobody else writes."""

_metadata, _credits = schema.record_metadata, schema.credit_entries


def forget_metadata(connection: Connection, tag_sums: TagSums, opaque_id: str, after: str) -> str | None:
    """Delete the metadata of some records of a user, and take it out of the sums by tag: of those after the request id
    `after`. Returns the last of them, None where there are no more."""
    id_ = schema.record_index.c.request_id
    ids = ids_of("user_id", opaque_id).where(id_ > after)
    found = [*connection.scalars(ids.order_by(id_).limit(_METADATA_AT_ONCE))]
    if found:
        tag_sums.forget(connection, found)
        connection.execute(delete(_metadata).where(one_of(_metadata.c.request_id, found)))
    return found[-1] if len(found) == _METADATA_AT_ONCE else None


def is_forgotten(connection: Connection, opaque_id: str) -> bool:
    """Whether an id is that of a person who was forgotten."""
    table = schema.identities
    found = select(table.c.id).where(table.c.id == opaque_id, table.c.user_id.is_(None))
    return connection.execute(found).one_or_none() is not None


def forget(connection: Connection, user: User, opaque_id: str, audit: AuditEntry) -> User:
    """Forget the person of an account, in every table but that of metadata; `opaque_id` takes its place. The entry
    `audit` is appended without the person. Returns the account as it is now."""
    person = Person(user.user_id, _belongings(connection, user.user_id), opaque_id)
    left = forgotten(user, opaque_id)
    _forget_deliveries(connection, user)
    for name, column in DELETED.items():
        table = schema.METADATA.tables[name]
        connection.execute(delete(table).where(table.c[column] == user.user_id))
    for name, (column, cleared) in RENAMED.items():
        table = schema.METADATA.tables[name]
        values: dict[str, str | int | None] = {column: opaque_id, **dict.fromkeys(cleared)}
        if table is schema.users:
            values |= {"version": left.version, "team_admin": False}
        connection.execute(update(table).where(table.c[column] == user.user_id).values(values))
    _forget_identity(connection, opaque_id)
    _redact_audit(connection, person)
    _redact_jobs(connection, person)
    _redact_events(connection, person)
    _redact_credits(connection, person)
    _forget_corrections(connection, person)
    append(connection, redacted(audit, person))
    for name in (*DELETED, *RENAMED, *sorted(BY_THEMSELVES), *PASSING):
        write_anew(connection, schema.METADATA.tables[name])
    return left


def _belongings(connection: Connection, user_id: str) -> set[str]:
    found: set[str] = set()
    for table in (schema.keys, schema.sessions):
        found.update(connection.execute(select(table.c.id).where(table.c.user_id == user_id)).scalars())
    return found


def _forget_identity(connection: Connection, opaque_id: str) -> None:
    table = schema.identities
    changed = connection.execute(update(table).where(table.c.id == opaque_id).values(user_id=None))
    if not changed.rowcount:  # a person without records has none
        connection.execute(insert(table).values(id=opaque_id, user_id=None))


def _redact_audit(connection: Connection, person: Person) -> None:
    table, name = schema.audit, person.user_id.lower()
    concerned = or_(
        func.lower(table.c.actor) == name,
        func.lower(table.c.target) == name,
        one_of(table.c.target, person.belongings),
        func.lower(table.c.detail).contains(name, autoescape=True),
    )
    entries = [entry_of(*row) for row in connection.execute(select(table).where(concerned))]
    changed = [left for entry in entries if (left := redacted(entry, person)) != entry]
    if changed:
        names = ("actor", "target", "detail", "address")
        statement = update(table).where(table.c.id == bindparam("entry"))
        connection.execute(
            statement.values({name: bindparam(f"new_{name}") for name in names}),
            [{"entry": left.id} | {f"new_{name}": getattr(left, name) for name in names} for left in changed],
        )


def _redact_jobs(connection: Connection, person: Person) -> None:
    table = schema.jobs
    concerned = func.lower(table.c.body).contains(person.user_id.lower(), autoescape=True)
    for job in connection.execute(select(table.c.id, table.c.body).where(concerned)).all():
        body = redacted_json(job.body, person)
        connection.execute(update(table).where(table.c.id == job.id).values(body=body))


def _forget_deliveries(connection: Connection, user: User) -> None:
    """Deliveries of events about the person, and e-mails to them about others: about the team that they are an admin
    of, say."""
    table, events = schema.deliveries, schema.events
    theirs = table.c.event_id.in_(select(events.c.id).where(events.c.user_id == user.user_id))
    to_them = and_(table.c.channel == "email", func.lower(table.c.target) == (user.email or "").lower())
    connection.execute(delete(table).where(or_(theirs, to_them)))


def _redact_events(connection: Connection, person: Person) -> None:
    """Events about others that name the person: who suspended a user, say."""
    table = schema.events
    concerned = func.lower(table.c.data).contains(person.user_id.lower(), autoescape=True)
    for event in connection.execute(select(table.c.id, table.c.data).where(concerned)).all():
        data = redacted_json(event.data, person)
        connection.execute(update(table).where(table.c.id == event.id).values(data=data))


def _redact_credits(connection: Connection, person: Person) -> None:
    """What was granted to the person, of which the reason may describe them, and what they granted to others."""
    theirs = (_credits.c.payer_kind == "user", _credits.c.payer_id == person.opaque_id, _credits.c.kind == "granted")
    connection.execute(update(_credits).where(*theirs).values(reason=""))
    by_them = func.lower(_credits.c.author) == person.user_id.lower()
    connection.execute(update(_credits).where(by_them).values(author=person.opaque_id))


def _forget_corrections(connection: Connection, person: Person) -> None:
    """Delete the metadata of the corrections that the person made for others: it names them, and since the chain covers
    its digest, it cannot be changed. The audit log keeps the reason."""
    concerned = func.lower(_metadata.c.metadata).contains(person.user_id.lower(), autoescape=True)
    # Only corrections are of no model.
    found = select(_metadata).where(_metadata.c.request_id.in_(ids_of("model", "")), concerned)
    rows = connection.execute(found).all()
    named = [row.request_id for row in rows if person.made(row.metadata)]
    for start in range(0, len(named), _AT_ONCE):
        connection.execute(delete(_metadata).where(one_of(_metadata.c.request_id, named[start : start + _AT_ONCE])))


def write_anew(connection: Connection, table: Table) -> None:
    """Write a table and its indexes anew: where rows moved between pages, an engine leaves pieces of them that no
    deletion reaches. Nothing is done where deletions leave whole rows, which the engine removes by itself."""
    if not moves_rows(connection):
        return
    if connection.execute(select(func.count()).select_from(table)).scalar_one() > MOST_REWRITTEN:
        return
    rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings().all()
    connection.execute(delete(table))
    if rows:
        connection.execute(insert(table), [dict(row) for row in rows])
