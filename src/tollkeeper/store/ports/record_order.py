"""Orders in which records are listed, and places in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from tollkeeper.store.ports.records import Record

OrderBy = Literal["created_at", "cost_usd", "latency_ms"]
FIGURES: Mapping[OrderBy, Literal["cost_pico", "latency_ms"]] = {"cost_usd": "cost_pico", "latency_ms": "latency_ms"}
"""The attribute of a `Record`, and column, of the figure that an order goes by; in the order by time records go by
their ids alone, which contain it."""
_FIGURE = re.compile(r"-?[0-9]{1,19}")
_MOST = 2**63 - 1


class Place(NamedTuple):
    """The place of a record in an order; `figure` is 0 in the order by time. Places sort as their records do."""

    figure: int
    request_id: str


class Order(Struct, frozen=True):
    """Records by a figure, those in which it is equal by time; `descending`: the largest and newest come first."""

    by: OrderBy = "created_at"
    descending: bool = True

    @property
    def reverse(self) -> Order:
        return Order(self.by, descending=not self.descending)

    def place(self, record: Record) -> Place:
        return Place(getattr(record, FIGURES[self.by]) if self.by in FIGURES else 0, record.request_id)

    def write_cursor(self, record: Record) -> str:
        """The place of a record as text."""
        figure, request_id = self.place(record)
        return f"{self.by}~{figure}~{request_id}" if self.by in FIGURES else request_id

    def read_cursor(self, text: str) -> Place:
        """The place that a cursor of this order, or of its reverse, stands for. Raises ValueError."""
        if self.by not in FIGURES:
            return Place(0, text)
        by, _, rest = text.partition("~")
        figure, _, request_id = rest.partition("~")
        if by != self.by or not _FIGURE.fullmatch(figure) or not request_id or abs(int(figure)) > _MOST:
            raise ValueError(f"no cursor of an order by {self.by}")
        return Place(int(figure), request_id)


NEWEST = Order()
"""The order of lists unless another is chosen."""
