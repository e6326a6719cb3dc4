"""Records name nobody: opaque ids of users, and digests of metadata; teams and end users in records and sums.

The old chain covers names, so all records are chained anew, in version 5 of the encoding. The new chain goes on from
the hash of the last record in the old one: a copy of that hash, kept in another place, proves what it began with.

Revision ID: 0014
"""

# Its queries are put together of the schema's names, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import secrets
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

from tollkeeper.rules.chain import link

revision = "0014"
down_revision = "0013"

_FIGURES = (
    *("requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
    *("cost_micro", "cost_rest"),
)
_CHAINED = (
    *("request_id", "created_at", "settled_at", "user_id", "key_id", "model", "requested_model", "endpoint"),
    *("upstream", "stream", "status", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens"),
    *("reasoning_tokens", "estimated", "cost_pico", "price_id", "latency_ms", "first_token_ms", "queued_ms"),
    *("finish_reason", "metadata_digest", "attempts", "cache_write_1h_tokens", "images", "audio_ms", "characters"),
    *("team_id", "end_user_id"),
)
_VERSION = 5
_AT_ONCE = 1000


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, unique=True),
    )
    op.create_table(
        "record_metadata",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
    )
    connection = op.get_bind()
    connection.exec_driver_sql("ALTER TABLE records RENAME COLUMN metadata TO metadata_digest")
    for name in ("team_id", "end_user_id"):
        op.add_column("intents", sa.Column(name, sa.Text))
        op.add_column("records", sa.Column(name, sa.Text))
        present = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"records_of_{name[:-3]}", "records", [name, "request_id"], sqlite_where=present, postgresql_where=present
        )
    _identify(connection)
    for table, moment, more in (
        ("hourly", "hour", ("model", "key_id")),
        ("rollup_minutes", "minute", ("model", "key_id")),
        ("monthly_users", "month", ()),
        ("pruned_users", "month", None),
    ):
        _rewrite(connection, table, moment, more)
    op.create_index("hourly_of_user", "hourly", ["user_id", "hour"])
    _chain(connection)


def _identify(connection: sa.Connection) -> None:
    """Give each user of the accounts and the sums an opaque id."""
    tables = ("users", "hourly", "monthly_users", "pruned_users")
    found = connection.exec_driver_sql(" UNION ".join(f"SELECT user_id FROM {table}" for table in tables)).scalars()
    rows = [{"id": f"u_{secrets.token_hex(12)}", "user_id": user_id} for user_id in found]
    if rows:
        connection.execute(sa.text("INSERT INTO identities (id, user_id) VALUES (:id, :user_id)"), rows)


def _rewrite(connection: sa.Connection, name: str, moment: str, more: tuple[str, ...] | None) -> None:
    """Make a table of sums anew, by opaque ids, and with the new dimensions. `more`: the dimensions besides user and
    status; None: the user is the only one."""
    old = [moment, "user_id"] if more is None else [moment, "user_id", *more, "status"]
    new = [] if more is None else ["team_id", "end_user_id"] if more else ["team_id"]
    connection.exec_driver_sql("DROP INDEX IF EXISTS hourly_of_user")
    connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO old_{name}")
    op.create_table(
        name,
        *(sa.Column(each, sa.BigInteger if each == moment else sa.Text, nullable=False) for each in (*old, *new)),
        *(sa.Column(figure, sa.BigInteger, nullable=False) for figure in _FIGURES),
        sa.PrimaryKeyConstraint(*old, *new),
        sqlite_with_rowid=False,
    )
    values = ["identities.id" if each == "user_id" else each for each in old] + ["''" for _ in new]
    connection.exec_driver_sql(
        f"INSERT INTO {name} ({', '.join((*old, *new, *_FIGURES))})"
        f" SELECT {', '.join((*values, *_FIGURES))}"
        f" FROM old_{name} JOIN identities USING (user_id)"
    )
    connection.exec_driver_sql(f"DROP TABLE old_{name}")


def _chain(connection: sa.Connection) -> None:
    seq, digest = connection.exec_driver_sql("SELECT seq, hash FROM head").one()
    ids = {row.user_id: row.id for row in connection.exec_driver_sql("SELECT user_id, id FROM identities")}
    count = connection.exec_driver_sql("SELECT count(*) FROM records").scalar_one()
    if not count:
        return
    _begin_at(connection, seq - count, digest)
    change = sa.text(
        "UPDATE records SET user_id = :user_id, metadata_digest = :digest, hash = :hash WHERE request_id = :request_id"
    )
    apart = sa.text("INSERT INTO record_metadata (request_id, salt, metadata) VALUES (:request_id, :salt, :metadata)")
    for rows in _records(connection):
        changes: list[dict[str, Any]] = []
        metadata: list[dict[str, Any]] = []
        for row in rows:
            values = dict(row)
            number, text = values.pop("seq"), values["metadata_digest"]
            values["user_id"] = ids[values["user_id"]]
            if text is not None:
                salt = secrets.token_bytes(16)
                values["metadata_digest"] = sha256(salt + text.encode()).hexdigest()
                metadata.append({"request_id": values["request_id"], "salt": salt, "metadata": text})
            values["stream"], values["estimated"] = int(values["stream"]), int(values["estimated"])
            digest = link(digest, number, list(values.values()), _VERSION)
            changes.append(
                {
                    "request_id": values["request_id"],
                    "user_id": values["user_id"],
                    "digest": values["metadata_digest"],
                    "hash": digest,
                }
            )
        connection.execute(change, changes)
        if metadata:
            connection.execute(apart, metadata)
    connection.execute(sa.text("UPDATE head SET hash = :hash"), {"hash": digest})


def _begin_at(connection: sa.Connection, seq: int, digest: bytes) -> None:
    """Let the chain after record `seq` follow a hash."""
    if connection.execute(sa.text("UPDATE checkpoints SET hash = :h WHERE seq = :s"), {"h": digest, "s": seq}).rowcount:
        return
    figures = ", ".join(_FIGURES)
    connection.execute(
        sa.text(f"INSERT INTO checkpoints (seq, hash, newest, {figures}) VALUES (:s, :h, -1{', 0' * len(_FIGURES)})"),
        {"h": digest, "s": seq},
    )


def _records(connection: sa.Connection) -> Iterator[list[sa.RowMapping]]:
    """The records in the order of the chain, some at a time."""
    query = sa.text(f"SELECT seq, {', '.join(_CHAINED)} FROM records WHERE seq > :after ORDER BY seq LIMIT {_AT_ONCE}")
    after = -1
    while rows := list(connection.execute(query, {"after": after}).mappings()):
        yield rows
        after = rows[-1]["seq"]
