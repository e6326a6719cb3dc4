"""Users, by admins."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Literal

from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Form, Listing, Name, Page, Time, exact, no_default, page_of
from tollkeeper.control.limits import LimitsForm, UsageBody, usage_body
from tollkeeper.control.routes import ByAdmin, admin_router
from tollkeeper.control.usage import Usd, total_of
from tollkeeper.rules.errors import Conflict, Unprocessable
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_time, month_of
from tollkeeper.services.accounts import USER_ID, UserChange
from tollkeeper.services.audit import Actor
from tollkeeper.store.ports import Filter, Role, Totals, User, UserStatus

Password = Annotated[str, Field(min_length=6, max_length=1024)]
Sort = Literal["user_id", "requests", "tokens", "cost", "last_seen", "created"]
DAY_MS = 86_400_000
DAYS = 7
_AT_ONCE = 20
"""Rows made before others have their turn."""
_NOTHING = Totals()
_Place = tuple[int, str]
"""What a user is sorted by: a figure, then the id."""
_SORTS: Mapping[Sort, Callable[[ControlServices, User, Totals], int]] = {
    "user_id": lambda _, __, ___: 0,
    "requests": lambda _, __, month: month.requests,
    "tokens": lambda _, __, month: month.prompt_tokens + month.completion_tokens,
    "cost": lambda _, __, month: month.cost_pico,
    "last_seen": lambda services, user, _: services.accounts.last_seen(user.user_id) or 0,
    "created": lambda _, user, __: user.created_at,
}


class UserBody(BaseModel):
    user_id: str
    name: str | None
    role: Role
    status: UserStatus
    created_at: Time


class MonthBody(BaseModel):
    """What was used in this calendar month (UTC) so far."""

    requests: int
    total_tokens: int
    cost_usd: Usd


class UserWithMonth(UserBody):
    month: MonthBody


class NewUserBody(UserBody):
    """A user just made. `api_key` is their first key, shown this once."""

    api_key: str


class DayBody(MonthBody):
    """What was used on a day (UTC)."""

    day: str = Field(examples=["2026-11-20"])


class UserRow(UserWithMonth):
    """A user, with what they use. `last_seen_at` is when a key of theirs was last used, null: never; `usage` is what is
    left of each limit; `week` has the last seven days, oldest first, today included."""

    last_seen_at: Time | None
    usage: UsageBody
    week: list[DayBody] = Field(min_length=DAYS, max_length=DAYS)


class UserList(Listing[UserRow]):
    """`total` is how many match, on all pages."""

    total: int


class NewUserForm(Form):
    user_id: str = Field(pattern=f"^{USER_ID}$", description="Unique whatever its case, for good.", examples=["alice"])
    role: Role = "user"
    name: Name | None = None
    password: Password | None = None
    limits: LimitsForm | None = Field(None, description="Merged into those of new users.")


class UserForm(Form):
    """What is not given stays; null takes a name or password away. A closed account stays closed."""

    name: Name | None = Field(None, json_schema_extra=no_default)
    role: Role = Field("user", json_schema_extra=no_default)
    status: UserStatus = Field("active", json_schema_extra=no_default)
    password: Password | None = Field(None, json_schema_extra=no_default)


class _UserQuery(Page):
    q: str | None = Field(None, max_length=200, description="A part of the user_id or name, whatever its case.")
    status: UserStatus | None = None
    role: Role | None = None
    sort: Sort = Field("user_id", description="`requests`, `tokens` and `cost` are those of this month.")
    order: Literal["asc", "desc"] = "asc"


def user_body(user: User) -> UserBody:
    return UserBody(
        user_id=user.user_id, name=user.name, role=user.role, status=user.status, created_at=user.created_at
    )


def month_body(totals: Totals) -> MonthBody:
    return MonthBody(
        requests=totals.requests,
        total_tokens=totals.prompt_tokens + totals.completion_tokens,
        cost_usd=format_usd(totals.cost_pico),
    )


async def user_with_month(services: ControlServices, user: User) -> UserWithMonth:
    since, _ = month_of(services.now())
    totals = await total_of(services, Filter(user_id=user.user_id, since=since))
    return UserWithMonth(**dict(user_body(user)), month=month_body(totals))


router = admin_router("users")


@router.post("/admin/users", summary="A new user, with a first key", status_code=201, responses=errors(409))
async def _create(services: Services, by: ByAdmin, form: NewUserForm) -> NewUserBody:
    user, made = await services.accounts.create_user(
        form.user_id,
        by,
        role=form.role,
        name=form.name,
        password=form.password,
        limits=None if form.limits is None else form.limits.root,
    )
    return NewUserBody(**dict(user_body(user)), api_key=made.secret)


@router.get("/admin/users", summary="Users, each with what they use", response_model=UserList)
async def _list(services: Services, query: Annotated[_UserQuery, FromQuery()]) -> Response:
    """A page goes on behind the last user of the one before, by what is sorted by: whoever's figures do not move in the
    meantime is there exactly once."""
    after = None if query.after is None else _read_cursor(query.sort, query.after)
    since, _ = month_of(services.now())
    by_user = {place[0]: totals for place, totals in await services.reports.summary(Filter(since=since), ["user"])}

    def found() -> list[tuple[_Place, User]]:
        part = (query.q or "").casefold()
        matching = (
            user
            for user in services.accounts.users()
            if query.status in (None, user.status)
            and query.role in (None, user.role)
            and (not part or part in user.user_id.casefold() or part in (user.name or "").casefold())
        )
        figure = _SORTS[query.sort]
        placed = [
            ((figure(services, user, by_user.get(user.user_id, _NOTHING)), user.user_id.lower()), user)
            for user in matching
        ]
        placed.sort(key=itemgetter(0), reverse=query.order == "desc")
        return placed

    placed = await asyncio.to_thread(found)
    rest = placed
    if after is not None:
        rest = [item for item in placed if (item[0] < after if query.order == "desc" else item[0] > after)]
    shown, cursor = page_of(rest, query, lambda item: f"{query.sort}~{item[0][0]}~{item[0][1]}")
    rows = await _rows(services, [(user, by_user.get(user.user_id, _NOTHING)) for _, user in shown])
    return exact(UserList(data=rows, has_more=cursor is not None, next=cursor, total=len(placed)))


@router.get(
    "/admin/users/{user_id}", summary="A user, with what they use", response_model=UserRow, responses=errors(404)
)
async def _read(services: Services, user_id: str) -> Response:
    user = services.accounts.user(user_id)
    since, _ = month_of(services.now())
    month = await total_of(services, Filter(user_id=user.user_id, since=since))
    [row] = await _rows(services, [(user, month)])
    return exact(row)


async def _rows(services: ControlServices, users: Sequence[tuple[User, Totals]]) -> list[UserRow]:
    today = services.now() // DAY_MS * DAY_MS
    days = [today - DAY_MS * back for back in range(DAYS - 1, -1, -1)]
    which = Filter(users=[user.user_id for user, _ in users], since=days[0])
    used = dict(await services.reports.summary(which, ["user", "day"])) if users else {}
    labels = [format_time(day)[:10] for day in days]
    rows = []
    for user, month in users:
        week = [DayBody(day=label, **dict(month_body(used.get((user.user_id, label), _NOTHING)))) for label in labels]
        rows.append(
            UserRow(
                **dict(user_body(user)),
                month=month_body(month),
                last_seen_at=services.accounts.last_seen(user.user_id),
                usage=await usage_body(services, user),
                week=week,
            )
        )
        if len(rows) % _AT_ONCE == 0:
            await asyncio.sleep(0)  # a page may be of a thousand: others have their turn in between
    return rows


def _read_cursor(sort: Sort, text: str) -> _Place:
    of, _, rest = text.partition("~")
    figure, _, user_id = rest.partition("~")
    if of != sort or not user_id or not re.fullmatch(r"-?[0-9]{1,30}", figure):
        raise Unprocessable("'after' must be the 'next' of a page of this list, sorted the same way.", param="after")
    return int(figure), user_id


@router.patch("/admin/users/{user_id}", summary="Change a user", responses=errors(404, 409))
async def _update(services: Services, by: ByAdmin, user_id: str, form: UserForm) -> UserBody:
    given = form.model_dump(exclude_unset=True)
    if given.get("status", "active") != "active" or given.get("role", "admin") != "admin":
        _check_another(user_id, by)
    return user_body(await services.accounts.update_user(user_id, by, UserChange(**given)))


@router.delete("/admin/users/{user_id}", summary="Close an account, for good", responses=errors(404, 409))
async def _close(services: Services, by: ByAdmin, user_id: str) -> UserBody:
    """Its keys die at once, its records stay."""
    _check_another(user_id, by)
    return user_body(await services.accounts.close_user(user_id, by))


def _check_another(user_id: str, by: Actor) -> None:
    # Nobody could undo it: whoever did it would no longer be let in.
    if user_id.lower() == by.name.lower():
        raise Conflict("This is your own account: you would lock yourself out. Ask another admin.", code="own_account")
