"""The kinds of guarded route: for users, for admins, and for those who are signed in.

Who asks is settled before anything else of the request is read. Bodies are read without floats, since some of their
figures are money; a query parameter that the path does not know is refused, since a filter that is misspelt would
otherwise answer with everything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer
from starlette.requests import ClientDisconnect

from tollkeeper.control.context import services_of
from tollkeeper.control.errors import errors
from tollkeeper.rules.errors import BadRequest, InvalidKey, NotSignedIn, RequestTooLarge, Unprocessable
from tollkeeper.services.audit import Actor
from tollkeeper.services.cookies import caller_by_cookie
from tollkeeper.services.directory import Caller, admin
from tollkeeper.wire.browser import SESSION_COOKIE

MAX_BODY_BYTES = 1_000_000
_WHO = "tollkeeper.who"
"""Where a request's scope carries who asks."""

# For the document only: the route itself reads the key or cookie.
_SHOWN_SESSION = Security(
    APIKeyCookie(
        name=SESSION_COOKIE,
        scheme_name="session",
        description=f"What POST /auth/login sets; `__Host-{SESSION_COOKIE}` where the host is not loopback. "
        "Every change needs the header `x-csrf-token` beside it.",
        auto_error=False,
    )
)
_SHOWN_KEYS = [
    Security(HTTPBearer(scheme_name="bearer", description="An API key.", auto_error=False)),
    Security(APIKeyHeader(name="x-api-key", scheme_name="x-api-key", auto_error=False)),
    _SHOWN_SESSION,
]


_REFUSALS = errors(400, 401, 403, 413, 422, 500, 503)


class _ReadRequest(Request):
    """A request whose body is read already, and is JSON whatever it calls itself: what people type into a terminal
    seldom says so. (What other sites' pages may send is decided by their origin, not by a content type.)"""

    def __init__(self, request: Request, content: bytes) -> None:
        headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
        if content:
            headers.append((b"content-type", b"application/json"))
        super().__init__({**request.scope, "headers": headers}, request.receive)
        self._content = content

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> Any:
        return json.loads(self._content, parse_float=_exact, parse_constant=_refuse_constant)


class _GuardedRoute(APIRoute):
    @staticmethod
    def who(request: Request) -> object:
        """Who asks. Raises InvalidKey, NotSignedIn, Forbidden."""
        raise NotImplementedError

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_query = bool(self.dependant.query_params)

        async def guarded(request: Request) -> Response:
            request.scope[_WHO] = self.who(request)
            given = [name for name, _ in request.query_params.multi_items()]
            for name in given:
                if not takes_query:
                    raise Unprocessable(f"'{name[:64]}' is not known here.", param=name[:64])
                if given.count(name) > 1:
                    raise Unprocessable(f"'{name[:64]}' is given more than once.", param=name[:64])
            return await handle(_ReadRequest(request, await _read_body(request)))

        return guarded


class UserRoute(_GuardedRoute):
    @staticmethod
    def who(request: Request) -> Caller:
        return _signed_in(request) or services_of(request).accounts.identify(presented_key(request))


class AdminRoute(_GuardedRoute):
    @staticmethod
    def who(request: Request) -> str:
        caller = _signed_in(request)
        return admin(caller) if caller else services_of(request).accounts.identify_admin(presented_key(request))

    @staticmethod
    def standing(request: Request) -> tuple[str, Callable[[], object]]:
        """What tells one key or session from another, and a check that it still opens this route: to be called while an
        answer goes on. It does not count as a use of the session. Raises what `who` does."""
        accounts = services_of(request).accounts
        caller = _signed_in(request)
        if caller is not None:
            return caller.credential, lambda: admin(accounts.again(caller))
        key = presented_key(request)
        return key, lambda: accounts.identify_admin(key)


class SessionRoute(_GuardedRoute):
    """For the pages alone: no key opens it."""

    even_suspended = False

    @classmethod
    def who(cls, request: Request) -> Caller:
        caller = _signed_in(request, even_suspended=cls.even_suspended)
        if caller is None:
            raise NotSignedIn("This is for people who are signed in (POST /auth/login). No key opens it.")
        return caller


class LeavingRoute(SessionRoute):
    """For the suspended, too: they may learn that they are, and sign out."""

    even_suspended = True


class OpenRoute(_GuardedRoute):
    """For anyone."""

    @staticmethod
    def who(request: Request) -> None:  # noqa: ARG004
        return None


def user_router(tag: str) -> APIRouter:
    return APIRouter(route_class=UserRoute, tags=[tag], dependencies=_SHOWN_KEYS, responses=_REFUSALS)


def admin_router(tag: str) -> APIRouter:
    return APIRouter(route_class=AdminRoute, tags=[tag], dependencies=_SHOWN_KEYS, responses=_REFUSALS)


def session_router(tag: str, route_class: type[SessionRoute] = SessionRoute) -> APIRouter:
    return APIRouter(route_class=route_class, tags=[tag], dependencies=[_SHOWN_SESSION], responses=_REFUSALS)


def _signed_in(request: Request, *, even_suspended: bool = False) -> Caller | None:
    """Who is signed in; None for who sends no cookie of a session, or a key: then the cookie is not looked at."""
    if "authorization" in request.headers or "x-api-key" in request.headers:
        return None
    accounts, headers = services_of(request).accounts, request.scope["headers"]
    return caller_by_cookie(accounts, request.method, headers, guarded=False, even_suspended=even_suspended)


def presented_key(request: Request) -> str:
    """The key that a request carries, "" when it has none. Raises InvalidKey when it carries two that differ, or
    credentials that are not a key."""
    found = set(request.headers.getlist("x-api-key"))
    for credentials in request.headers.getlist("authorization"):
        scheme, _, key = credentials.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidKey("The authorization header must be 'Bearer <key>'.")
        found.add(key)
    keys = {key.strip() for key in found}
    if len(keys) > 1:
        raise InvalidKey("Two credentials were given, and they differ. Send one.")
    return keys.pop() if keys else ""


async def _read_body(request: Request) -> bytes:
    content = bytearray()
    try:
        async for part in request.stream():
            content += part
            if len(content) > MAX_BODY_BYTES:
                raise RequestTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes, the most that is read here.")
    except ClientDisconnect:
        raise BadRequest("The body ended early.") from None
    return bytes(content)


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope[_WHO]
    return caller


async def _as_admin(request: Request) -> Actor:
    return Actor(request.scope[_WHO], address_of(request))


async def _as_user(request: Request) -> Actor:
    return Actor(request.scope[_WHO].user.user_id, address_of(request))


Who = Annotated[Caller, Depends(_caller)]
"""On a user's route: who asks."""
ByUser = Annotated[Actor, Depends(_as_user)]
"""On a user's route: who makes a change."""
ByAdmin = Annotated[Actor, Depends(_as_admin)]
"""On an admin's route: who makes a change."""


def address_of(request: Request) -> str | None:
    """Where they ask from."""
    return request.client.host if request.client else None


def _exact(text: str) -> int | Decimal:
    number = Decimal(text)
    # 1.0 is an integer of JSON; but 1e999999 need not be written out.
    return int(number) if -16 < number.adjusted() < 16 and number == number.to_integral_value() else number


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not a number of JSON", name, 0)
