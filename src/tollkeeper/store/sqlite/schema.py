"""The tables. `migrations/` is how a database comes to have them; a test compares the two.

Columns carry the names of the values in `store/ports.py`; `records` and `intents` have them in the same order.
Sums of money may exceed 64 bits where single records do not, so sums are kept in two parts: whole micro-dollars and the
pico-dollars below (which may exceed a million, once added up): cost = cost_micro × 10⁶ + cost_rest.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    literal_column,
)

HEAD = "0005"
"""The newest revision in `migrations/versions`; here too, so that a start with nothing to do need not ask Alembic."""

METADATA = MetaData()


def _sums() -> list[Column[int]]:
    """The figures of a table of sums; new ones, since a column belongs to one table."""
    names = (
        "requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens",
        "cost_micro", "cost_rest",
    )  # fmt: skip
    return [Column(name, BigInteger, nullable=False) for name in names]


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
)
Index("users_whatever_case", func.lower(users.c.user_id), unique=True)

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
)

sessions = Table(
    "sessions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
)

prices = Table(
    "prices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("input", BigInteger, nullable=False),
    Column("output", BigInteger, nullable=False),
    Column("cached_input", BigInteger),
    Column("cache_write", BigInteger),
    Column("effective_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

aliases = Table(
    "aliases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("model", Text, nullable=False),
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
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("address", Text),
)

# Without rowids the rows lie in the order of their time in one tree: one write for each, at its end.
intents = Table(
    "intents",
    METADATA,
    Column("request_id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("key_id", Text),
    Column("model", Text, nullable=False),
    Column("requested_model", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("bound_tokens", BigInteger),
    Column("bound_cost_pico", BigInteger),
    sqlite_with_rowid=False,
)

records = Table(
    "records",
    METADATA,
    Column("request_id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("key_id", Text),
    Column("model", Text, nullable=False),
    Column("requested_model", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost_pico", BigInteger, nullable=False),
    Column("price_id", Integer),
    Column("latency_ms", BigInteger, nullable=False),
    Column("first_token_ms", BigInteger),
    Column("queued_ms", BigInteger, nullable=False),
    Column("finish_reason", Text),
    Column("metadata", Text),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("records_by_seq", "seq", unique=True),
    Index("records_of_user", "user_id", "request_id"),
    Index("records_of_model", "model", "request_id"),
    sqlite_with_rowid=False,
)
# Of those that completed there are enough wherever one looks.
Index(
    "records_not_completed",
    records.c.status,
    records.c.request_id,
    sqlite_where=records.c.status != literal_column("'completed'"),
)

hourly = Table(
    "hourly",
    METADATA,
    Column("hour", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    *_sums(),
    PrimaryKeyConstraint("hour", "user_id", "model", "key_id", "status"),
    Index("hourly_of_user", "user_id", "hour"),
    sqlite_with_rowid=False,
)

# The sums of `hourly` once more, without what pages that show everyone do not ask for: as many rows as there are models
# or users, where `hourly` may have almost as many as there are records.
hourly_models = Table(
    "hourly_models",
    METADATA,
    Column("hour", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    *_sums(),
    PrimaryKeyConstraint("hour", "model", "status"),
    sqlite_with_rowid=False,
)

monthly_users = Table(
    "monthly_users",
    METADATA,
    Column("month", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    *_sums(),
    PrimaryKeyConstraint("month", "user_id", "status"),
    sqlite_with_rowid=False,
)

# By settlement for tokens and cost, by admission for requests: one record may count in two rows.
rollup_minutes = Table(
    "rollup_minutes",
    METADATA,
    Column("minute", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    *_sums(),
    PrimaryKeyConstraint("minute", "user_id", "model", "key_id", "status"),
    sqlite_with_rowid=False,
)

# One row. `rollup_minutes` is whole from `minutes_from` on; what it has before that is not to be read.
head = Table(
    "head",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("minutes_from", BigInteger, nullable=False),
)

# One row for each time that records were pruned. The figures are of all records up to `seq`; `newest` is the latest
# moment in them, by admission or settlement.
checkpoints = Table(
    "checkpoints",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("newest", BigInteger, nullable=False),
    *_sums(),
)

# The same figures once more by user and month of admission: sums that moved from one to another would add up as before.
pruned_users = Table(
    "pruned_users",
    METADATA,
    Column("month", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    *_sums(),
    PrimaryKeyConstraint("month", "user_id"),
    sqlite_with_rowid=False,
)
