"""Changes to many users at once, with a preview, and their undoing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from tollkeeper.control.admin.limits import LimitsForm
from tollkeeper.control.admin.users import UserFilter, matching_users, template_named
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form, exact_response_in_thread, no_default
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import COUNTED, NO_LIMITS, Limits
from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import DAY, HOUR
from tollkeeper.services.accounts.changes.bulk import BulkResult, Skipped, UserStep
from tollkeeper.services.limits.changes import LimitsChange, audited_limits, merged
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.reports import Filter, Totals

MOST = 10_000
"""The most users of one request."""
_AT_ONCE = 200
"""Users who are presented before other tasks have their turn."""
Status = Literal["active", "suspended"]


class BulkFilter(UserFilter):
    model_config = ConfigDict(extra="forbid", strict=True)


class BulkChange(Form):
    """What is to become of each user: at least one of these."""

    status: Status | None = Field(None, json_schema_extra=no_default)
    limits: LimitsForm | None = Field(None, description="Merged into the limits of each.", json_schema_extra=no_default)
    limit_template: str | None = Field(
        None,
        max_length=64,
        description="The id of a limit template: a copy of it replaces the limits of each.",
        json_schema_extra=no_default,
    )


class BulkForm(Form):
    """Either `user_ids` or a `filter`, as of the list of users."""

    user_ids: list[str] | None = Field(None, min_length=1, max_length=MOST)
    filter: BulkFilter | None = None
    change: BulkChange
    dry_run: bool = Field(False, description="Only say what would change.")


class BulkPart(Form):
    """What there was, or is now, of what was changed. `limits` has all limits that are set."""

    status: Status | None = None
    limits: LimitsForm | None = None


class BulkGroup(BaseModel):
    """Users who were changed from the same to the same: by id, the version that each account has after it (with
    `dry_run`: has now)."""

    before: BulkPart
    after: BulkPart
    users: dict[str, int]


class BulkBody(BaseModel):
    """What was changed. `running` are the users among them with requests at upstreams, and how many, when it began;
    `over` those who have used up a new limit already, and which (of a day, a month or in total, of all models).
    `skipped` are users who stay as they are, and why; `unchanged` those who were so already."""

    dry_run: bool
    changed: int
    unchanged: int
    changes: list[BulkGroup]
    running: dict[str, int]
    over: dict[str, list[str]]
    skipped: dict[str, Skipped]


class UndoGroup(Form):
    before: BulkPart
    users: dict[str, int] = Field(max_length=MOST)


class UndoForm(Form):
    """The `changes` of an answer, without what came `after`."""

    changes: list[UndoGroup] = Field(min_length=1, max_length=MOST)


router = admin_router("users")


@router.post("/admin/users/bulk", summary="Change many users at once, or preview it", response_model=BulkBody)
async def _change(services: Services, by: ByAdmin, form: BulkForm) -> Response:
    """Suspends users, lets them in again, or sets their limits. Each user is changed as a whole or not at all."""
    status, limits, detail = await _wanted(services, form.change)
    steps = [UserStep(user_id, status, limits, detail=detail) for user_id in await _named(services, form)]
    running = Counter(ticket.user for ticket in services.pool.line.holders())
    result = await services.accounts.change_many(steps, by, dry_run=form.dry_run)
    return await _answer(services, result, running, dry_run=form.dry_run)


@router.post("/admin/users/bulk/undo", summary="Undo a change to many users", response_model=BulkBody)
async def _undo(services: Services, by: ByAdmin, form: UndoForm) -> Response:
    """Gives users back what they had before; who was changed since by anybody stays as they are."""
    steps: dict[str, UserStep] = {}
    for group in form.changes:
        given = group.before.limits
        was = None if given is None else merged(NO_LIMITS, given.root, "changes.before.limits.")
        limits = None if was is None else partial(_replaced, was)
        for user_id, version in group.users.items():
            steps[user_id.lower()] = UserStep(user_id, group.before.status, limits, version, {"undo": True})
    running = Counter(ticket.user for ticket in services.pool.line.holders())
    return await _answer(services, await services.accounts.change_many([*steps.values()], by), running)


async def _wanted(
    services: ControlServices, change: BulkChange
) -> tuple[Status | None, Callable[[Limits], Limits] | None, Mapping[str, object]]:
    """The status, the limits as a function of the present ones, and what the audit log says of it besides. Raises
    Unprocessable."""
    if change.limits is not None and change.limit_template is not None:
        raise Unprocessable("Give 'limits' or a 'limit_template', not both.", param="change.limit_template")
    template = await template_named(services, change.limit_template)
    if template is not None:
        return change.status, partial(_replaced, template.limits), {"limit_template": template.id}
    if change.limits is not None:
        merged(NO_LIMITS, change.limits.root, "change.limits.")  # once, rather than at each user
        return change.status, partial(_merged, change.limits.root), {}
    if change.status is None:
        raise Unprocessable("Say what to change: 'status', 'limits' or 'limit_template'.", param="change")
    return change.status, None, {}


def _merged(change: LimitsChange, limits: Limits) -> Limits:
    return merged(limits, change)


def _replaced(by: Limits, _: Limits) -> Limits:
    return by


async def _named(services: ControlServices, form: BulkForm) -> Sequence[str]:
    """The ids of the users that a request is about. Raises Unprocessable."""
    if (form.user_ids is None) == (form.filter is None):
        raise Unprocessable("Give either 'user_ids' or a 'filter'.", param="user_ids")
    if form.user_ids is not None:
        return [*{user_id.lower(): user_id for user_id in form.user_ids}.values()]
    which = form.filter
    assert which is not None
    # Closed accounts stay as they are: they are not meant unless they are asked for.
    found = await asyncio.to_thread(
        lambda: [user.user_id for user in matching_users(services, which) if user.status != "closed" or which.status]
    )
    if len(found) > MOST:
        raise Unprocessable(f"The filter matches {len(found)} users, more than {MOST}. Narrow it.", param="filter")
    return found


async def _answer(
    services: ControlServices, result: BulkResult, running: Mapping[str, int], *, dry_run: bool = False
) -> Response:
    groups: dict[str, BulkGroup] = {}
    for count, (before, after) in enumerate(result.changed, 1):
        was, now = _part(before, after), _part(after, before)
        group = groups.setdefault(repr((was, now)), BulkGroup(before=was, after=now, users={}))
        group.users[after.user_id] = after.version
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    body = BulkBody(
        dry_run=dry_run,
        changed=len(result.changed),
        unchanged=result.unchanged,
        changes=[*groups.values()],
        running={user.user_id: running[user.user_id] for user, _ in result.changed if running.get(user.user_id, 0) > 0},
        over=await _over(services, result.changed),
        skipped=result.skipped,
    )
    return await exact_response_in_thread(body)


def _part(user: User, other: User) -> BulkPart:
    """What of a user differs from the same one at another time."""
    assert user.status != "closed"  # such users are skipped
    return BulkPart(
        status=None if user.status == other.status else user.status,
        limits=None if user.limits == other.limits else LimitsForm(audited_limits(user.limits).get("limits", {})),
    )


async def _over(services: ControlServices, changed: Sequence[tuple[User, User]]) -> dict[str, list[str]]:
    """The users who have used up a limit already that they get, and which."""
    now = services.now()
    spans = {"day": (now - DAY) // HOUR * HOUR, "month": month_bounds(now)[0], "total": None}
    used: dict[str, Mapping[str, Totals]] = {}
    over: dict[str, list[str]] = {}
    for count, (before, after) in enumerate(changed, 1):
        for name, limit in after.limits.counts.items():
            counted = COUNTED[name]
            if before.limits.counts.get(name) == limit or counted.span not in spans:
                continue
            if counted.span not in used:
                rows = await services.reports.summary(Filter(since=spans[counted.span]), ["user"])
                used[counted.span] = {place[0]: totals for place, totals in rows}
            totals = used[counted.span].get(after.user_id, _NO_USAGE)
            if _AMOUNTS[counted.quantity](totals) >= limit:
                over.setdefault(after.user_id, []).append(name)
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return over


_NO_USAGE = Totals()
_AMOUNTS: Mapping[str, Callable[[Totals], int]] = {
    "requests": lambda totals: totals.requests,
    "tokens": lambda totals: totals.prompt_tokens + totals.completion_tokens,
    "cost": lambda totals: totals.cost_pico,
}
