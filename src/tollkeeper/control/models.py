"""The models there are, by admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import Services
from tollkeeper.control.forms import Listing, Page, Time, page_of
from tollkeeper.control.prices import PriceBody
from tollkeeper.control.routes import admin_router
from tollkeeper.services.prices import price_body


class ModelBody(BaseModel):
    """A model. `context` (tokens) and `sees_images` are null where they are not known (yet); `pricing` is the price in
    force, null: it has none; `aliases` are other names that lead to it."""

    name: str
    upstream: str
    modified_at: Time | None
    context: int | None
    sees_images: bool | None
    pricing: PriceBody | None
    aliases: list[str] = Field(examples=[["gpt-4o-mini"]])


class ModelsBody(Listing[ModelBody]):
    pass


router = admin_router("models")


@router.get("/admin/models", summary="The models of all upstreams")
async def _list(services: Services, page: Annotated[Page, FromQuery()]) -> ModelsBody:
    found = [model for model in services.catalog.models() if model.name > (page.after or "")]
    models, cursor = page_of(found, page, lambda model: model.name)
    aliases = services.catalog.aliases_of()
    data = []
    for model in models:
        facts = services.catalog.known(model)
        price = services.prices.in_force(model.name, services.now())
        data.append(
            ModelBody(
                name=model.name,
                upstream=model.upstream,
                modified_at=model.modified_at,
                context=facts.context,
                sees_images=facts.sees_images,
                pricing=None if price is None else PriceBody.model_validate(price_body(price)),
                aliases=aliases.get(model.name, []),
            )
        )
    return ModelsBody(data=data, has_more=cursor is not None, next=cursor)
