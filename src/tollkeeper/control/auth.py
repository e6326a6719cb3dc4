"""Sessions: signing in with a password and a second factor, signing out, changing a password."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from tollkeeper.control.admin.users import Password
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import (
    ByUser,
    CurrentCaller,
    CurrentVisitor,
    OpenRoute,
    SuspendedRoute,
    VisitorRoute,
    address_of,
    session_router,
)
from tollkeeper.control.http.schemas import Form, Time
from tollkeeper.rules.errors import Forbidden
from tollkeeper.services.accounts.cookies import token_of
from tollkeeper.services.accounts.sessions import LONGEST_MS, NewSession, ends_at
from tollkeeper.services.accounts.sign_in import SecondFactorNeeded
from tollkeeper.store.ports.accounts import Role, User, UserStatus
from tollkeeper.store.ports.sessions import Session
from tollkeeper.wire.http.cookies import set_cookie
from tollkeeper.wire.http.origins import origin_of, same_origin

PasswordToCheck = Annotated[str, Field(max_length=1024)]
SecondFactorStatus = Literal["off", "on", "required"]
Code = Annotated[
    str,
    Field(min_length=1, max_length=64, description="Six digits of the app, or a recovery code.", examples=["123456"]),
]


class SignedInUser(BaseModel):
    user_id: str
    name: str | None
    role: Role
    status: UserStatus
    team: str | None
    team_admin: bool


class SessionBody(BaseModel):
    """Who is signed in. `csrf_token` goes into the header `x-csrf-token` of every change and of every relayed request.
    The session ends at `expires_at` unless it is used before then. `provider` is the id of the OpenID provider that
    they signed in by, null: with a password. `second_factor` is `required` where one must be set up before anything
    else works."""

    user: SignedInUser
    csrf_token: str
    created_at: Time
    expires_at: Time
    provider: str | None
    second_factor: SecondFactorStatus


class ChallengeBody(BaseModel):
    """The password was right; a code of the second factor is needed, too: POST /auth/second-factor takes it with the
    `challenge`."""

    challenge: str
    expires_at: Time


class SignedOutBody(BaseModel):
    """The session has ended here. At `sign_out_url` the browser signs out at the OpenID provider, too."""

    sign_out_url: str


class SignInForm(Form):
    username: str = Field(min_length=1, max_length=256, examples=["alice"])
    password: PasswordToCheck


class SecondStepForm(Form):
    challenge: str = Field(max_length=100)
    code: Code


class PasswordForm(Form):
    current_password: PasswordToCheck
    new_password: Password


_NO_STORE = {"cache-control": "no-store"}
public = APIRouter(route_class=OpenRoute, tags=["signing in"], responses=errors(400, 401, 403, 413, 422, 429, 500, 503))
any_status = session_router("signing in", SuspendedRoute)
visitors = session_router("signing in", VisitorRoute)
router = session_router("signing in")


@public.post(
    "/auth/login",
    summary="Sign in with a password",
    response_model=SessionBody,
    responses={202: {"model": ChallengeBody, "description": "A code of the second factor is needed"}},
)
async def _sign_in(request: Request, services: Services, form: SignInForm) -> Response:
    """Sets the session's cookie, and ends the session that the browser had. 202, without a session, for users with a
    second factor."""
    _check_origin(request)
    try:
        user, new = await services.sign_in.sign_in(
            form.username, form.password, address_of(request), replaces=token_of(request.scope["headers"])
        )
    except SecondFactorNeeded as needed:
        body = ChallengeBody(challenge=needed.challenge, expires_at=needed.expires_at)
        return Response(body.model_dump_json(), 202, _NO_STORE, "application/json")
    return _signed_in(request, services, user, new)


@public.post(
    "/auth/second-factor", summary="Sign in: the second step", response_model=SessionBody, responses=errors(409)
)
async def _second_step(request: Request, services: Services, form: SecondStepForm) -> Response:
    """Sets the session's cookie, as POST /auth/login does for users without a second factor."""
    _check_origin(request)
    user, new = await services.sign_in.second_step(
        form.challenge, form.code, address_of(request), replaces=token_of(request.scope["headers"])
    )
    return _signed_in(request, services, user, new)


@visitors.get(
    "/auth/session",
    summary="Who is signed in",
    response_model=SessionBody | None,
    openapi_extra={"security": [{}]},  # with `required=false` a session may be missing
)
async def _session(
    request: Request,
    services: Services,
    caller: CurrentVisitor,
    required: Annotated[  # noqa: ARG001  # the guard reads it
        Literal["true", "false"], Query(description="`false`: null, not 401, where nobody is signed in.")
    ] = "true",
) -> Response:
    """Open to suspended users, too, who may otherwise only sign out; `status` shows the suspension."""
    if caller is None:
        return Response("null", media_type="application/json", headers=_NO_STORE)
    assert caller.session is not None
    return _session_response(services, caller.user, caller.session, token_in(request))


@any_status.post(
    "/auth/logout",
    summary="Sign out",
    status_code=204,
    response_class=Response,
    responses={200: {"model": SignedOutBody, "description": "The provider signs people out, too"}},
)
async def _sign_out(request: Request, services: Services, caller: CurrentCaller, by: ByUser) -> Response:
    """Requests of this session that are running are cut. 200 for a session that began at an OpenID provider which signs
    people out: the body says where."""
    assert caller.session is not None
    sessions, issuer = services.accounts.sessions, caller.session.issuer
    id_token = sessions.id_token(caller.session.id)
    await sessions.end(caller.session.id, by)
    url = None
    if issuer is not None:
        host = request.headers.get("host", "")
        url = await services.open_id.sign_out_url(issuer, f"{origin_of(host)}/ui/login", id_token)
    response = _signed_out(request)
    if url is None:
        return response
    body = SignedOutBody(sign_out_url=url).model_dump_json()
    return Response(body, 200, {"set-cookie": response.headers["set-cookie"], **_NO_STORE}, "application/json")


@router.post("/auth/logout-all", summary="Sign out everywhere", status_code=204, response_class=Response)
async def _sign_out_everywhere(request: Request, services: Services, caller: CurrentCaller, by: ByUser) -> Response:
    """Running requests of your sessions are cut; those of your keys go on."""
    await services.accounts.sessions.end_all(caller.user.user_id, by)
    return _signed_out(request)


@router.post(
    "/auth/password", summary="Change your own password", response_model=SessionBody, responses=errors(409, 429)
)
async def _change_password(request: Request, services: Services, caller: CurrentCaller, form: PasswordForm) -> Response:
    """Ends all your sessions, and begins a new one here."""
    user, new = await services.sign_in.change_password(
        caller.user, form.current_password, form.new_password, address_of(request), replaces=token_in(request)
    )
    return _signed_in(request, services, user, new)


def _check_origin(request: Request) -> None:
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and not same_origin(origin, host):
        raise Forbidden("Only pages of this host may sign users in.")


def _signed_in(request: Request, services: ControlServices, user: User, new: NewSession) -> Response:
    response = _session_response(services, user, new.session, new.token)
    response.headers["set-cookie"] = session_cookie(request, new)
    return response


def session_cookie(request: Request, new: NewSession) -> str:
    """The Set-Cookie header of a new session."""
    return set_cookie(request.headers.get("host", ""), new.token, max_age=LONGEST_MS // 1000)


def _session_response(services: ControlServices, user: User, session: Session, token: str) -> Response:
    body = SessionBody(
        user=SignedInUser(
            user_id=user.user_id,
            name=user.name,
            role=user.role,
            status=user.status,
            team=user.team_id,
            team_admin=user.team_admin,
        ),
        csrf_token=services.accounts.sessions.csrf_token(token),
        created_at=session.created_at,
        expires_at=ends_at(session),
        provider=None if session.issuer is None else services.open_id.provider_of(session.issuer),
        second_factor=second_factor_status(services, user, session),
    )
    return Response(body.model_dump_json(), media_type="application/json", headers=_NO_STORE)


def second_factor_status(services: ControlServices, user: User, session: Session) -> SecondFactorStatus:
    """What there is of a second factor, as this session is concerned by it."""
    if services.second_factors.is_on(user.user_id):
        return "on"
    return "required" if session.issuer is None and services.second_factors.is_missing(user) else "off"


def _signed_out(request: Request) -> Response:
    cookie = set_cookie(request.headers.get("host", ""), "", max_age=0)
    return Response(status_code=204, headers={"set-cookie": cookie, **_NO_STORE})


def token_in(request: Request) -> str:
    """The token of the session in a request."""
    token = token_of(request.scope["headers"])
    assert token is not None  # the guard found the session by it
    return token
