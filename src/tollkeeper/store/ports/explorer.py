"""The explorer's question: who used what, when, at what cost, and how it went; grouped, ordered and paged.

Groups are those of `reports.Group`, and `"tag:NAME"`: the value of that name in the request's metadata. Refusals, which
have no records, are counted beside them where they have the dimension. Of records that were pruned the sums by tag
stay; of what has one tag the others are not known, so they count as being without those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from tollkeeper.rules.histograms import Percentiles
from tollkeeper.store.ports.reports import Filter, Totals

T = TypeVar("T")
Figure = Literal[
    "requests",
    "prompt_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "total_tokens",
    "cost_usd",
    "errors",
    "refused",
    "first_token_p50",
    "first_token_p95",
    "latency_p50",
    "latency_p95",
]
TAG = "tag:"
"""What the name of a group by a value of metadata begins with."""


class Question(Struct, frozen=True):
    """What is asked. `group_by` names groups; no group gives one row. Rows are ordered by the figure `order_by`, the
    largest first unless `ascending`, rows without that figure last, equal ones by their group; None: by group alone.
    Of them, `limit` are given, from the one at `offset` on. `upto`: of records, only those whose number in the chain is
    not above it, so that the pages of one answer fit together, whatever is recorded meanwhile."""

    which: Filter
    group_by: Sequence[str] = ()
    order_by: Figure | None = None
    ascending: bool = False
    limit: int = 100
    offset: int = 0
    upto: int | None = None


class Figures(Struct, frozen=True):
    """What one group used. `errors` are the requests that failed or were lost. `refused` is None where refusals do not
    have a dimension of the group or of the filter. Percentiles are of all requests that have the duration, whatever
    became of them but `lost`, of which nobody knows how long they took; None without any."""

    totals: Totals = Totals()
    errors: int = 0
    refused: int | None = None
    first_token_ms: Percentiles | None = None
    latency_ms: Percentiles | None = None


Row = tuple[tuple[str, ...], Figures]
"""The values of the groups of a row, written as in `Reports.summary` (a tag that a request does not have is ""), and
its figures."""


class Result(Struct, frozen=True):
    """The rows asked for; whether more rows follow; the figures of all groups together; and the number of the last
    record in the chain when the question was answered."""

    rows: list[Row]
    more: bool
    total: Figures
    upto: int


class Snapshot(Protocol):
    """One state of the store, for whole answers. Its methods block, and raise StoreError."""

    def rows(self, question: Question) -> Iterator[list[Row]]:
        """All rows in order, some at a time; limit and offset do not count."""

    def some(self, question: Question, groups: Sequence[tuple[str, ...]]) -> list[Row]:
        """As `Explorer.explore_groups`, without the total."""


class Explorer(Protocol):
    """Never blocks the loop, never disturbs the writer. What takes too long raises StoreTimeout, and what would wait
    too long for other questions StoreOverloaded."""

    async def explore(self, question: Question) -> Result:
        """Raises StoreError."""

    async def explore_groups(self, question: Question, groups: Sequence[tuple[str, ...]]) -> Result:
        """The rows of these groups alone, of the question's selection and period; groups without usage are left out;
        its order, limit and offset do not count. To compare what is shown with another period. Raises StoreError."""

    async def on_snapshot(self, work: Callable[[Snapshot], T]) -> T:
        """Return what `work` returns, run off the event loop. It may take longer than a question. Raises StoreError."""
