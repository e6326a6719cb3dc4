"""Finding whatever has a name or an id: for whoever knows what they look for, but not on which page it is.

All but records and invoices are searched in memory; those are looked up by their ids, so nothing is scanned in the
database. Of keys only the part that may be shown is compared.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from heapq import nsmallest
from operator import itemgetter
from typing import Annotated, Literal, TypeVar

from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import admin_router
from tollkeeper.control.http.schemas import Query
from tollkeeper.rules.ids import beginning_of
from tollkeeper.services.accounts.keys import key_status
from tollkeeper.store.ports.accounts import Key
from tollkeeper.store.ports.reports import Filter
from tollkeeper.wire.credentials import shown_as

T = TypeVar("T")
Kind = Literal["user", "team", "key", "model", "upstream", "request", "invoice"]
MOST = 5
"""The most of each kind."""
_REQUEST = re.compile(r"req_[0-9a-f]{8,28}")
"""From so many digits on, a beginning stands for at most a minute of requests."""


class Hit(BaseModel):
    """Something that was found. `name` is that of a user, team or key, and an invoice's number; `prefix` is the part of
    a key that may be shown; `user_id` is whose key, request or invoice it is, null for an invoice of a team."""

    kind: Kind
    id: str
    name: str | None = None
    prefix: str | None = None
    user_id: str | None = None
    status: str | None = None


class Hits(BaseModel):
    object: Literal["list"] = "list"
    data: list[Hit]


class SearchQuery(Query):
    q: str = Field(
        min_length=1,
        max_length=200,
        description="A part of an id or name; of a key what lists show of it; of a request the beginning of its id; the"
        " number of an invoice.",
    )


router = admin_router("search")


@router.get("/admin/search", summary="Users, teams, keys, models, upstreams, requests and invoices by name or id")
async def _search(services: Services, query: Annotated[SearchQuery, FromQuery()]) -> Hits:
    """At most 5 of each kind, the closest first."""
    text = query.q.strip()
    is_shown = shown_as(text)
    if not text:
        return Hits(data=[])
    accounts, part, now = services.accounts, text.casefold(), services.now()
    users, teams, keys = accounts.users(), accounts.teams.all(), accounts.keys()

    def named() -> list[Hit]:
        """Of users and keys there may be many thousands."""
        return [
            *(
                Hit(kind="user", id=user.user_id, name=user.name, status=user.status)
                for user in _closest(users, lambda each: closeness(part, each.user_id, each.name))
            ),
            *(
                Hit(kind="team", id=team.team_id, name=team.name, status=team.status)
                for team in _closest(teams, lambda each: closeness(part, each.team_id, each.name))
            ),
            *(_key(key, now) for key in _closest(keys, lambda each: _key_closeness(text, part, is_shown, each))),
        ]

    return Hits(
        data=[
            *await asyncio.to_thread(named),
            *_models(services, part),
            *_upstreams(services, part),
            *await _requests(services, text),
            *await _invoices(services, text),
        ]
    )


def _closest(those: Iterable[T], distance: Callable[[T], int | None]) -> list[T]:
    """The few that are closest, in their order where they are as close; `distance` is None for those that are not
    meant."""
    found = ((how_far, place, each) for place, each in enumerate(those) if (how_far := distance(each)) is not None)
    return [each for _, _, each in nsmallest(MOST, found, key=itemgetter(0, 1))]


def closeness(part: str, id_: str, name: str | None = None) -> int | None:
    """How far something is from what was typed, case-folded: 0 is its id; None: it is something else."""
    folded = id_.casefold()
    named = "" if name is None else name.casefold()
    if part == folded:
        return 0
    if part == named:
        return 1
    if folded.startswith(part):
        return 2
    if named.startswith(part):
        return 3
    return 4 if part in folded or part in named else None


def _key_closeness(text: str, part: str, is_shown: Callable[[str], bool], key: Key) -> int | None:
    if text == key.id or is_shown(key.prefix):
        return 0
    return None if key.name is None else closeness(part, key.id, key.name)


def _key(key: Key, now: int) -> Hit:
    status = key_status(key, now)
    return Hit(kind="key", id=key.id, name=key.name, prefix=key.prefix, user_id=key.user_id, status=status)


def _models(services: ControlServices, part: str) -> list[Hit]:
    found = _closest(services.catalog.models(), lambda each: closeness(part, each.name))
    return [Hit(kind="model", id=model.name) for model in found]


def _upstreams(services: ControlServices, part: str) -> list[Hit]:
    found = _closest(services.pool.upstreams(), lambda each: closeness(part, each.config.id))
    return [Hit(kind="upstream", id=each.config.id, status=each.config.state) for each in found]


async def _requests(services: ControlServices, text: str) -> list[Hit]:
    beginning = beginning_of(text)
    if not _REQUEST.fullmatch(beginning):
        return []
    found = await services.reports.records(Filter(request_id=beginning), limit=MOST, after=None)
    return [Hit(kind="request", id=record.request_id, user_id=record.user_id, status=record.status) for record in found]


async def _invoices(services: ControlServices, text: str) -> list[Hit]:
    found = await services.billing.find(text) or await services.billing.find(text.upper())
    if found is None:
        return []
    payer = found.payer.ref
    user_id = payer.id if payer.kind == "user" else None
    return [Hit(kind="invoice", id=found.id, name=found.number, user_id=user_id, status=found.status)]
