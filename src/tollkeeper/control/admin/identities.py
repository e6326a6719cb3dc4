"""Identities at OpenID providers, as admins link them to users."""

from __future__ import annotations

from fastapi import Path
from pydantic import BaseModel, Field, field_validator

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form, Listing, Time
from tollkeeper.rules.claims import MOST_TEXT, is_text
from tollkeeper.services.accounts.external_identities import id_of
from tollkeeper.store.ports.external_identities import ExternalIdentity

router = admin_router("users")


class IdentityBody(BaseModel):
    """Somebody at an OpenID provider who signs in as a user. `provider` is the id of the provider with this issuer,
    null where no setting names it any more; `subject` is their `sub` there."""

    id: str
    provider: str | None
    issuer: str
    subject: str
    created_at: Time


class IdentityForm(Form):
    provider: str = Field(max_length=64, description="Id of a provider in the settings.", examples=["corp"])
    subject: str = Field(min_length=1, max_length=MOST_TEXT, description="Their `sub` there.")

    @field_validator("subject")
    @classmethod
    def _check_subject(cls, value: str) -> str:
        if not is_text(value):
            raise ValueError("must be one line of characters that can be seen, as the provider shows it")
        return value


@router.get("/admin/users/{user_id}/identities", summary="How a user signs in by providers", responses=errors(404))
async def _list(services: Services, user_id: str) -> Listing[IdentityBody]:
    user = services.accounts.user(user_id)
    return Listing(data=[_body(services, each) for each in services.external_identities.of(user.user_id)])


@router.post(
    "/admin/users/{user_id}/identities",
    summary="Let somebody at a provider sign in as a user",
    status_code=201,
    responses=errors(404, 409),
)
async def _link(services: Services, by: ByAdmin, user_id: str, form: IdentityForm) -> IdentityBody:
    """Linking the same person to the same user again changes nothing."""
    issuer = services.open_id.config(form.provider).issuer
    return _body(services, await services.external_identities.link(user_id, issuer, form.subject, by))


@router.delete(
    "/admin/users/{user_id}/identities/{identity_id}",
    summary="Remove a way in by a provider",
    responses=errors(404),
)
async def _unlink(
    services: Services, by: ByAdmin, user_id: str, identity_id: str = Path(max_length=100)
) -> IdentityBody:
    """The sessions that began by it end."""
    return _body(services, await services.external_identities.unlink(user_id, identity_id, by))


def _body(services: ControlServices, identity: ExternalIdentity) -> IdentityBody:
    return IdentityBody(
        id=id_of(identity),
        provider=services.open_id.provider_of(identity.issuer),
        issuer=identity.issuer,
        subject=identity.subject,
        created_at=identity.created_at,
    )
