"""Other names for models, by admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body
from pydantic import Field, StringConstraints

from tollkeeper.control.context import Services
from tollkeeper.control.routes import ByAdmin, admin_router

ModelName = Annotated[str, StringConstraints(strict=True, pattern=r"^\S{1,256}$")]
AliasTable = Annotated[dict[ModelName, ModelName], Field(max_length=1000)]

router = admin_router("aliases")


@router.get("/admin/aliases", summary="Aliases, and the models they stand for")
async def _read(services: Services) -> dict[str, str]:
    return dict(services.aliases.get())


@router.put("/admin/aliases", summary="Replace all aliases")
async def _replace(
    services: Services,
    by: ByAdmin,
    aliases: Annotated[AliasTable, Body(examples=[{"gpt-4o-mini": "llama3.2:1b"}])],
) -> dict[str, str]:
    await services.aliases.replace(aliases, by)
    return dict(services.aliases.get())
