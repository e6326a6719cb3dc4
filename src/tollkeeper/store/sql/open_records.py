"""Records that no invoice covers: found by sums, then added up by payer, model, upstream and version of the price.

The month to finalize takes one pass over its records, in the order of their ids. Late records are looked for only where
the sums by month say that there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    outerjoin,
    select,
    union_all,
)

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.rules.invoice_lines import Adjusted, Consumption, MonthUse
from tollkeeper.rules.invoices import PayerId
from tollkeeper.rules.invoicing import Range, uncovered
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import month_bounds
from tollkeeper.store.ports.invoices import CoveredRange, OpenMonth, OpenRecords, joined, range_sums, reason_in
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.sql.dialect import TRUE, one_of, unindexed
from tollkeeper.store.sql.record_index import ids_of
from tollkeeper.store.sql.rows import USER_PLACE, record_of
from tollkeeper.store.sql.schema import head, invoice_ranges, invoices, prices, record_metadata, records
from tollkeeper.store.sql.sum_tables import FIGURES, PICO_PER_MICRO, monthly_users
from tollkeeper.store.sql.sums import in_span

Covered = Mapping[tuple[PayerId, int], Sequence[Range]]
"""The ranges that invoices cover, by payer and month."""


UserOf = Callable[[str], str]
"""The user id that an opaque id stands for."""


class Payers(NamedTuple):
    """Who pays for the rows of a table: the columns of the payer's kind and id."""

    kind: ColumnElement[str]
    id: ColumnElement[str]

    def are(self, payer: PayerId) -> ColumnElement[bool]:
        return and_(self.kind == payer.kind, self.id == payer.id)


_TEAM: ColumnElement[str] = literal_column("'team'")
_USER: ColumnElement[str] = literal_column("'user'")
OF_RECORDS = Payers(
    case((records.c.team_id.is_not(None), _TEAM), else_=_USER),
    func.coalesce(records.c.team_id, records.c.user_id),
)
OF_MONTHS = Payers(
    case((monthly_users.c.team_id != "", _TEAM), else_=_USER),
    case((monthly_users.c.team_id != "", monthly_users.c.team_id), else_=monthly_users.c.user_id),
)
OF_RANGES = Payers(invoice_ranges.c.payer_kind, invoice_ranges.c.payer_id)
OF_INVOICES = Payers(invoices.c.payer_kind, invoices.c.payer_id)
HELD = invoice_ranges.c.holds == TRUE

_IS_REQUEST = records.c.endpoint != ADJUSTMENT
_USED = ("prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens",
         "cache_write_1h_tokens", "images", "audio_ms", "characters")  # fmt: skip
_SERVED = or_(
    records.c.status == "completed",
    records.c.estimated == TRUE,
    *(records.c[name] != literal_column("0") for name in _USED),
)
_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")
_MILLION: ColumnElement[int] = literal_column(str(PICO_PER_MICRO))
_COST = records.c.cost_pico
_SUMS = (
    func.count(),
    *(func.sum(records.c[name]) for name in _USED),
    func.sum(case((_SERVED, _ONE), else_=_ZERO)),
    func.sum(_COST // _MILLION),
    func.sum(_COST % _MILLION),
)
_PLACE = (*OF_RECORDS, records.c.model, records.c.upstream, records.c.price_id)
_CORRECTION = (
    *OF_RECORDS, records.c.request_id, records.c.created_at, records.c.user_id, record_metadata.c.metadata, _COST,
)  # fmt: skip
_WITH_METADATA = outerjoin(records, record_metadata, record_metadata.c.request_id == records.c.request_id)


def open_records(
    connection: Connection, user_of: UserOf, month: int, upto: int, payer: PayerId | None, remade: bool
) -> tuple[list[OpenRecords], int]:
    """See `ports.InvoiceStore`. Here, and below, ids of users who pay are opaque ones; `user_of` gives the user id that
    one stands for."""
    invoiced = _invoiced(connection, invoices.c.month == month, payer)
    done = {who for who, _ in invoiced}
    left_out = done | (set() if remade else _ever_invoiced(connection, month))
    late = [place for place in _late(connection, month, payer) if place[0] not in left_out]
    covered = covered_ranges(connection, {month, *(of for _, of in late)}, None if payer is None else [payer])
    reader = UseReader(connection, user_of)
    found: dict[PayerId, list[OpenMonth]] = {}
    if payer is None:
        for who, use in reader.never_covered(month, upto):
            found[who] = [OpenMonth(use, (_range(use, 0, upto),), ())]
    partly = {(who, of) for who, of in covered if of == month} if payer is None else {(payer, month)}
    for who, of in sorted(partly | set(late)):
        if who in left_out:
            continue
        part = reader.gaps(who, of, covered.get((who, of), ()), upto)
        if part is not None:
            found.setdefault(who, []).append(part)
    return [
        OpenRecords(who, tuple(sorted(parts, key=lambda part: -part.use.month)))
        for who, parts in sorted(found.items())
        if who not in left_out
    ], len(done)


def covered_ranges(connection: Connection, months: Collection[int], payers: Collection[PayerId] | None) -> Covered:
    """The ranges that invoices cover in these months, and those that were pruned before any did; None: of all
    payers."""
    columns = invoice_ranges.c
    query = select(*OF_RANGES, columns.month, columns.after_seq, columns.upto_seq).where(
        HELD, columns.month.in_(months)
    )
    if payers is not None:
        query = query.where(one_of(OF_RANGES.id, {payer.id for payer in payers}))
    found: dict[tuple[PayerId, int], list[Range]] = {}
    for kind, id_, month, after, upto in connection.execute(query):
        found.setdefault((PayerId(kind, id_), month), []).append((after, upto))
    return {place: tuple(sorted(ranges)) for place, ranges in found.items()}


_RANGES_OF_PAYER = select(invoice_ranges.c.month, invoice_ranges.c.after_seq, invoice_ranges.c.upto_seq).where(
    bindparam("of_kind") == OF_RANGES.kind, bindparam("of_id") == OF_RANGES.id, HELD
)


def payers_ranges(connection: Connection, payer: PayerId) -> Mapping[int, tuple[Range, ...]]:
    """The same of one payer, by month."""
    found: dict[int, list[Range]] = {}
    for month, after, upto in connection.execute(_RANGES_OF_PAYER, {"of_kind": payer.kind, "of_id": payer.id}):
        found.setdefault(month, []).append((after, upto))
    return {month: tuple(sorted(ranges)) for month, ranges in found.items()}


def unbalanced(*where: ColumnElement[bool], of_months: ColumnElement[bool] | None = None) -> Select[Any]:
    """Payers and months whose sums by month are not those of what invoices cover: kind, id, month, then the open
    figures."""
    used = select(*OF_MONTHS, monthly_users.c.month.label("month"), *(monthly_users.c[name] for name in FIGURES))
    if of_months is not None:
        used = used.where(of_months)
    taken = select(
        *OF_RANGES, invoice_ranges.c.month, *((-invoice_ranges.c[name]).label(name) for name in FIGURES)
    ).where(HELD, *where)
    both = union_all(
        used.with_only_columns(
            OF_MONTHS.kind.label("payer_kind"),
            OF_MONTHS.id.label("payer_id"),
            monthly_users.c.month,
            *(monthly_users.c[name] for name in FIGURES),
        ),
        taken,
    ).subquery()
    sums = [func.sum(both.c[name]) for name in FIGURES]
    *counts, micro, rest = sums
    money = or_(rest % _MILLION != _ZERO, micro + rest // _MILLION != _ZERO)
    return (
        select(both.c.payer_kind, both.c.payer_id, both.c.month, *sums)
        .group_by(both.c.payer_kind, both.c.payer_id, both.c.month)
        .having(or_(*(each != _ZERO for each in counts), money))
    )


def uncovered_costs(connection: Connection, month: int) -> Iterator[tuple[PayerId, int]]:
    """What the records of a month that no range covers cost, by payer; as far as the sums by month have them."""
    sums = (
        func.sum(_COST // _MILLION),
        func.sum(_COST % _MILLION),
    )
    ranges = invoice_ranges.c
    inside = exists().where(
        HELD,
        OF_RANGES.kind == OF_RECORDS.kind,
        OF_RANGES.id == OF_RECORDS.id,
        ranges.month == month,
        records.c.seq > ranges.after_seq,
        records.c.seq <= ranges.upto_seq,
    )
    summed = records.c.seq <= select(head.c.rolled_up).scalar_subquery()
    query = select(*OF_RECORDS, *sums).where(_in_month(month), summed, not_(inside)).group_by(*OF_RECORDS)
    for kind, id_, micro, rest in connection.execute(query):
        yield PayerId(kind, id_), micro * PICO_PER_MICRO + rest


class UseReader:
    """Reads what payers used, from records."""

    def __init__(self, connection: Connection, user_of: UserOf) -> None:
        self._connection = connection
        self._user_of = user_of
        self._prices = {row[0]: Price(*row) for row in connection.execute(select(prices))}

    def never_covered(self, month: int, upto: int) -> Iterator[tuple[PayerId, MonthUse]]:
        """The use of every payer of whose month no range is covered, up to the position `upto` of the chain."""
        covered = exists().where(
            HELD,
            OF_RANGES.kind == OF_RECORDS.kind,
            OF_RANGES.id == OF_RECORDS.id,
            invoice_ranges.c.month == month,
        )
        return self._uses(month, _in_month(month), records.c.seq <= upto, not_(covered))

    def gaps(self, payer: PayerId, month: int, covered: Sequence[Range], upto: int) -> OpenMonth | None:
        """What lies between the covered ranges of a payer's month; None: no record does."""
        found = [(gap, self.within(payer, month, gap)) for gap in uncovered(covered, upto)]
        filled = [(gap, use) for gap, use in found if use.records]
        if not filled:
            return None
        whole = joined(month, [use for _, use in filled])
        return OpenMonth(whole, tuple(_range(use, *gap) for gap, use in filled), tuple(covered))

    def within(self, payer: PayerId, month: int, span: Range) -> MonthUse:
        """The use of a payer's month in one range."""
        after, upto = span
        seq = unindexed(records.c.seq)
        where = (_of(payer, month), seq > after, seq <= upto)
        return next((use for _, use in self._uses(month, *where)), MonthUse(month))

    def records(self, payer: PayerId, ranges: Sequence[CoveredRange], limit: int, after: str | None) -> list[Record]:
        """See `ports.InvoiceStore`."""
        seq = unindexed(records.c.seq)
        inside = [and_(_of(payer, each.month), seq > each.after, seq <= each.upto) for each in ranges]
        query = select(records, record_metadata.c.metadata).select_from(_WITH_METADATA)
        query = query.where(or_(false(), *inside)).order_by(records.c.request_id).limit(limit)
        if after is not None:
            query = query.where(records.c.request_id > after)
        rows = self._connection.execute(query)
        return [record_of(row, self._user_of(row[USER_PLACE]), row[-1]) for row in rows]

    def _uses(self, month: int, *where: ColumnElement[bool]) -> Iterator[tuple[PayerId, MonthUse]]:
        consumption: dict[PayerId, list[Consumption]] = {}
        groups = select(*_PLACE, *_SUMS).where(_IS_REQUEST, *where).group_by(*_PLACE)
        for row in self._connection.execute(groups):
            kind, id_, model, upstream, price_id, *sums, micro, rest = row
            figures = dict(zip(("records", *_USED, "served"), sums, strict=True))
            consumption.setdefault(PayerId(kind, id_), []).append(
                Consumption(
                    model=model,
                    upstream=upstream,
                    price_id=price_id,
                    price=self._prices.get(price_id),
                    cost_pico=micro * PICO_PER_MICRO + rest,
                    **figures,
                )
            )
        adjustments: dict[PayerId, list[Adjusted]] = {}
        corrections = select(*_CORRECTION).select_from(_WITH_METADATA)
        of_no_model = records.c.request_id.in_(_within(ids_of("model", ""), month))
        for row in self._connection.execute(corrections.where(of_no_model, not_(_IS_REQUEST), *where)):
            kind, id_, request_id, at, opaque, metadata, cost = row
            found = Adjusted(request_id, at, self._user_of(opaque), reason_in(metadata), cost)
            adjustments.setdefault(PayerId(kind, id_), []).append(found)
        for who in sorted({*consumption, *adjustments}):
            yield who, MonthUse(month, tuple(consumption.get(who, ())), tuple(adjustments.get(who, ())))


def _in_month(month: int) -> ColumnElement[bool]:
    _, end = month_bounds(month)
    return and_(records.c.request_id >= request_id_floor(month), records.c.request_id < request_id_floor(end))


def _of(payer: PayerId, month: int) -> ColumnElement[bool]:
    """The condition for a payer's records of a month."""
    if payer.kind == "team":
        return records.c.request_id.in_(_within(ids_of("team_id", payer.id), month))
    theirs = records.c.request_id.in_(_within(ids_of("user_id", payer.id), month))
    return and_(theirs, records.c.team_id.is_(None))


def _within(ids: Select[tuple[str]], month: int) -> Select[tuple[str]]:
    (id_,) = ids.selected_columns
    return in_span(ids, *month_bounds(month), id_)


def _range(use: MonthUse, after: int, upto: int) -> CoveredRange:
    return CoveredRange(use.month, after, upto, use.records, range_sums(use))


def _invoiced(connection: Connection, when: ColumnElement[bool], payer: PayerId | None) -> set[tuple[PayerId, int]]:
    query = select(*OF_INVOICES, invoices.c.month).where(invoices.c.holds == TRUE, when)
    if payer is not None:
        query = query.where(OF_INVOICES.are(payer))
    return {(PayerId(kind, id_), month) for kind, id_, month in connection.execute(query)}


def _ever_invoiced(connection: Connection, month: int) -> set[PayerId]:
    query = select(*OF_INVOICES, invoices.c.id).where(invoices.c.month == month)
    return {PayerId(kind, id_) for kind, id_, _ in connection.execute(query)}


def _late(connection: Connection, month: int, payer: PayerId | None) -> list[tuple[PayerId, int]]:
    """Payers and earlier months that are invoiced, but not all of their records."""
    earlier = invoices.c.month < month
    if payer is None:
        held = _invoiced(connection, earlier, None)
        open_ = unbalanced(invoice_ranges.c.month < month, of_months=monthly_users.c.month < month)
    else:
        held = _invoiced(connection, earlier, payer)
        months = [of for _, of in held]
        mine = monthly_users.c.team_id == payer.id if payer.kind == "team" else (
            and_(monthly_users.c.user_id == payer.id, monthly_users.c.team_id == "")
        )  # fmt: skip
        ranges = and_(OF_RANGES.are(payer), invoice_ranges.c.month.in_(months))
        open_ = unbalanced(ranges, of_months=and_(monthly_users.c.month.in_(months), mine))
    if not held:
        return []
    found = ((PayerId(kind, id_), of) for kind, id_, of, *_ in connection.execute(open_))
    return [place for place in found if place in held]


def open_months(connection: Connection) -> list[int]:
    """See `ports.InvoiceStore`."""
    open_ = unbalanced().subquery()
    return [month for (month,) in connection.execute(select(open_.c.month).distinct().order_by(open_.c.month))]
