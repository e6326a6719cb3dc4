"""Groups and selections of reports, in the values of the database and in those of its callers: users by opaque ids,
times in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from tollkeeper.rules.times import parse_time
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.time_buckets import day_label, hour_label

_LABELS: Mapping[str, Callable[[Any], str]] = {"hour": hour_label, "day": day_label}


def labeller(group_by: Sequence[str], identities: Identities) -> Callable[[tuple[Any, ...]], tuple[str, ...]]:
    """A function from the values of groups, as the database has them, to the labels of reports."""
    labels = [identities.user_id_of if name == "user" else _LABELS.get(name, str) for name in group_by]
    return lambda group: tuple(label(part) for label, part in zip(labels, group, strict=True))


def values_of(group: tuple[str, ...], group_by: Sequence[str], identities: Identities) -> tuple[Any, ...]:
    """The values of a group, as the database has them, from its labels."""
    return tuple(
        identities.id_of(label) if name == "user" else parse_time(label) if name in _LABELS else label
        for name, label in zip(group_by, group, strict=True)
    )


def opaque(which: Filter, identities: Identities) -> Filter:
    """The same selection, by opaque ids of users."""
    id_of = identities.id_of
    return replace(
        which,
        user_id=None if which.user_id is None else id_of(which.user_id),
        users=None if which.users is None else [*map(id_of, which.users)],
    )
