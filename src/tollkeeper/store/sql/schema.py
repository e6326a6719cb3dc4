"""The tables, for every SQL engine. An engine's migrations create them in a database; a test compares the two.

Columns carry the names of the values in `store/ports/`. Those of `records`, and of `intents` what the two have in
common, are derived from the table of fields (`store/ports/record_fields.py`). The tables of sums over records are in
`sum_tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

from tollkeeper.store.ports.record_fields import FIELDS, RecordField, stored
from tollkeeper.store.ports.records import Intent
from tollkeeper.store.sql import sum_tables
from tollkeeper.store.sql.column_types import RowId, Text
from tollkeeper.store.sql.dialect import TRUE
from tollkeeper.store.sql.sum_tables import figure_columns

METADATA = sum_tables.METADATA
"""Every table: those here, and those of sums."""
_TYPES: Mapping[Any, TypeEngine[Any]] = {int: BigInteger(), int | None: BigInteger(), bool: Boolean()}


def record_column(field: RecordField) -> Column[Any]:
    """A new column for a field of a record; new, since a column belongs to one table."""
    return Column(
        field.stored_as,
        RowId if field.reference else _TYPES.get(field.type, Text),
        primary_key=field.place == 0,
        nullable=field.optional,
        server_default=None if field.default is None else str(field.default),
    )


def _intent_columns() -> Iterator[Column[Any]]:
    of_record = {field.stored_as: field for field in stored(FIELDS)}
    for name in Intent.__struct_fields__:
        yield record_column(of_record[name]) if name in of_record else Column(name, BigInteger)


users = Table(
    "users",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("name", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("password_hash", Text),
    Column("limits", Text, nullable=False, server_default="{}"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("team_id", Text),
    Column("team_admin", Boolean, nullable=False, server_default="0"),
    Column("address", Text),
    Column("tax_id", Text),
    Column("email", Text),
)
Index("users_whatever_case", func.lower(users.c.user_id), unique=True)

teams = Table(
    "teams",
    METADATA,
    Column("team_id", Text, primary_key=True),
    Column("name", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("address", Text),
    Column("tax_id", Text),
    Column("limits", Text, nullable=False, server_default="{}"),
    Column("closed_at", BigInteger),
    Column("version", BigInteger, nullable=False, server_default="1"),
)
Index("teams_whatever_case", func.lower(teams.c.team_id), unique=True)

keys = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("name", Text),
    Column("prefix", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("limits", Text, nullable=False, server_default="{}"),
    Column("retires_at", BigInteger),
    Column("origin", Text),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("acting", Text),
)

end_users = Table(
    "end_users",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("value", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("limits", Text),
    Column("status", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("end_users_of_user", "user_id", "value", unique=True),
    Index("end_users_in_order", "user_id", "created_at", "id"),
)
_LIMITED = end_users.c.limits.is_not(None)
Index("end_users_with_limits", end_users.c.id, sqlite_where=_LIMITED, postgresql_where=_LIMITED)

sessions = Table(
    "sessions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("issuer", Text),
    Column("subject", Text),
    Column("sid", Text),
)

external_identities = Table(
    "external_identities",
    METADATA,
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("issuer", "subject"),
)

# `recovery` holds the digests of the recovery codes that are left, one behind the other.
second_factors = Table(
    "second_factors",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("recovery", LargeBinary, nullable=False),
)

prices = Table(
    "prices",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("model", Text, nullable=False),
    Column("input", BigInteger, nullable=False),
    Column("output", BigInteger, nullable=False),
    Column("cached_input", BigInteger),
    Column("cache_write", BigInteger),
    Column("effective_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("upstream", Text),
    Column("tier", Text),
    Column("above_input_tokens", BigInteger),
    Column("seeded", Boolean, nullable=False, server_default="0"),
    Column("cache_write_1h", BigInteger),
    Column("per_request", BigInteger),
    Column("per_image", BigInteger),
    Column("per_minute", BigInteger),
    Column("per_mchar", BigInteger),
)

aliases = Table(
    "aliases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("place", Integer, primary_key=True),  # among the models of the alias
    Column("model", Text, nullable=False),
)

# `settings` is a JSON object, so that a new option needs no new column.
upstreams = Table(
    "upstreams",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("settings", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("key_id", Text),
)

# `body` is a JSON object, so that another kind of job needs no new column.
jobs = Table(
    "jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("body", Text, nullable=False),
)

pins = Table(
    "pins",
    METADATA,
    Column("model", Text, primary_key=True),
    Column("digest", Text),
    Column("loaded", Boolean, nullable=False),
)

# `place`: from 0 on, in the order in which the models were first used. Others have no colour of their own.
model_colors = Table(
    "model_colors",
    METADATA,
    Column("model", Text, primary_key=True),
    Column("place", Integer, nullable=False, unique=True),
)

# A copy of a template's limits is in no way bound to it.
limit_templates = Table(
    "limit_templates",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("limits", Text, nullable=False),
)

installation = Table(
    "installation",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("address", Text),
)

# Without rowids, rows are stored in the order of their time in one tree: one write for each, at its end.
intents = Table(
    "intents",
    METADATA,
    *_intent_columns(),
    sqlite_with_rowid=False,
)

# `request_id` contains the moment of the claim: old ones are found by it.
idempotency_claims = Table(
    "idempotency_claims",
    METADATA,
    Column("user_id", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("request_id", Text, nullable=False),
    PrimaryKeyConstraint("user_id", "key"),
    Index("idempotency_claims_by_request", "request_id", unique=True),
    sqlite_with_rowid=False,
)

records = Table(
    "records",
    METADATA,
    *map(record_column, stored(FIELDS)),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("records_by_seq", "seq", unique=True),
    sqlite_with_rowid=False,
)
NOT_COMPLETED = records.c.status != literal_column("'completed'")
# Completed records are common enough to be found without an index.
Index(
    "records_not_completed",
    records.c.status,
    records.c.request_id,
    sqlite_where=NOT_COMPLETED,
    postgresql_where=NOT_COMPLETED,
)

# Where the records of a user, model, team or end user are (`record_index.py`). No index of the records, since every
# commit would change as many of its pages as there are users: it follows many records at once, as their sums do.
record_index = Table(
    "record_index",
    METADATA,
    Column("field", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    PrimaryKeyConstraint("field", "value", "request_id"),
    sqlite_with_rowid=False,
)

# Whose the opaque ids of records are. A user who was erased has no `user_id` here any more.
identities = Table(
    "identities",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, unique=True),
)

record_metadata = Table(
    "record_metadata",
    METADATA,
    Column("request_id", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("metadata", Text, nullable=False),
)

# Refused requests, which have no records. `minute` is the beginning of an hour for those of over a day ago.
refusals = Table(
    "refusals",
    METADATA,
    Column("minute", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("limit_name", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("minute", "user_id", "key_id", "model", "status", "code", "limit_name"),
    Index("refusals_of_user", "user_id", "minute"),
    sqlite_with_rowid=False,
)

# One row. The sums and `record_index` have the records up to the number `rolled_up`. `rollup_minutes` is complete from
# `minutes_from` on; rows before that must not be read.
head = Table(
    "head",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("minutes_from", BigInteger, nullable=False),
    Column("rolled_up", BigInteger, nullable=False, server_default="0"),
)

# One row for each time that records were pruned. The figures are of all records up to `seq`; `newest` is the latest
# moment in them, by admission or settlement.
checkpoints = Table(
    "checkpoints",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("newest", BigInteger, nullable=False),
    *figure_columns(),
)

# The same figures by user and month of admission: the totals alone would not reveal sums moved between users.
pruned_users = Table(
    "pruned_users",
    METADATA,
    Column("month", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    *figure_columns(),
    PrimaryKeyConstraint("month", "user_id"),
    sqlite_with_rowid=False,
)

# The outbox. `planned`: its deliveries have been made.
events = Table(
    "events",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("user_id", Text),
    Column("team_id", Text),
    Column("planned", Boolean, nullable=False),
    Index("events_of_user", "user_id", "id"),
    Index("events_of_team", "team_id", "id"),
)
EVENT_UNPLANNED = events.c.planned == literal_column("false")
Index("events_unplanned", events.c.id, sqlite_where=EVENT_UNPLANNED, postgresql_where=EVENT_UNPLANNED)

# `target` is the id of a webhook, or an e-mail address.
deliveries = Table(
    "deliveries",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("tries", Text, nullable=False),
    Index("deliveries_of_target", "target", "id"),
    Index("deliveries_of_event", "event_id"),
)
DELIVERY_PENDING = deliveries.c.status == literal_column("'pending'")
Index("deliveries_pending", deliveries.c.next_at, sqlite_where=DELIVERY_PENDING, postgresql_where=DELIVERY_PENDING)

alerts = Table(
    "alerts",
    METADATA,
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("percent", BigInteger, nullable=False),
    Column("window", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("user_id", Text),
    Column("team_id", Text),
    PrimaryKeyConstraint("kind", "id", "model", "name", "percent"),
)

# `settings` is a JSON object, as that of an upstream.
webhooks = Table(
    "webhooks",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
)

# The last serial number of each year: a row that the transaction of the invoice locks, so that numbers have no gaps.
invoice_numbers = Table(
    "invoice_numbers",
    METADATA,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

# `document` is the canonical form, which the hash is of; the columns beside it are what may change, and what invoices
# are found by. `holds`: it covers its ranges; a void one does not, nor one that was taken back, nor a credit note.
invoices = Table(
    "invoices",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("year", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("payer_kind", Text, nullable=False),
    Column("payer_id", Text, nullable=False),
    Column("month", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("holds", Boolean, nullable=False),
    Column("total_usd", Text, nullable=False),
    Column("paid_at", Text),
    Column("reference", Text),
    Column("reason", Text),
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index("invoices_by_serial", "year", "serial", unique=True),
    Index("invoices_by_number", "number", unique=True),
    Index("invoices_of_payer", "payer_kind", "payer_id", "year", "serial"),
    # What the page of a month shows, so that it reads no document.
    Index("invoices_of_month", "month", "holds", "payer_kind", "payer_id", "id", "number", "status", "total_usd"),
)
HOLDS = invoices.c.holds == TRUE
Index(
    "invoices_once",
    invoices.c.payer_kind,
    invoices.c.payer_id,
    invoices.c.month,
    unique=True,
    sqlite_where=HOLDS,
    postgresql_where=HOLDS,
)

# The records that an invoice covers: of one payer and month of admission, after one position of a journal's chain and
# up to another, with their sums. Rows without an invoice are records that were pruned before any invoice covered them.
invoice_ranges = Table(
    "invoice_ranges",
    METADATA,
    Column("payer_kind", Text, nullable=False),
    Column("payer_id", Text, nullable=False),
    Column("month", BigInteger, nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("journal", Text, nullable=False),
    Column("after_seq", BigInteger, nullable=False),
    Column("upto_seq", BigInteger, nullable=False),
    Column("holds", Boolean, nullable=False),
    Column("records", BigInteger, nullable=False),
    *figure_columns(),
    PrimaryKeyConstraint("payer_kind", "payer_id", "month", "invoice_id", "journal", "after_seq"),
    Index("invoice_ranges_of_month", "month"),
    Index("invoice_ranges_of_invoice", "invoice_id"),
    sqlite_with_rowid=False,
)

credit_entries = Table(
    "credits",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("payer_kind", Text, nullable=False),
    Column("payer_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_micro", BigInteger, nullable=False),
    Column("amount_rest", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("invoice_id", Text),
    Index("credits_of_payer", "payer_kind", "payer_id"),
    Index("credits_of_invoice", "invoice_id"),
)
