"""The colours of models on the pages."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from fastapi import Response
from pydantic import BaseModel

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import CurrentCaller, user_router
from tollkeeper.control.http.schemas import exact_response_in_thread
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.reports import Filter


class ModelColorBody(BaseModel):
    """The number of a model's colour, from 0 to 7, in the order in which the models were first seen; null from the
    ninth model on: these share one."""

    model: str
    color: int | None


class ModelColors(BaseModel):
    """Models by name."""

    object: Literal["list"] = "list"
    data: list[ModelColorBody]


router = user_router("own account")


@router.get(
    "/me/model-colors",
    summary="The colours of models on the pages, the same for everyone",
    response_model=ModelColors,
    description="Of the models that you may use, and of those that you have used, or, for an admin of a team, the team;"
    " for admins, of all models that there have ever been.",
)
async def _model_colors(services: Services, caller: CurrentCaller) -> Response:
    colors = services.model_colors
    with suppress(StoreError):  # new models get theirs once the database can be written
        await colors.write()
    names = colors.models()
    if caller.user.role != "admin":
        visible = await _visible_to(services, caller)
        names = [name for name in names if name in visible]
    data = [ModelColorBody(model=name, color=colors.color_of(name)) for name in sorted(names)]
    return await exact_response_in_thread(ModelColors(data=data))


async def _visible_to(services: ControlServices, caller: Caller) -> set[str]:
    """The names of models that a caller knows anyway."""
    usable = {model.name for model in services.catalog.models() if services.may_use(caller.owners, model)}
    known = [Filter(user_id=caller.user.user_id)]
    if caller.user.team_admin and caller.user.team_id is not None:
        known.append(Filter(team_id=caller.user.team_id))
    used = [await services.reports.summary(which, ("model",)) for which in known]
    return usable.union(model for rows in used for (model,), _ in rows)
