"""Queries that add up, by group, to the figures or the histograms of the records of a selection.

They read the smallest tables of sums that have the dimensions of the question, over the ranges of `spans.py`; of the
hours that a span cuts, the records tell what is of it, and tags come from the sums by tag. What has no tag of a name is
what is left of all. Of records that were pruned only the hour is known: they count as made at its beginning, so that
the parts of a span always add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from tollkeeper.rules.histograms import BOUNDS_MS
from tollkeeper.rules.ids import made_at
from tollkeeper.rules.times import month_bounds
from tollkeeper.store.ports.explorer import TAG
from tollkeeper.store.ports.records import ADJUSTMENT
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sql.dialect import one_of, unindexed
from tollkeeper.store.sql.listing import begins_with
from tollkeeper.store.sql.record_index import ids_of
from tollkeeper.store.sql.schema import checkpoints, record_metadata, records, refusals
from tollkeeper.store.sql.spans import Level, Range, cover, is_unit, next_hour
from tollkeeper.store.sql.sum_tables import (
    FIGURES,
    FIRST_TOKENS,
    HISTOGRAMS,
    LATENCIES,
    daily_models,
    daily_tags,
    daily_teams,
    daily_users,
    hourly,
    hourly_models,
    hourly_tags,
    hourly_teams,
    monthly,
    monthly_users,
)
from tollkeeper.store.sql.sums import RECORD_SUMS, in_span
from tollkeeper.store.sql.tags import tag_of
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, hour_of

SUMMED = (*FIGURES, "errors", "refused")
"""Figures of each group, in the order of their columns."""
_ERRORS = ("failed", "lost")
COLUMNS: Mapping[str, str] = {
    "user": "user_id",
    "key": "key_id",
    "model": "model",
    "upstream": "upstream",
    "endpoint": "endpoint",
    "status": "status",
    "team": "team_id",
    "end_user": "end_user_id",
}
"""The columns of dimensions, of which the attributes of a filter have the names."""
_HISTOGRAMS = frozenset(HISTOGRAMS)
_OF_REFUSALS = {"user", "key", "model", "day", "hour"}
"""The dimensions that refusals have."""
Values = Mapping[str, Sequence[Any]]


class Selection(Struct, frozen=True):
    """What is summed: by which groups, which records, and (`shown`) only groups with these values, as the database has
    them. `which` has opaque ids of users."""

    which: Filter
    group_by: Sequence[str]
    shown: Values = {}

    @property
    def tag(self) -> str | None:
        """The name of the tag that is grouped by."""
        return next((name[len(TAG) :] for name in self.group_by if name.startswith(TAG)), None)

    @property
    def dimensions(self) -> set[str]:
        """What a table needs to have, besides tags."""
        asked = {name for name, column in COLUMNS.items() if getattr(self.which, column) is not None}
        asked |= {"user"} if self.which.users is not None else set()
        return asked | {name for name in self.group_by if not name.startswith(TAG)}

    @property
    def is_of_models(self) -> bool:
        """Whether the sums by model, which have histograms as well, have its dimensions."""
        return self.dimensions <= {"model", "upstream", "endpoint", "status", "day", "hour"}

    @property
    def has_histograms(self) -> bool:
        """Whether the smallest sums with its dimensions have histograms as well."""
        return self.is_of_models or self.is_of_teams

    @property
    def is_of_teams(self) -> bool:
        """Whether the sums by team have its dimensions."""
        return self.dimensions <= {"team", "model", "status", "day", "hour"}

    @property
    def of_users(self) -> bool:
        """Whether it is of some users only, so that their rows are found one by one."""
        return self.which.user_id is not None or self.which.users is not None or "user" in self.shown


class _Source(NamedTuple):
    """A table with its column of time, and what it knows by its dimensions."""

    table: Table
    at: ColumnElement[int]
    dimensions: Mapping[str, ColumnElement[Any]]


def _source(table: Table) -> _Source:
    at = table.columns[0]
    found: dict[str, ColumnElement[Any]] = {name: table.c[col] for name, col in COLUMNS.items() if col in table.c}
    if at.name == "day":  # itself, not an expression: its key has the groups in order
        found["day"] = at
    if at.name == "hour":
        found |= {"hour": at, "day": at - at % DAY_MS}
    return _Source(table, at, found)


class _Family(NamedTuple):
    """Tables with the same dimensions, and the rows of a unit of each, in proportion."""

    sources: Mapping[Level, _Source]
    sizes: Mapping[Level, int]


_MODELS = _Family({"day": _source(daily_models), "hour": _source(hourly_models)}, {"day": 1, "hour": 1})
_TEAMS = _Family({"day": _source(daily_teams), "hour": _source(hourly_teams)}, {"day": 1, "hour": 1})
_USERS = _Family(
    {"month": _source(monthly_users), "day": _source(daily_users), "hour": _source(hourly)},
    {"month": 7, "day": 7, "hour": 1},
)
_CROSSES = _Family({"month": _source(monthly), "hour": _source(hourly)}, {"month": 50, "hour": 1})
_TAGS = _Family({"day": _source(daily_tags), "hour": _source(hourly_tags)}, {"day": 1, "hour": 1})
_IN_RECORDS: Mapping[str, ColumnElement[Any]] = {
    "user": records.c.user_id,
    "key": func.coalesce(records.c.key_id, ""),
    "model": records.c.model,
    "upstream": records.c.upstream,
    "endpoint": records.c.endpoint,
    "status": unindexed(records.c.status),
    "team": func.coalesce(records.c.team_id, ""),
    "end_user": func.coalesce(records.c.end_user_id, ""),
    "hour": records.c.created_at - records.c.created_at % HOUR_MS,
    "day": records.c.created_at - records.c.created_at % DAY_MS,
}
_IN_REFUSALS: Mapping[str, ColumnElement[Any]] = {
    "user": refusals.c.user_id,
    "key": refusals.c.key_id,
    "model": refusals.c.model,
    "hour": refusals.c.minute - refusals.c.minute % HOUR_MS,
    "day": refusals.c.minute - refusals.c.minute % DAY_MS,
}
_NONE: ColumnElement[int] = literal_column("0")
_NO_TAG = literal("")
# Each in a query of its own, so that each is one look at an end of an index.
_KNOWN = select(
    select(func.min(hourly.c.hour)).scalar_subquery(),
    select(func.max(hourly.c.hour)).scalar_subquery(),
    select(func.max(records.c.request_id)).scalar_subquery(),
    select(checkpoints.c.newest).order_by(checkpoints.c.seq.desc()).limit(1).scalar_subquery(),
)


def _bucket(duration: ColumnElement[int], bucket: int) -> ColumnElement[int]:
    within = [records.c.endpoint != ADJUSTMENT, records.c.status != "lost", duration.is_not(None)]
    if bucket:
        within.append(duration > BOUNDS_MS[bucket - 1])
    if bucket < len(BOUNDS_MS):
        within.append(duration <= BOUNDS_MS[bucket])
    return func.sum(case((and_(*within), 1), else_=0))


_RECORD_FIGURES: Mapping[str, ColumnElement[int]] = {
    **dict(zip(FIGURES, RECORD_SUMS, strict=True)),
    "errors": func.sum(case((and_(records.c.status.in_(_ERRORS), records.c.endpoint != ADJUSTMENT), 1), else_=0)),
    "refused": _NONE,
    **{
        name: _bucket(duration, bucket)
        for names, duration in ((LATENCIES, records.c.latency_ms), (FIRST_TOKENS, records.c.first_token_ms))
        for bucket, name in enumerate(names)
    },
}


def has_refusals(selection: Selection) -> bool:
    """Whether refusals have every dimension of a selection."""
    return selection.dimensions <= _OF_REFUSALS and selection.which.tag is None and selection.tag is None


class Known(NamedTuple):
    """The hours in which there are sums at all; the moment of the newest record that is still there: of what ends after
    that, no record is left out; and that of the newest that was pruned."""

    first: int = 0
    end: int = 0
    newest: int = -1
    pruned: int = -1


def known_span(connection: Connection) -> Known:
    first, last, newest, pruned = connection.execute(_KNOWN).one()
    if first is None:
        return Known()
    return Known(
        first, last + HOUR_MS, -1 if newest is None else made_at(newest), -1 if pruned is None else int(pruned)
    )


def united(parts: Sequence[Select[Any]], width: int, names: Sequence[str]) -> Subquery:
    """The sums of several queries by `width` groups, as a table."""
    if len(parts) == 1:
        return parts[0].subquery("sums")
    every = union_all(*parts).subquery("parts")
    places = every.c[:width]
    figures = (func.sum(every.c[name]).label(name) for name in names)
    return select(*places, *figures).group_by(*places).subquery("sums")


class SumQueries:
    """Makes the queries of figures, of those of `names` (`SUMMED`, `HISTOGRAMS` or both): of what is selected, with
    refusals where `refused`."""

    def __init__(
        self, selection: Selection, known: Known, names: Sequence[str] = SUMMED, *, refused: bool = False
    ) -> None:
        self._selection = selection
        self._known = known
        self._names = names
        self._histograms = not _HISTOGRAMS.isdisjoint(names)
        self._refused = refused

    def parts(self) -> list[Select[Any]]:
        """Queries that add up, by group, to what is selected. Their columns are g0, g1 … and `names`."""
        which, tag = self._selection.which, self._selection.tag
        if which.since is not None and which.until is not None and which.since >= which.until:
            return []
        return [*self._of_requests(which.tag, tag), *self._refusals()]

    def of_later(self, upto: int) -> Select[Any]:
        """A query that subtracts the few records with a number in the chain above `upto`, which are found by that
        number alone."""
        which, tag = self._selection.which, self._selection.tag
        query = self._of_records(None, None, tag, sign=-1).where(records.c.seq > upto)
        if which.tag is not None:
            query = query.where(tag_of(which.tag[0]) == which.tag[1])
        if which.since is not None:
            query = query.where(records.c.created_at >= which.since)
        return query if which.until is None else query.where(records.c.created_at < which.until)

    def _of_requests(self, wanted: tuple[str, str] | None, tag: str | None) -> Iterator[Select[Any]]:
        if wanted is not None and tag not in (None, wanted[0]):
            yield from self._by_another_tag(wanted, tag)
            return
        name, value = wanted or (tag, None)
        if name is None:
            yield from self._all()
        elif value:
            yield from self.tagged(name, value)
        elif not self._shows_untagged(tag):
            yield from self.tagged(name)
        else:
            yield from self._all()
            if value is None:
                yield from self._parted(name)
            else:
                yield from self.tagged(name, sign=-1, apart=False)

    def _parted(self, name: str) -> Iterator[Select[Any]]:
        """What has a tag, by its value, and the same subtracted from what has none: read once."""
        group_by, asked = self._selection.group_by, f"{TAG}{name}"
        others = {group: values for group, values in self._selection.shown.items() if group != asked}
        parts = [*SumQueries(replace(self._selection, shown=others), self._known, self._names).tagged(name)]
        if not parts:
            return
        tagged = select(united(parts, len(group_by), self._names)).cte("tagged")
        values = self._selection.shown.get(asked)
        there = select(tagged)
        yield there if values is None else there.where(one_of(tagged.c[f"g{[*group_by].index(asked)}"], values))
        places = [
            _NO_TAG.label(f"g{place}") if group == asked else tagged.c[f"g{place}"]
            for place, group in enumerate(group_by)
        ]
        yield select(*places, *((-tagged.c[name]).label(name) for name in self._names))

    def _by_another_tag(self, wanted: tuple[str, str], tag: str | None) -> Iterator[Select[Any]]:
        """By one tag, of what has another: no sums are by two tags, so this reads records. Of those that were pruned,
        the one that is grouped by is not known any more."""
        since, until = self._selection.which.since, self._selection.which.until
        name, value = wanted
        there = tag_of(name) == value
        yield self._of_records(since, until, tag).where(there)
        if self._known.pruned >= hour_of(since or 0) and self._shows_untagged(tag):
            if value:
                yield from self.tagged(name, value, apart=False)
            else:
                yield from self._all()
                yield from self.tagged(name, sign=-1, apart=False)
            yield self._of_records(since, until, None, sign=-1).where(there)

    def _shows_untagged(self, tag: str | None) -> bool:
        values = self._selection.shown.get(f"{TAG}{tag}")
        return values is None or "" in values

    def _all(self) -> Iterator[Select[Any]]:
        first, last = self._whole_hours()
        for sign, start, end in self._cut_hours(first, last):
            yield self._of_records(start, end, None, sign)
        family = self._family()
        for part in cover(first, last, self._known[:2], self._sizes(family)):
            source = family.sources[part.level]
            yield self._of_sums(source, part, _NO_TAG)

    def tagged(
        self, name: str, wanted: str | None = None, sign: int = 1, *, apart: bool = True
    ) -> Iterator[Select[Any]]:
        """What has a tag, of any value or of the one that is `wanted`; by its value, where it is `apart`."""
        first, last = self._whole_hours()
        for part_sign, start, end in self._cut_hours(first, last):
            there = tag_of(name)
            query = self._of_records(start, end, name if apart else None, sign * part_sign)
            yield query.where(there != "" if wanted is None else there == wanted)
        for part in cover(first, last, self._known[:2], self._sizes(_TAGS)):
            source = _TAGS.sources[part.level]
            value = source.table.c.value
            query = self._of_sums(source, part._replace(sign=sign * part.sign), value if apart else _NO_TAG)
            query = query.where(source.table.c.name == name)
            yield query if wanted is None else query.where(value == wanted)

    def _whole_hours(self) -> tuple[int, int]:
        """The hours that begin in the span; where there are none, the second moment is not after the first."""
        which = self._selection.which
        first = self._known.first if which.since is None else next_hour(which.since)
        last = self._known.end if which.until is None else next_hour(which.until)
        return (first, first) if which.request_id is not None else (first, last)

    def _cut_hours(self, first: int, last: int) -> Iterator[tuple[int, int | None, int | None]]:
        """The records by which the span differs from the hours that begin in it, and whether they are to be added (1)
        or subtracted (-1)."""
        since, until = self._selection.which.since, self._selection.which.until
        if first >= last:
            yield 1, since, until
            return
        if since is not None and since < first:
            yield 1, since, first
        if until is not None and until < last and until <= self._known.newest:
            yield -1, until, last

    def _family(self) -> _Family:
        needed = self._selection.dimensions
        if self._selection.is_of_models:
            return _MODELS
        if self._selection.is_of_teams:
            return _TEAMS
        return _USERS if needed <= {"user", "key", "status", "team", "day", "hour"} else _CROSSES

    def _sizes(self, family: _Family) -> Mapping[Level, int]:
        """The levels of a family that have what is needed. Of some users, the rows of many hours are one place in an
        index, those of days are not."""
        needed = self._selection.dimensions
        return {
            level: size
            for level, size in family.sizes.items()
            if needed <= family.sources[level].dimensions.keys()
            and (not self._histograms or HISTOGRAMS[0] in family.sources[level].table.c)
            and not (level == "day" and self._selection.of_users)
        }

    def _of_sums(self, source: _Source, part: Range, tag: ColumnElement[str]) -> Select[Any]:
        table = source.table
        figures: dict[str, ColumnElement[int]] = {
            name: func.sum(table.c[name]) for name in self._names if name in table.c
        }
        errors = func.sum(case((table.c.status.in_(_ERRORS), table.c.requests), else_=0))
        figures |= {"errors": errors, "refused": _NONE}
        dimensions = dict(source.dimensions)
        if table is hourly and not self._selection.of_users:
            dimensions["user"] = unindexed(hourly.c.user_id)
        query = self._grouped(table, dimensions, figures, tag, part.sign)
        if table is hourly and self._histograms:
            query = query.where(*self._their_users(part))
        if is_unit(part):
            return query.where(source.at == part.start)  # in the order of the next column, so that groups need no sort
        return query.where(source.at >= part.start, source.at < part.end)

    def _their_users(self, part: Range) -> Iterator[ColumnElement[bool]]:
        """The condition for rows by hour of the users of some keys, by whom they are found."""
        keys = [self._selection.which.key_id] if self._selection.which.key_id else self._selection.shown.get("key")
        if keys and not self._selection.of_users:
            months = monthly_users.c.month.between(month_bounds(part.start)[0], part.end)
            theirs = select(monthly_users.c.user_id).where(months, one_of(monthly_users.c.key_id, keys))
            yield hourly.c.user_id.in_(theirs)

    def _of_records(self, since: int | None, until: int | None, tag: str | None, sign: int = 1) -> Select[Any]:
        value = _NO_TAG if tag is None else tag_of(tag)
        query = self._grouped(records, _IN_RECORDS, _RECORD_FIGURES, value, sign)
        user = self._selection.which.user_id
        if user is not None:
            theirs = ids_of("user_id", user)
            (id_,) = theirs.selected_columns
            query = query.where(records.c.request_id.in_(in_span(theirs, since, until, id_)))
        if self._selection.which.tag is not None or self._selection.tag is not None:
            same = record_metadata.c.request_id == records.c.request_id
            query = query.select_from(records.outerjoin(record_metadata, same))
        if self._selection.which.request_id is not None:
            query = query.where(begins_with(self._selection.which.request_id))
        return in_span(query, since, until)

    def _refusals(self) -> Iterator[Select[Any]]:
        which = self._selection.which
        if not self._refused:
            return
        figures = dict.fromkeys(self._names, _NONE) | {"refused": func.sum(refusals.c.count)}
        query = self._grouped(refusals, _IN_REFUSALS, figures, _NO_TAG, 1)
        if which.since is not None:
            query = query.where(refusals.c.minute >= which.since)
        yield query if which.until is None else query.where(refusals.c.minute < which.until)

    def _grouped(
        self,
        table: Table,
        dimensions: Mapping[str, ColumnElement[Any]],
        figures: Mapping[str, ColumnElement[int]],
        tag: ColumnElement[str],
        sign: int,
    ) -> Select[Any]:
        """Figures by group of the rows that the filters leave."""
        groups = [tag if name.startswith(TAG) else dimensions[name] for name in self._selection.group_by]
        query: Select[Any] = select(
            *(group.label(f"g{place}") for place, group in enumerate(groups)),
            *((figures[name] if sign == 1 else -figures[name]).label(name) for name in self._names),
        ).select_from(table)
        # By their names: parameters in an expression would make it another one.
        query = query.group_by(*(f"g{place}" for place, group in enumerate(groups) if group is not _NO_TAG))
        return query.where(*self._conditions(dimensions), *self._only_shown(dimensions, tag))

    def _conditions(self, dimensions: Mapping[str, ColumnElement[Any]]) -> Iterator[ColumnElement[bool]]:
        which = self._selection.which
        for name, attribute in COLUMNS.items():
            wanted = getattr(which, attribute)
            if wanted is not None:
                yield dimensions[name] == wanted
        if which.users is not None:
            yield one_of(dimensions["user"], which.users)

    def _only_shown(
        self, dimensions: Mapping[str, ColumnElement[Any]], tag: ColumnElement[str]
    ) -> Iterator[ColumnElement[bool]]:
        for name, values in self._selection.shown.items():
            if name.startswith(TAG):
                if tag is not _NO_TAG:
                    yield one_of(tag, values)
            elif name in {"day", "hour"}:
                yield dimensions[name].in_(values)
            else:
                yield one_of(dimensions[name], values)
