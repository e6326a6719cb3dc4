"""Limit templates: named sets of limits, which users get copies of."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Response
from msgspec import UNSET
from pydantic import BaseModel, Field

from tollkeeper.control.admin.limits import LimitsBody, LimitsForm, limits_body
from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import (
    Form,
    Listing,
    Name,
    Page,
    Time,
    exact_response,
    exact_response_in_thread,
    no_default,
    page_of,
    rows_after,
)
from tollkeeper.store.ports.limit_templates import LimitTemplate

TEMPLATE_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


class LimitTemplateBody(BaseModel):
    """A named set of limits. Users get a copy: a later change of the template changes none of them."""

    id: str
    name: str | None
    created_at: Time
    limits: LimitsBody


class LimitTemplateList(Listing[LimitTemplateBody]):
    pass


class NewLimitTemplateForm(Form):
    id: str = Field(pattern=f"^{TEMPLATE_ID}$", description="Unique in any case of its letters.", examples=["students"])
    name: Name | None = None
    limits: LimitsForm | None = None


class LimitTemplateForm(Form):
    """Absent fields stay as they are; null removes the name. Limits are merged into the present ones."""

    name: Name | None = Field(None, json_schema_extra=no_default)
    limits: LimitsForm = Field(LimitsForm({}), json_schema_extra=no_default)


def _body(template: LimitTemplate) -> LimitTemplateBody:
    return LimitTemplateBody(
        id=template.id, name=template.name, created_at=template.created_at, limits=limits_body(template.limits)
    )


def _id(template: LimitTemplate) -> str:
    return template.id


router = admin_router("limits")


@router.get("/admin/limit-templates", summary="Limit templates, by id", response_model=LimitTemplateList)
async def _list(services: Services, page: Annotated[Page, FromQuery()]) -> Response:
    found = rows_after(await services.limit_templates.all(), page.after, _id)
    shown, cursor = page_of(found, page, _id, weight=lambda template: len(template.limits.models))
    data = [_body(template) for template in shown]
    return await exact_response_in_thread(LimitTemplateList(data=data, has_more=cursor is not None, next=cursor))


@router.post(
    "/admin/limit-templates",
    summary="Add a limit template",
    status_code=201,
    response_model=LimitTemplateBody,
    responses=errors(409),
)
async def _create(services: Services, by: ByAdmin, form: NewLimitTemplateForm) -> Response:
    limits = {} if form.limits is None else form.limits.root
    return exact_response(_body(await services.limit_templates.create(form.id, form.name, limits, by)), 201)


@router.get(
    "/admin/limit-templates/{template_id}",
    summary="A limit template",
    response_model=LimitTemplateBody,
    responses=errors(404),
)
async def _read(services: Services, template_id: str) -> Response:
    return exact_response(_body(await services.limit_templates.get(template_id)))


@router.patch(
    "/admin/limit-templates/{template_id}",
    summary="Change a limit template",
    response_model=LimitTemplateBody,
    responses=errors(404),
)
async def _update(services: Services, by: ByAdmin, template_id: str, form: LimitTemplateForm) -> Response:
    """Users who got its limits keep them as they are."""
    given = form.model_fields_set
    changed = await services.limit_templates.update(
        template_id,
        by,
        name=form.name if "name" in given else UNSET,
        limits=form.limits.root if "limits" in given else UNSET,
    )
    return exact_response(_body(changed))


@router.delete(
    "/admin/limit-templates/{template_id}",
    summary="Delete a limit template",
    response_model=LimitTemplateBody,
    responses=errors(404),
)
async def _delete(services: Services, by: ByAdmin, template_id: str) -> Response:
    """Users who got its limits keep them."""
    return exact_response(_body(await services.limit_templates.delete(template_id, by)))
