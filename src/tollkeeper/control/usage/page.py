"""A page of records: in which order, and after or before which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from pydantic import Field

from tollkeeper.control.http.schemas import Page
from tollkeeper.control.usage.filters import ByRequest
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.store.ports.record_order import Order, OrderBy
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Filter, Reports

Ordering = Literal["-created_at", "created_at", "-cost_usd", "cost_usd", "-latency_ms", "latency_ms"]
_ORDERS = {f"{sign}{by}": Order(by, descending=sign == "-") for by in get_args(OrderBy) for sign in ("-", "")}


class RecordPage(Page, ByRequest):
    before: str | None = Field(None, max_length=200, description="The `previous` of the page after it.")
    order_by: Ordering = Field("-created_at", description="With a leading `-`: newest or largest first.")


class Rows(NamedTuple):
    """The records of a page, and the cursors of the pages after and before it; None: there is none."""

    records: Sequence[Record]
    next: str | None
    previous: str | None


async def read_page(reports: Reports, which: Filter, query: RecordPage) -> Rows:
    """The page of a query. Raises Unprocessable."""
    order = _ORDERS[query.order_by]
    for name in ("after", "before"):
        _check_cursor(order, getattr(query, name), name)
    if query.after is not None and query.before is not None:
        raise Unprocessable("Send 'after' or 'before', not both.", param="before")
    back = query.before is not None
    found = await reports.records(
        which,
        limit=query.limit + 1,
        after=query.before if back else query.after,
        order=order.reverse if back else order,
    )
    more = len(found) > query.limit
    rows = found[: query.limit][::-1] if back else found[: query.limit]
    # On the side that the page is read from is the record that its cursor is of.
    return Rows(
        rows,
        order.write_cursor(rows[-1]) if rows and (back or more) else None,
        order.write_cursor(rows[0]) if rows and (more if back else query.after is not None) else None,
    )


def _check_cursor(order: Order, text: str | None, name: str) -> None:
    try:
        if text is not None:
            order.read_cursor(text)
    except ValueError:
        raise Unprocessable(
            f"'{name}' must be a cursor of a page of this list, in the same order.", param=name
        ) from None
