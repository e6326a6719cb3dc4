"""Changes to many users at once, with a preview, and their undoing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from tollkeeper.control.admin.limits import LimitsForm
from tollkeeper.control.admin.users import UserFilter, matching_users, template_named
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form, exact_response, no_default
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import COUNTED, NO_LIMITS, Limits
from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import SLIDING, Span
from tollkeeper.services.accounts.changes.bulk import BulkResult, Skipped, UserStep, state_of
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.limits.changes import LimitsChange, LimitsContents, audited_limits, merged
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.counters import ScopeLimits
from tollkeeper.store.ports.reports import Filter, Totals

MOST = 10_000
"""The most users of one request."""
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


States = Annotated[
    dict[str, str],
    Field(max_length=MOST, description="By id, a mark of the state of the account: any change gives it another."),
]


class BulkForm(Form):
    """One of `user_ids`, `users` (those in these states only, as in the `changes` of an answer) and a `filter`, as of
    the list of users."""

    user_ids: list[str] | None = Field(None, min_length=1, max_length=MOST)
    users: States | None = Field(None, min_length=1)
    filter: BulkFilter | None = None
    change: BulkChange
    dry_run: bool = Field(False, description="Only say what would change.")


class BulkPart(Form):
    """What there was, or is now, of what was changed. `limits` has all limits that are set."""

    status: Status | None = None
    limits: LimitsForm | None = None


class BulkGroup(BaseModel):
    """Users who were changed from the same to the same, each with the state after it (with `dry_run`: now)."""

    before: BulkPart
    after: BulkPart
    users: States


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
    users: States


class UndoForm(Form):
    """The `changes` of an answer, without what came `after`."""

    changes: list[UndoGroup] = Field(min_length=1, max_length=MOST)


router = admin_router("users")


@router.post("/admin/users/bulk", summary="Change many users at once, or preview it", response_model=BulkBody)
async def _change(services: Services, by: ByAdmin, form: BulkForm) -> Response:
    """Suspends users, lets them in again, or sets their limits. Each user is changed as a whole or not at all."""
    named = await _named(services, form)
    status, limits, template = await _wanted(services, form.change)
    steps = [UserStep(user_id, status, limits, state, template) for user_id, state in named.items()]
    running = Counter(ticket.user for ticket in services.pool.line.holders())
    result = await services.accounts.change_many(steps, by, dry_run=form.dry_run)
    return await _answer(services, result, running, dry_run=form.dry_run)


@router.post("/admin/users/bulk/undo", summary="Undo a change to many users", response_model=BulkBody)
async def _undo(services: Services, by: ByAdmin, form: UndoForm) -> Response:
    """Gives users back what they had before; who was changed since by anybody stays as they are."""
    steps = await asyncio.to_thread(_undoing, form)
    running = Counter(ticket.user for ticket in services.pool.line.holders())
    return await _answer(services, await services.accounts.change_many(steps, by), running)


def _undoing(form: UndoForm) -> list[UserStep]:
    """Raises Unprocessable."""
    steps: dict[str, UserStep] = {}
    for group in form.changes:
        given = group.before.limits
        was = None if given is None else merged(NO_LIMITS, given.root, "changes.before.limits.")
        limits = None if was is None else partial(_replaced, was)
        for user_id, state in group.users.items():
            if user_id.lower() in steps:
                raise Unprocessable(f"The user {user_id[:64]!r} is there twice. Send each once.", param="changes.users")
            steps[user_id.lower()] = UserStep(user_id, group.before.status, limits, state, undo=True)
    return [*steps.values()]


async def _wanted(
    services: ControlServices, change: BulkChange
) -> tuple[Status | None, Callable[[Limits], Limits] | None, str | None]:
    """The status, the limits as a function of the present ones, and the template that they are of. Raises
    Unprocessable."""
    if change.limits is not None and change.limit_template is not None:
        raise Unprocessable("Give 'limits' or a 'limit_template', not both.", param="change.limit_template")
    template = await template_named(services, change.limit_template)
    if template is not None:
        return change.status, partial(_replaced, template.limits), template.id
    if change.limits is not None:
        merged(NO_LIMITS, change.limits.root, "change.limits.")  # once, rather than at each user
        return change.status, partial(_merged, change.limits.root), None
    if change.status is None:
        raise Unprocessable("Say what to change: 'status', 'limits' or 'limit_template'.", param="change")
    return change.status, None, None


def _merged(change: LimitsChange, limits: Limits) -> Limits:
    return merged(limits, change)


def _replaced(by: Limits, _: Limits) -> Limits:
    return by


async def _named(services: ControlServices, form: BulkForm) -> Mapping[str, str | None]:
    """The ids of the users that a request is about, with the states that it means. Raises Unprocessable."""
    if sum(which is not None for which in (form.user_ids, form.users, form.filter)) != 1:
        raise Unprocessable("Give one of 'user_ids', 'users' and 'filter'.", param="user_ids")
    if form.users is not None:
        if len({user_id.lower() for user_id in form.users}) < len(form.users):
            raise Unprocessable("'users' names one user twice, in different case. Send each once.", param="users")
        return form.users
    if form.user_ids is not None:
        return dict.fromkeys({user_id.lower(): user_id for user_id in form.user_ids}.values())
    which = form.filter
    assert which is not None
    # Closed accounts stay as they are: they are not meant unless they are asked for.
    found = await asyncio.to_thread(
        lambda: [user.user_id for user in matching_users(services, which) if user.status != "closed" or which.status]
    )
    if len(found) > MOST:
        raise Unprocessable(f"The filter matches {len(found)} users, more than {MOST}. Narrow it.", param="filter")
    return dict.fromkeys(found)


async def _answer(
    services: ControlServices, result: BulkResult, running: Mapping[str, int], *, dry_run: bool = False
) -> Response:
    over = await _over(services, result.changed, dry_run=dry_run)

    def written() -> Response:
        return exact_response(
            BulkBody(
                dry_run=dry_run,
                changed=len(result.changed),
                unchanged=result.unchanged,
                changes=_groups(result.changed),
                running={user.user_id: running[user.user_id] for user, _ in result.changed if user.user_id in running},
                over=over,
                skipped=result.skipped,
            )
        )

    return await asyncio.to_thread(written)


def _groups(changed: Sequence[tuple[User, User]]) -> list[BulkGroup]:
    """Users by what was changed: what many share is presented once."""
    contents = LimitsContents()
    groups: dict[tuple[object, ...], BulkGroup] = {}
    for before, after in changed:
        key: tuple[object, ...] = (before.status, after.status)
        if before.limits is not after.limits:
            key += (contents.of(before.limits), contents.of(after.limits))
        if key not in groups:
            groups[key] = BulkGroup(before=_part(before, after), after=_part(after, before), users={})
        groups[key].users[after.user_id] = state_of(after)
    return [*groups.values()]


def _part(user: User, other: User) -> BulkPart:
    """What of a user differs from the same one at another time."""
    assert user.status != "closed"  # such users are skipped
    return BulkPart(
        status=None if user.status == other.status else user.status,
        limits=None if user.limits is other.limits else LimitsForm(audited_limits(user.limits).get("limits", {})),
    )


async def _over(
    services: ControlServices, changed: Sequence[tuple[User, User]], *, dry_run: bool
) -> dict[str, list[str]]:
    """The users who have used up a limit already that they get, and which."""
    counted, uncounted = await asyncio.to_thread(_new_budgets, changed, dry_run=dry_run)
    over: dict[str, list[str]] = {}
    statuses = await services.limit_usage.of_each([limits for _, limits in counted])
    for (user_id, _), found in zip(counted, statuses, strict=True):
        if full := [name for name, status in found.items() if status.margin <= 0]:
            over[user_id] = full
    used = await _used(services, {COUNTED[name].span for _, limits in uncounted for name in limits})
    for user_id, limits in uncounted:
        for name, limit in limits.items():
            totals = used[COUNTED[name].span].get(user_id, _NO_USAGE)
            if _AMOUNTS[COUNTED[name].quantity](totals) >= limit:
                over.setdefault(user_id, []).append(name)
    return over


def _new_budgets(
    changed: Sequence[tuple[User, User]], *, dry_run: bool
) -> tuple[list[tuple[str, ScopeLimits]], list[tuple[str, Mapping[str, int]]]]:
    """The budgets that users get, by user: those that are counted already, and the others. Once they are saved, all
    are; in a preview those are of which only the figure changes."""
    counted: list[tuple[str, ScopeLimits]] = []
    uncounted: list[tuple[str, Mapping[str, int]]] = []
    for before, after in changed:
        had, limits = before.limits.counts, after.limits.counts
        new = {name: limit for name, limit in limits.items() if name in _BUDGETS and had.get(name) != limit}
        asked = {name: limit for name, limit in new.items() if not dry_run or name in had}
        if asked:
            counted.append((after.user_id, (owner_of(after).scope, asked)))
        if len(asked) < len(new):
            uncounted.append((after.user_id, {name: limit for name, limit in new.items() if name not in asked}))
    return counted, uncounted


async def _used(services: ControlServices, spans: Collection[Span]) -> Mapping[Span, Mapping[str, Totals]]:
    """What users have used in the windows of limits that end now, by span and user."""
    now, day = services.now(), SLIDING["day"]
    since = {"day": day.start(day.bucket(now) - day.buckets), "month": month_bounds(now)[0], "total": None}
    used: dict[Span, Mapping[str, Totals]] = {}
    for span in spans:
        rows = await services.reports.summary(Filter(since=since[span]), ["user"])
        used[span] = {place[0]: totals for place, totals in rows}
    return used


_BUDGETS = frozenset(name for name, counted in COUNTED.items() if counted.is_budget)
_NO_USAGE = Totals()
_AMOUNTS: Mapping[str, Callable[[Totals], int]] = {
    "requests": lambda totals: totals.requests,
    "tokens": lambda totals: totals.prompt_tokens + totals.completion_tokens,
    "cost": lambda totals: totals.cost_pico,
}
