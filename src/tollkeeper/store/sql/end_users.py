"""End users of users whose keys act for others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import asdict, replace
from sqlalchemy import Connection, bindparam, func, insert, literal, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.end_users import EndUser
from tollkeeper.store.sql.accounts import Interned
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.erasure import write_anew
from tollkeeper.store.sql.limits import limits_of, limits_text
from tollkeeper.store.sql.rows import Row
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import end_users as table

# In the order of the fields, so that a row is the arguments of a value.
_ALL = select(*(table.c[name] for name in EndUser.__struct_fields__))
_LIMITED = _ALL.where(table.c.limits.is_not(None)).order_by(table.c.id)
_FOUND = _ALL.where(table.c.user_id == bindparam("owner"), table.c.value == bindparam("wanted"))
_READ = _ALL.where(table.c.id == bindparam("wanted"))
_COUNT = select(func.count()).where(table.c.user_id == bindparam("owner"), table.c.value.is_not(None))
_PLACE = tuple_(table.c.created_at, table.c.id)


class SqlEndUsers:
    """See `ports.EndUserStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def with_limits(self) -> list[EndUser]:
        def read(connection: Connection) -> list[EndUser]:
            limits = Interned(limits_of)  # those of one key's end users are mostly the same
            return [EndUser(*[*row[:4], limits[row[4]], *row[5:]]) for row in connection.execute(_LIMITED)]

        return await self._reader.run(read)

    async def find(self, user_id: str, value: str) -> EndUser | None:
        return await self._reader.run(lambda connection: _find(connection, user_id, value))

    async def read(self, end_user_id: str) -> EndUser | None:
        def read(connection: Connection) -> EndUser | None:
            row = connection.execute(_READ, {"wanted": end_user_id}).one_or_none()
            return None if row is None else _of(row)

        return await self._reader.run(read)

    async def page(
        self, user_id: str, *, limit: int, after: str | None, part: str = "", ids: Sequence[str] | None = None
    ) -> list[EndUser]:
        query = _ALL.where(table.c.user_id == user_id).order_by(table.c.created_at, table.c.id).limit(limit)
        if after is not None:
            seen = select(table.c.created_at).where(table.c.id == after).scalar_subquery()
            query = query.where(tuple_(seen, literal(after)) < _PLACE)
        if part:
            query = query.where(table.c.value.icontains(part, autoescape=True))
        if ids is not None:
            query = query.where(table.c.id.in_(ids))
        return await self._reader.run(lambda connection: [_of(row) for row in connection.execute(query)])

    async def values(self, ids: Collection[str]) -> dict[str, str]:
        query = select(table.c.id, table.c.value).where(table.c.id.in_(ids), table.c.value.is_not(None))
        return await self._reader.run(lambda connection: {row[0]: row[1] for row in connection.execute(query)})

    async def add(self, end_user: EndUser, most: int) -> EndUser | None:
        saved = replace(end_user, version=1)
        assert end_user.value is not None, "nobody is erased before they are there"
        value = end_user.value

        def write(connection: Connection) -> EndUser | None:
            known = _find(connection, end_user.user_id, value)
            if known is not None:
                return known
            if connection.execute(_COUNT, {"owner": end_user.user_id}).scalar_one() >= most:
                return None
            try:
                connection.execute(insert(table), _row(saved))
            except IntegrityError:
                raise StoreConflict("an end user with this value was made by another writer") from None
            return saved

        return await self._writer.run(write)

    async def save(self, end_user: EndUser, audit: AuditEntry) -> EndUser:
        saved = replace(end_user, version=end_user.version + 1)
        same = (table.c.id == end_user.id, table.c.version == end_user.version)

        def write(connection: Connection) -> EndUser:
            if connection.execute(update(table).where(*same).values(_row(saved))).rowcount != 1:
                raise StoreConflict("an end user was changed by another writer after it was read")
            if saved.value is None:
                write_anew(connection, table)
            append(connection, audit)
            return saved

        return await self._writer.run(write)

    async def erase_of(self, user_id: str) -> Sequence[str]:
        kept = (table.c.user_id == user_id, table.c.value.is_not(None))
        erased = {"value": None, "limits": None, "status": "erased", "version": table.c.version + 1}

        def write(connection: Connection) -> Sequence[str]:
            found = connection.execute(select(table.c.id).where(*kept).order_by(table.c.id)).scalars().all()
            connection.execute(update(table).where(*kept).values(erased))
            return found

        return await self._writer.run(write)


def _find(connection: Connection, user_id: str, value: str) -> EndUser | None:
    row = connection.execute(_FOUND, {"owner": user_id, "wanted": value}).one_or_none()
    return None if row is None else _of(row)


def _row(end_user: EndUser) -> dict[str, object]:
    limits = end_user.limits
    return asdict(end_user) | {"limits": None if limits == NO_LIMITS else limits_text(limits)}


def _of(row: Row) -> EndUser:
    return EndUser(*[*row[:4], NO_LIMITS if row[4] is None else limits_of(row[4]), *row[5:]])
