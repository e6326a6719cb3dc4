"""Aliases of models, as admins manage them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body
from pydantic import Discriminator, Field, StringConstraints, Tag

from tollkeeper.control.context import Services
from tollkeeper.control.http.guards import ByAdmin, admin_router

ModelName = Annotated[str, StringConstraints(strict=True, pattern=r"^\S{1,256}$")]
ModelNames = Annotated[list[ModelName], Field(min_length=1, max_length=20)]


def _form_tag(value: object) -> str:
    return "(many)" if isinstance(value, list) else "(one)"


OneOrMany = Annotated[
    Annotated[ModelName, Tag("(one)")] | Annotated[ModelNames, Tag("(many)")], Discriminator(_form_tag)
]
"""Tagged, so that an error is about the one that was sent. See `control/http/errors.py` on brackets."""
AliasTable = Annotated[dict[ModelName, OneOrMany], Field(max_length=1000)]
"""The model of each alias, or several in the order to try them. `model@upstream` is a model of one upstream."""

router = admin_router("aliases")


@router.get("/admin/aliases", summary="Aliases, and the models they stand for")
async def _read(services: Services) -> AliasTable:
    return _body(services)


@router.put("/admin/aliases", summary="Replace all aliases")
async def _replace(
    services: Services,
    by: ByAdmin,
    aliases: Annotated[AliasTable, Body(examples=[{"gpt-4o-mini": "llama3.2:1b", "best": ["gpt-4o", "llama3.2:1b"]}])],
) -> AliasTable:
    table = {alias: (models,) if isinstance(models, str) else models for alias, models in aliases.items()}
    await services.aliases.replace(table, by)
    return _body(services)


def _body(services: Services) -> AliasTable:
    return {alias: models[0] if len(models) == 1 else list(models) for alias, models in services.aliases.table.items()}
