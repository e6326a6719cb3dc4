"""The explorer's question: who used what, when, at what cost, and how it went; grouped, ordered and paged.

Groups are those of `reports.Group`, and `"tag:NAME"`: the value of that name in the request's metadata. Refusals, which
have no records, are counted beside them where they have the dimension. Of records that were pruned the sums by tag
stay; of what has one tag the others are not known, so they count as being without those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from tollkeeper.rules.histograms import Percentiles
from tollkeeper.store.ports.reports import Filter, Totals

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
    Of them, `limit` are given, from the one at `offset` on."""

    which: Filter
    group_by: Sequence[str] = ()
    order_by: Figure | None = None
    ascending: bool = False
    limit: int = 100
    offset: int = 0


class Figures(Struct, frozen=True):
    """What one group used. `errors` are the requests that failed or were lost. `refused` is None where refusals do not
    have a dimension of the group or of the filter. Percentiles are of all requests that have the duration, whatever
    became of them but `lost`, of which nobody knows how long they took; None without any."""

    totals: Totals = Totals()
    errors: int = 0
    refused: int | None = None
    first_token_ms: Percentiles | None = None
    latency_ms: Percentiles | None = None


class Result(Struct, frozen=True):
    """The rows asked for, each with the values of its groups, written as in `Reports.summary` (a tag that a request
    does not have is ""); whether more rows follow; and the figures of all groups together."""

    rows: list[tuple[tuple[str, ...], Figures]]
    more: bool
    total: Figures


class Explorer(Protocol):
    """Never blocks the loop, never disturbs the writer."""

    async def explore(self, question: Question) -> Result:
        """Raises StoreError."""

    async def explore_groups(self, question: Question, groups: Sequence[tuple[str, ...]]) -> Result:
        """The rows of these groups alone, of the question's selection and period; groups without usage are left out;
        its order, limit and offset do not count. To compare what is shown with another period. Raises StoreError."""
