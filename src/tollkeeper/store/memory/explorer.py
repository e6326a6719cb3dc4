"""Figures by group, computed from all records and all counts of refusals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from tollkeeper.rules.histograms import BUCKETS, bucket_of, percentiles
from tollkeeper.store.memory.refusals import matches as matches_refusal
from tollkeeper.store.memory.reports import GROUPS, add_record, as_summed, matches, tag_of
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.explorer import TAG, Figure, Figures, Question, Result
from tollkeeper.store.ports.records import Record, requests_of
from tollkeeper.store.ports.refusals import RefusalFilter, RefusalKey
from tollkeeper.store.ports.reports import Filter, Group, Totals
from tollkeeper.store.time_buckets import day_label, hour_label

_OF_REFUSALS: Mapping[str, Callable[[RefusalKey], str]] = {
    "user": lambda key: key.user_id,
    "key": lambda key: key.key_id,
    "model": lambda key: key.model,
    "day": lambda key: day_label(key.minute),
    "hour": lambda key: hour_label(key.minute),
}
"""The groups that refusals have, too."""
_VALUES: Mapping[Figure, Callable[[Figures], int | None]] = {
    "requests": lambda each: each.totals.requests,
    "prompt_tokens": lambda each: each.totals.prompt_tokens,
    "cached_tokens": lambda each: each.totals.cached_tokens,
    "cache_write_tokens": lambda each: each.totals.cache_write_tokens,
    "completion_tokens": lambda each: each.totals.completion_tokens,
    "reasoning_tokens": lambda each: each.totals.reasoning_tokens,
    "total_tokens": lambda each: each.totals.prompt_tokens + each.totals.completion_tokens,
    "cost_usd": lambda each: each.totals.cost_pico,
    "errors": lambda each: each.errors,
    "refused": lambda each: each.refused,
    "first_token_p50": lambda each: each.first_token_ms and each.first_token_ms.p50,
    "first_token_p95": lambda each: each.first_token_ms and each.first_token_ms.p95,
    "latency_p50": lambda each: each.latency_ms and each.latency_ms.p50,
    "latency_p95": lambda each: each.latency_ms and each.latency_ms.p95,
}
_Place = tuple[str, ...]


class _Sum:
    """What is counted of one group."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.errors = self.refused = 0
        self.first_token = [0] * BUCKETS
        self.latency = [0] * BUCKETS

    def add(self, record: Record) -> None:
        self.totals = add_record(self.totals, record)
        if requests_of(record):
            self.errors += record.status in {"failed", "lost"}
        if requests_of(record) and record.status != "lost":
            self.latency[bucket_of(record.latency_ms)] += 1
            if record.first_token_ms is not None:
                self.first_token[bucket_of(record.first_token_ms)] += 1

    def figures(self, *, refusals: bool) -> Figures:
        refused = self.refused if refusals else None
        return Figures(self.totals, self.errors, refused, percentiles(self.first_token), percentiles(self.latency))


class MemoryExplorer:
    """See `ports.Explorer`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def explore(self, question: Question) -> Result:
        refusals = _has_refusals(question)
        rows = sorted(self._by(question.which, question.group_by, refusals=refusals).items())
        if question.order_by is not None:
            rows.sort(key=_order(question.order_by, ascending=question.ascending))
        end = question.offset + question.limit
        return Result(rows[question.offset : end], len(rows) > end, self._total(question, refusals=refusals))

    async def explore_groups(self, question: Question, groups: Sequence[_Place]) -> Result:
        refusals = _has_refusals(question)
        found = self._by(question.which, question.group_by, refusals=refusals)
        rows = [(group, found[group]) for group in groups if group in found]
        return Result(rows, False, self._total(question, refusals=refusals))

    def _total(self, question: Question, *, refusals: bool) -> Figures:
        return self._by(question.which, (), refusals=refusals)[()]

    def _by(self, which: Filter, group_by: Sequence[str], *, refusals: bool) -> dict[_Place, Figures]:
        sums: defaultdict[_Place, _Sum] = defaultdict(_Sum, {} if group_by else {(): _Sum()})
        for record in as_summed(self._tables):
            if matches(which, record):
                there = record.request_id in self._tables.records
                groups = (_value(name, record) if there or _is_known(name, which) else "" for name in group_by)
                sums[tuple(groups)].add(record)
        for key, count in self._tables.refusals.items() if refusals else ():
            if _matches_refusal(which, key):
                sums[tuple(_OF_REFUSALS[name](key) for name in group_by)].refused += count
        found = {place: each.figures(refusals=refusals) for place, each in sums.items()}
        return {place: each for place, each in found.items() if not place or each.totals != Totals() or each.refused}


def _has_refusals(question: Question) -> bool:
    """Whether refusals have every dimension of a question."""
    which = question.which
    others = (which.status, which.team_id, which.end_user_id, which.upstream, which.endpoint, which.tag)
    return all(name in _OF_REFUSALS for name in question.group_by) and all(each is None for each in others)


def _matches_refusal(which: Filter, key: RefusalKey) -> bool:
    return (
        matches_refusal(RefusalFilter(which.user_id, which.key_id, which.since, which.until), key)
        and (which.users is None or key.user_id in which.users)
        and which.model in (None, key.model)
    )


def _is_known(name: str, which: Filter) -> bool:
    """Whether a group is known of records that were pruned: two tags of one are not."""
    return which.tag is None or not name.startswith(TAG) or name == f"{TAG}{which.tag[0]}"


def _value(name: str, record: Record) -> str:
    return tag_of(record, name[len(TAG) :]) if name.startswith(TAG) else GROUPS[cast("Group", name)](record)


def _order(figure: Figure, *, ascending: bool) -> Callable[[tuple[_Place, Figures]], tuple[bool, int]]:
    value_of, sign = _VALUES[figure], 1 if ascending else -1

    def order(row: tuple[_Place, Figures]) -> tuple[bool, int]:
        value = value_of(row[1])
        return value is None, sign * (value or 0)

    return order
