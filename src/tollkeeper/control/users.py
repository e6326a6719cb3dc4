"""Users, by admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Form, Listing, Name, Page, Time, no_default, page_of
from tollkeeper.control.limits import LimitsForm
from tollkeeper.control.routes import ByAdmin, admin_router
from tollkeeper.control.usage import Usd, total_of
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import month_of
from tollkeeper.services.accounts import USER_ID, UserChange
from tollkeeper.store.ports import Filter, Role, Totals, User, UserStatus

Password = Annotated[str, Field(min_length=6, max_length=1024)]


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


class UserList(Listing[UserWithMonth]):
    pass


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


@router.get("/admin/users", summary="Users, each with this month's usage")
async def _list(services: Services, query: Annotated[_UserQuery, FromQuery()]) -> UserList:
    part = (query.q or "").casefold()
    after = (query.after or "").lower()
    found = [
        user
        for user in services.accounts.users()
        if user.user_id.lower() > after
        and query.status in (None, user.status)
        and query.role in (None, user.role)
        and (part in user.user_id.casefold() or part in (user.name or "").casefold())
    ]
    users, cursor = page_of(found, query, lambda user: user.user_id)
    since, _ = month_of(services.now())
    by_user = {place[0]: totals for place, totals in await services.reports.summary(Filter(since=since), ["user"])}
    data = [
        UserWithMonth(**dict(user_body(user)), month=month_body(by_user.get(user.user_id, Totals()))) for user in users
    ]
    return UserList(data=data, has_more=cursor is not None, next=cursor)


@router.get("/admin/users/{user_id}", summary="A user, with this month's usage", responses=errors(404))
async def _read(services: Services, user_id: str) -> UserWithMonth:
    return await user_with_month(services, services.accounts.user(user_id))


@router.patch("/admin/users/{user_id}", summary="Change a user", responses=errors(404, 409))
async def _update(services: Services, by: ByAdmin, user_id: str, form: UserForm) -> UserBody:
    wanted = UserChange(**form.model_dump(exclude_unset=True))
    return user_body(await services.accounts.update_user(user_id, by, wanted))


@router.delete("/admin/users/{user_id}", summary="Close an account, for good", responses=errors(404))
async def _close(services: Services, by: ByAdmin, user_id: str) -> UserBody:
    """Its keys die at once, its records stay."""
    return user_body(await services.accounts.close_user(user_id, by))
