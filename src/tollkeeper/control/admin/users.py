"""Users, as admins manage them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Literal

from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import AfterValidator, BaseModel, Field

from tollkeeper.control.admin.limits import LimitsForm, UsageBody, usage_body
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import (
    Address,
    Email,
    Form,
    Listing,
    Name,
    Page,
    Query,
    TaxId,
    Time,
    exact_response_in_thread,
    no_default,
    page_of,
)
from tollkeeper.control.usage.records import total_of
from tollkeeper.control.usage.schemas import Usd
from tollkeeper.rules.errors import Conflict, Unprocessable
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_time, month_bounds
from tollkeeper.rules.windows import DAY
from tollkeeper.services.accounts.accounts import USER_ID, UserChange
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.ports.accounts import Role, User, UserStatus
from tollkeeper.store.ports.reports import Filter, Totals

MOST_PASSWORD = 1024
"""The most bytes of a password, so that it fits into the body of a sign-in."""


def _check_size(password: str) -> str:
    if len(password.encode()) > MOST_PASSWORD:
        raise ValueError(f"must have at most {MOST_PASSWORD} bytes in UTF-8")
    return password


Password = Annotated[str, Field(min_length=6, max_length=MOST_PASSWORD), AfterValidator(_check_size)]
TeamId = Annotated[str, Field(min_length=1, max_length=64, description="The id of a team.", examples=["research"])]
Sort = Literal["user_id", "requests", "tokens", "cost", "last_seen", "created"]
DAYS = 7
_AT_ONCE = 20
"""Rows that are built before other tasks have their turn."""
_NO_USAGE = Totals()
_SortKey = tuple[int, str]
"""What users are sorted by: a figure, then the id."""
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
    team: str | None = Field(description="The id of the user's team.")
    team_admin: bool = Field(description="Whether they are an admin of that team.")
    address: str | None
    tax_id: str | None
    email: str | None


class MonthBody(BaseModel):
    """Usage in this calendar month (UTC) so far."""

    requests: int
    total_tokens: int
    cost_usd: Usd


class UserWithMonth(UserBody):
    month: MonthBody


class NewUserBody(UserBody):
    """A new user. `api_key` is their first key, which is not shown again."""

    api_key: str


class DayBody(MonthBody):
    """Usage on a day (UTC)."""

    day: str = Field(examples=["2026-11-20"])


class UserRow(UserWithMonth):
    """A user and their usage. `last_seen_at` is when one of their keys was last used, null if never; `second_factor` is
    whether their password needs a code beside it; `usage` is what remains of each limit; `week` has the last seven
    days, oldest first, including today."""

    last_seen_at: Time | None
    second_factor: bool
    usage: UsageBody
    week: list[DayBody] = Field(min_length=DAYS, max_length=DAYS)


class UserList(Listing[UserRow]):
    """`total` is the number of users that match, on all pages."""

    total: int


class NewUserForm(Form):
    user_id: str = Field(
        pattern=f"^{USER_ID}$", description="Unique in any case of its letters, and permanent.", examples=["alice"]
    )
    role: Role = "user"
    name: Name | None = None
    password: Password | None = None
    limits: LimitsForm | None = Field(None, description="Merged into the default limits of new users.")
    team: TeamId | None = None
    team_admin: bool = False
    address: Address | None = None
    tax_id: TaxId | None = None
    email: Email | None = None


class UserForm(Form):
    """Absent fields stay as they are; null removes one. A closed account stays closed. Whoever leaves a team is no
    longer an admin of it."""

    name: Name | None = Field(None, json_schema_extra=no_default)
    role: Role = Field("user", json_schema_extra=no_default)
    status: UserStatus = Field("active", json_schema_extra=no_default)
    password: Password | None = Field(None, json_schema_extra=no_default)
    second_factor: Literal["off"] = Field(
        "off", json_schema_extra=no_default, description="For somebody who has lost theirs; they set up another."
    )
    team: TeamId | None = Field(None, json_schema_extra=no_default)
    team_admin: bool = Field(False, json_schema_extra=no_default)
    address: Address | None = Field(None, json_schema_extra=no_default)
    tax_id: TaxId | None = Field(None, json_schema_extra=no_default)
    email: Email | None = Field(None, json_schema_extra=no_default)


class _UserQuery(Page):
    q: str | None = Field(None, max_length=200, description="Part of the user_id or name, in upper or lower case.")
    status: UserStatus | None = None
    role: Role | None = None
    team: str | None = Field(None, max_length=64, description="The id of a team; empty: users without one.")
    sort: Sort = Field("user_id", description="`requests`, `tokens` and `cost` are this month's.")
    order: Literal["asc", "desc"] = "asc"


def user_body(user: User) -> UserBody:
    return UserBody(
        user_id=user.user_id,
        name=user.name,
        role=user.role,
        status=user.status,
        created_at=user.created_at,
        team=user.team_id,
        team_admin=user.team_admin,
        address=user.address,
        tax_id=user.tax_id,
        email=user.email,
    )


def month_body(totals: Totals) -> MonthBody:
    return MonthBody(
        requests=totals.requests,
        total_tokens=totals.prompt_tokens + totals.completion_tokens,
        cost_usd=format_usd(totals.cost_pico),
    )


def this_month(services: ControlServices, user: User | None = None) -> Filter:
    """The filter for records of this calendar month (UTC), of a user or of all. It ends where the next month begins:
    records that a fast clock dated later belong to a later month."""
    since, until = month_bounds(services.now())
    return Filter(user_id=None if user is None else user.user_id, since=since, until=until)


async def user_with_month(services: ControlServices, user: User) -> UserWithMonth:
    totals = await total_of(services, this_month(services, user))
    return UserWithMonth(**dict(user_body(user)), month=month_body(totals))


router = admin_router("users")


@router.post("/admin/users", summary="Create a user and a first key", status_code=201, responses=errors(409))
async def _create(services: Services, by: ByAdmin, form: NewUserForm) -> NewUserBody:
    user, new = await services.accounts.create_user(
        form.user_id,
        by,
        role=form.role,
        name=form.name,
        password=form.password,
        limits=None if form.limits is None else form.limits.root,
        team=form.team,
        team_admin=form.team_admin,
        address=form.address,
        tax_id=form.tax_id,
        email=form.email,
    )
    return NewUserBody(**dict(user_body(user)), api_key=new.secret)


@router.get("/admin/users", summary="Users, each with their usage", response_model=UserList)
async def _list(services: Services, query: Annotated[_UserQuery, FromQuery()]) -> Response:
    """A page continues after the last user of the previous one, in the order of the sort: users whose figures do not
    change in the meantime appear exactly once."""
    after = None if query.after is None else _read_cursor(query.sort, query.after)
    if query.team:
        query.team = services.accounts.teams.spelled(query.team)
    by_user = {place[0]: totals for place, totals in await services.reports.summary(this_month(services), ["user"])}

    def sort_matching() -> list[tuple[_SortKey, User]]:
        part = (query.q or "").casefold()
        matching = (
            user
            for user in services.accounts.users()
            if query.status in (None, user.status)
            and query.role in (None, user.role)
            and query.team in (None, user.team_id or "")
            and (not part or part in user.user_id.casefold() or part in (user.name or "").casefold())
        )
        figure = _SORTS[query.sort]
        placed = [
            ((figure(services, user, by_user.get(user.user_id, _NO_USAGE)), user.user_id.lower()), user)
            for user in matching
        ]
        placed.sort(key=itemgetter(0), reverse=query.order == "desc")
        return placed

    placed = await asyncio.to_thread(sort_matching)
    rest = placed
    if after is not None:
        rest = [item for item in placed if (item[0] < after if query.order == "desc" else item[0] > after)]
    shown, cursor = page_of(
        rest,
        query,
        lambda item: f"{query.sort}~{item[0][0]}~{item[0][1]}",
        weight=lambda item: len(item[1].limits.models),
    )
    rows = await user_rows(services, [(user, by_user.get(user.user_id, _NO_USAGE)) for _, user in shown])
    return await exact_response_in_thread(
        UserList(data=rows, has_more=cursor is not None, next=cursor, total=len(placed))
    )


@router.get("/admin/users/{user_id}", summary="A user, with their usage", response_model=UserRow, responses=errors(404))
async def _read(services: Services, user_id: str) -> Response:
    user = services.accounts.user(user_id)
    month = await total_of(services, this_month(services, user))
    [row] = await user_rows(services, [(user, month)])
    return await exact_response_in_thread(row)


async def user_rows(services: ControlServices, users: Sequence[tuple[User, Totals]]) -> list[UserRow]:
    """Rows of users, each with their totals of this month."""
    today = services.now() // DAY * DAY
    days = [today - DAY * back for back in range(DAYS - 1, -1, -1)]
    which = Filter(users=[user.user_id for user, _ in users], since=days[0])
    used = dict(await services.reports.summary(which, ["user", "day"])) if users else {}
    labels = [format_time(day)[:10] for day in days]
    rows = []
    for user, month in users:
        week = [DayBody(day=label, **dict(month_body(used.get((user.user_id, label), _NO_USAGE)))) for label in labels]
        rows.append(
            UserRow(
                **dict(user_body(user)),
                month=month_body(month),
                last_seen_at=services.accounts.last_seen(user.user_id),
                second_factor=services.second_factors.is_on(user.user_id),
                usage=await usage_body(services, user),
                week=week,
            )
        )
        if len(rows) % _AT_ONCE == 0:
            await asyncio.sleep(0)  # a page may have a thousand rows: other tasks have their turn
    return rows


def _read_cursor(sort: Sort, text: str) -> _SortKey:
    of, _, rest = text.partition("~")
    figure, _, user_id = rest.partition("~")
    if of != sort or not user_id or not re.fullmatch(r"-?[0-9]{1,30}", figure):
        raise Unprocessable("'after' must be the 'next' of a page of this list, sorted the same way.", param="after")
    return int(figure), user_id


@router.patch("/admin/users/{user_id}", summary="Change a user", responses=errors(404, 409))
async def _update(services: Services, by: ByAdmin, user_id: str, form: UserForm) -> UserBody:
    given = form.model_dump(exclude_unset=True)
    if given.get("status", "active") != "active" or given.get("role", "admin") != "admin":
        _check_not_own_account(user_id, by)
    resets = "second_factor" in given
    if resets and user_id.lower() == by.name.lower():
        # On one's own page it takes the password and a code: whoever finds a session open has neither.
        raise Conflict(
            "This is your own second factor: turn it off at POST /auth/second-factor/disable, with your password and a"
            " code. If you have lost it, ask another admin, or use the bootstrap admin key.",
            code="own_account",
        )
    given.pop("second_factor", None)
    user = await services.accounts.update_user(user_id, by, UserChange(**given))
    if resets:
        await services.second_factors.reset(user.user_id, by)
    return user_body(user)


class _CloseQuery(Query):
    erase: bool = Field(False, description="Forget the person, too: it cannot be undone.")


@router.delete("/admin/users/{user_id}", summary="Close an account permanently", responses=errors(404, 409))
async def _close(services: Services, by: ByAdmin, user_id: str, query: Annotated[_CloseQuery, FromQuery()]) -> UserBody:
    """Its keys stop working immediately; its records stay. With `erase` the person is forgotten as well: the answer has
    the id under which the records stay."""
    _check_not_own_account(user_id, by)
    if query.erase:
        return user_body(await services.eraser.erase(user_id, by))
    return user_body(await services.accounts.close_user(user_id, by))


def _check_not_own_account(user_id: str, by: Actor) -> None:
    # The admin could not undo it, being locked out.
    if user_id.lower() == by.name.lower():
        raise Conflict("This is your own account: you would lock yourself out. Ask another admin.", code="own_account")
