"""Signing in and out, for the pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Form, Time
from tollkeeper.control.routes import ByUser, LeavingRoute, OpenRoute, Who, address_of, session_router
from tollkeeper.control.users import Password
from tollkeeper.rules.errors import Forbidden
from tollkeeper.services.cookies import token_of
from tollkeeper.services.sessions import LONGEST_MS, NewSession, ends_at
from tollkeeper.store.ports import Role, Session, User, UserStatus
from tollkeeper.wire.browser import same_origin, set_cookie

_GIVEN_PASSWORD = Annotated[str, Field(max_length=1024)]


class SignedInUser(BaseModel):
    user_id: str
    name: str | None
    role: Role
    status: UserStatus


class SessionBody(BaseModel):
    """Who is signed in. `csrf_token` goes into the header `x-csrf-token` of every change and of every relayed request.
    At `expires_at` the session ends, unless it is used before."""

    user: SignedInUser
    csrf_token: str
    created_at: Time
    expires_at: Time


class SignInForm(Form):
    username: str = Field(min_length=1, max_length=256, examples=["alice"])
    password: _GIVEN_PASSWORD


class PasswordForm(Form):
    current_password: _GIVEN_PASSWORD
    new_password: Password


opened = APIRouter(route_class=OpenRoute, tags=["signing in"], responses=errors(400, 401, 403, 413, 422, 429, 500, 503))
leaving = session_router("signing in", LeavingRoute)
router = session_router("signing in")


@opened.post("/auth/login", summary="Sign in with a password", response_model=SessionBody)
async def _sign_in(request: Request, services: Services, form: SignInForm) -> Response:
    """Sets the session's cookie. A session that the browser had ends."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and not same_origin(origin, host):
        raise Forbidden("Only pages of this very host may sign people in.")
    user, new = await services.sign_in.sign_in(
        form.username, form.password, address_of(request), replaces=token_of(request.scope["headers"])
    )
    return _begun(request, services, user, new)


@leaving.get("/auth/session", summary="Who is signed in", response_model=SessionBody)
async def _session(request: Request, services: Services, who: Who) -> Response:
    """Of the suspended, too, who may do nothing else but sign out: `status` says so."""
    assert who.session is not None
    return _told(services, who.user, who.session, _token(request))


@leaving.post("/auth/logout", summary="Sign out", status_code=204, response_class=Response)
async def _sign_out(request: Request, services: Services, who: Who) -> Response:
    """What this session runs is ended."""
    await services.accounts.sessions.end(who.credential)
    return _left(request)


@router.post("/auth/logout-all", summary="Sign out everywhere", status_code=204, response_class=Response)
async def _sign_out_everywhere(request: Request, services: Services, who: Who, by: ByUser) -> Response:
    """What your sessions run is ended; what your keys run goes on."""
    await services.accounts.sessions.end_all(who.user.user_id, by)
    return _left(request)


@router.post(
    "/auth/password", summary="Change your own password", response_model=SessionBody, responses=errors(409, 429)
)
async def _change_password(request: Request, services: Services, who: Who, form: PasswordForm) -> Response:
    """All your sessions end, and a new one begins here."""
    user, new = await services.sign_in.change_password(
        who.user, form.current_password, form.new_password, address_of(request), replaces=_token(request)
    )
    return _begun(request, services, user, new)


def _begun(request: Request, services: ControlServices, user: User, new: NewSession) -> Response:
    answer = _told(services, user, new.session, new.token)
    cookie = set_cookie(request.headers.get("host", ""), new.token, max_age=LONGEST_MS // 1000)
    answer.headers["set-cookie"] = cookie
    return answer


def _told(services: ControlServices, user: User, session: Session, token: str) -> Response:
    body = SessionBody(
        user=SignedInUser(user_id=user.user_id, name=user.name, role=user.role, status=user.status),
        csrf_token=services.accounts.sessions.csrf_token(token),
        created_at=session.created_at,
        expires_at=ends_at(session),
    )
    return Response(body.model_dump_json(), media_type="application/json", headers={"cache-control": "no-store"})


def _left(request: Request) -> Response:
    cookie = set_cookie(request.headers.get("host", ""), "", max_age=0)
    return Response(status_code=204, headers={"set-cookie": cookie, "cache-control": "no-store"})


def _token(request: Request) -> str:
    token = token_of(request.scope["headers"])
    assert token is not None  # else nobody would be signed in
    return token
