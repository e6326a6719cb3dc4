"""The colours of models on the pages."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from pydantic import BaseModel

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import CurrentCaller, user_router
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.reports import Filter


class ModelColorBody(BaseModel):
    """The number of a model's colour, from 0 to 7, in the order in which the models were first used."""

    model: str
    color: int


class ModelColors(BaseModel):
    """Models by name. Those from the ninth on are not there: they share a colour."""

    object: Literal["list"] = "list"
    data: list[ModelColorBody]


router = user_router("own account")


@router.get(
    "/me/model-colors",
    summary="The colours of models on the pages, the same for everyone",
    description="Of the models that you may use, and of those that you have used, or, for an admin of a team, the team;"
    " for admins, of all models that have one.",
)
async def _model_colors(services: Services, caller: CurrentCaller) -> ModelColors:
    with suppress(StoreError):  # new models get theirs once the database can be written
        await services.model_colors.write()
    colors = services.model_colors.numbers()
    names = colors.keys() if caller.user.role == "admin" else colors.keys() & await _visible_to(services, caller)
    return ModelColors(data=[ModelColorBody(model=name, color=colors[name]) for name in sorted(names)])


async def _visible_to(services: ControlServices, caller: Caller) -> set[str]:
    """The names of models that a caller knows anyway."""
    usable = {model.name for model in services.catalog.models() if services.may_use(caller.owners, model)}
    known = [Filter(user_id=caller.user.user_id)]
    if caller.user.team_admin and caller.user.team_id is not None:
        known.append(Filter(team_id=caller.user.team_id))
    used = [await services.reports.summary(which, ("model",)) for which in known]
    return usable.union(model for rows in used for (model,), _ in rows)
