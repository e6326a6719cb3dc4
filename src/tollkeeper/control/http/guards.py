"""Kinds of guarded route: for users, for admins, for admins of teams too, for sessions, and open to anyone.

The caller is identified before anything else of the request is read, and no more is read than the path can need
(`bodies.py`). Unknown query parameters are refused, since a misspelt filter would otherwise return everything.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer

from tollkeeper.control.context import services_of
from tollkeeper.control.http.bodies import LargeBodies, bound_of, parse_body, read_body
from tollkeeper.control.http.errors import errors
from tollkeeper.rules.errors import NotSignedIn, Unprocessable
from tollkeeper.services.accounts.cookies import caller_by_cookie
from tollkeeper.services.accounts.credentials import KEY_IN_PATH, presented
from tollkeeper.services.accounts.directory import Caller, admin
from tollkeeper.services.accounts.managers import Manager, identify_manager, manager
from tollkeeper.services.audit.actor import Actor
from tollkeeper.wire.credentials import presented_key
from tollkeeper.wire.http.cookies import SESSION_COOKIE

MAX_PARAMETERS = 50
"""The most parameters in a query; no path takes as many."""
_MAX_NAME_SHOWN = 64
"""Characters of a parameter's name that an error repeats."""
_CALLER = "tollkeeper.caller"
"""Key in a request's scope: the caller, the name of the admin, or the manager."""

# For the OpenAPI document only: the route itself reads the key or cookie.
_SESSION_SCHEME = Security(
    APIKeyCookie(
        name=SESSION_COOKIE,
        scheme_name="session",
        description=f"The cookie that POST /auth/login sets; `__Host-{SESSION_COOKIE}` where the host is not loopback. "
        "Every change also needs the header `x-csrf-token`.",
        auto_error=False,
    )
)
_KEY_SCHEMES = [
    Security(HTTPBearer(scheme_name="bearer", description="An API key.", auto_error=False)),
    Security(APIKeyHeader(name="x-api-key", scheme_name="x-api-key", auto_error=False)),
    Security(
        APIKeyHeader(
            name="api-key", scheme_name="api-key", description="The header of Azure's clients.", auto_error=False
        )
    ),
    _SESSION_SCHEME,
]


_COMMON_ERRORS = errors(400, 401, 403, 413, 422, 500, 503)


class _RequestWithBody(Request):
    """A request whose body has been read, and is JSON whatever its content type: commands typed into a terminal seldom
    set one. (Pages of other sites are kept out by their origin, not by the content type.)"""

    def __init__(self, request: Request, content: bytes, value: Any) -> None:
        headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
        if content:
            headers.append((b"content-type", b"application/json"))
        super().__init__({**request.scope, "headers": headers}, request.receive)
        self._content = content
        self._value = value

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> Any:
        return self._value


class _GuardedRoute(APIRoute):
    lists: frozenset[str] = frozenset()
    """Parameters that may be given more than once."""

    @staticmethod
    def authenticate(request: Request) -> object:
        """Identify the caller. Raises NotSignedIn, Forbidden."""
        raise NotImplementedError

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_query = bool(self.dependant.query_params)
        bound = max(bound_of(method, self.path) for method in self.methods or ())

        async def guarded(request: Request) -> Response:
            caller = request.scope[_CALLER] = self.authenticate(request)
            _check_query(request, takes_query=takes_query, lists=self.lists)
            if self.body_field is None:
                return await handle(request)  # an unexpected body is not read
            bodies: LargeBodies = request.app.state.bodies
            with bodies.share(caller.user.user_id if isinstance(caller, Caller) else str(caller)) as share:
                content = await read_body(request, bound, share)
                value = await parse_body(content, bound) if content else None
                return await handle(_RequestWithBody(request, content, value))

        return guarded


def _check_query(request: Request, *, takes_query: bool, lists: frozenset[str]) -> None:
    """Refuse unknown and repeated parameters. Raises Unprocessable."""
    if request.scope["query_string"].count(b"&") >= MAX_PARAMETERS:
        raise Unprocessable(f"The query has more than {MAX_PARAMETERS} parameters. Send fewer.")
    given: set[str] = set()
    for name, _ in request.query_params.multi_items():
        shown = name[:_MAX_NAME_SHOWN]
        if not takes_query:
            raise Unprocessable(f"'{shown}' is not a parameter of this path.", param=shown)
        if name in given and name not in lists:
            raise Unprocessable(f"'{shown}' is given more than once.", param=shown)
        given.add(name)


class UserRoute(_GuardedRoute):
    """A route for users, by key or session."""

    @staticmethod
    def authenticate(request: Request) -> Caller:
        found = _presented(request)
        return services_of(request).accounts.identify(found) if isinstance(found, str) else found


class AdminRoute(_GuardedRoute):
    """A route for admins, by key or session."""

    @staticmethod
    def authenticate(request: Request) -> str:
        found = _presented(request)
        return services_of(request).accounts.identify_admin(found) if isinstance(found, str) else admin(found)

    @staticmethod
    def recheck(request: Request) -> tuple[str, Callable[[], object]]:
        """The id of the caller's key or session, and a check that it still opens this route, to be called during a long
        response. The check does not count as a use of the session; it raises what `authenticate` does."""
        accounts = services_of(request).accounts
        found = _presented(request)
        if isinstance(found, str):
            return found, lambda: accounts.identify_admin(found)
        return found.credential, lambda: admin(accounts.refresh(found))


class ManagerRoute(_GuardedRoute):
    """A route for admins and for admins of teams, by key or session: the route decides what they may see."""

    @staticmethod
    def authenticate(request: Request) -> Manager:
        found = _presented(request)
        accounts = services_of(request).accounts
        return identify_manager(accounts, found) if isinstance(found, str) else manager(found)


class SessionRoute(_GuardedRoute):
    """A route for sessions: keys are refused."""

    even_suspended = False
    even_one_factor = False

    @classmethod
    def authenticate(cls, request: Request) -> Caller:
        accounts, headers = services_of(request).accounts, request.scope["headers"]
        caller = None
        if presented_key(headers) is None:  # a key takes precedence over the cookie
            caller = caller_by_cookie(
                accounts,
                request.method,
                headers,
                guarded=False,
                even_suspended=cls.even_suspended,
                even_one_factor=cls.even_one_factor,
            )
        if caller is None:
            raise NotSignedIn("This needs a session (POST /auth/login). API keys are not accepted here.")
        return caller


class SuspendedRoute(SessionRoute):
    """A route for sessions, those of suspended users and of those without the second factor that they need included:
    they may see their status, and sign out."""

    even_suspended = True
    even_one_factor = True


class VisitorRoute(_GuardedRoute):
    """As `SuspendedRoute`; with `required=false` in the query also for visitors without a session, who have no caller:
    a page asks before it knows whether anybody is signed in, and browsers report each 401 as an error."""

    @staticmethod
    def authenticate(request: Request) -> Caller | None:
        try:
            return SuspendedRoute.authenticate(request)
        except NotSignedIn:
            if request.query_params.get("required") == "false":
                return None
            raise


class SetUpRoute(SessionRoute):
    """A route for sessions, also of those who have yet to set up the second factor that they need."""

    even_one_factor = True


class OpenRoute(_GuardedRoute):
    """A route open to anyone."""

    @staticmethod
    def authenticate(request: Request) -> None:  # noqa: ARG004
        return None


def user_router(tag: str) -> APIRouter:
    return APIRouter(route_class=UserRoute, tags=[tag], dependencies=_KEY_SCHEMES, responses=_COMMON_ERRORS)


def admin_router(tag: str, route_class: type[AdminRoute] = AdminRoute) -> APIRouter:
    return APIRouter(route_class=route_class, tags=[tag], dependencies=_KEY_SCHEMES, responses=_COMMON_ERRORS)


def manager_router(tag: str) -> APIRouter:
    return APIRouter(route_class=ManagerRoute, tags=[tag], dependencies=_KEY_SCHEMES, responses=_COMMON_ERRORS)


def session_router(tag: str, route_class: type[SessionRoute | VisitorRoute] = SessionRoute) -> APIRouter:
    return APIRouter(route_class=route_class, tags=[tag], dependencies=[_SESSION_SCHEME], responses=_COMMON_ERRORS)


def _presented(request: Request) -> str | Caller:
    scope = request.scope
    in_path = scope.get(KEY_IN_PATH)
    return presented(
        services_of(request).accounts, request.method, scope["headers"], guarded=False, key_in_path=in_path
    )


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope[_CALLER]
    return caller


async def _visitor(request: Request) -> Caller | None:
    found: Caller | None = request.scope[_CALLER]
    return found


async def _as_admin(request: Request) -> Actor:
    return Actor(request.scope[_CALLER], address_of(request))


async def _manager(request: Request) -> Manager:
    found: Manager = request.scope[_CALLER]
    return found


async def _as_manager(request: Request) -> Actor:
    return Actor(request.scope[_CALLER].name, address_of(request))


async def _as_user(request: Request) -> Actor:
    return Actor(request.scope[_CALLER].user.user_id, address_of(request))


CurrentCaller = Annotated[Caller, Depends(_caller)]
"""On a user's route: the caller."""
CurrentVisitor = Annotated[Caller | None, Depends(_visitor)]
"""On a visitor's route: the caller, None where nobody is signed in."""
ByUser = Annotated[Actor, Depends(_as_user)]
"""On a user's route: the author of a change, for the audit log."""
ByAdmin = Annotated[Actor, Depends(_as_admin)]
"""On an admin's route: the author of a change, for the audit log."""
CurrentManager = Annotated[Manager, Depends(_manager)]
"""On a manager's route: who asks."""
ByManager = Annotated[Actor, Depends(_as_manager)]
"""On a manager's route: the author of a change, for the audit log."""


def address_of(request: Request) -> str | None:
    """The client's address, None if it is not known."""
    return request.client.host if request.client else None
