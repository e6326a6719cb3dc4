"""Signing in by OpenID Connect: the way to the provider and back, and sessions that it ends."""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import Annotated
from urllib.parse import parse_qs, quote, urlencode

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from tollkeeper.control.auth import session_cookie
from tollkeeper.control.context import Services
from tollkeeper.control.http.bodies import BodyBound, LargeBodies, read_body
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import address_of
from tollkeeper.rules.errors import BadRequest, GatewayError
from tollkeeper.services.accounts.cookies import sign_in_token_of, token_of
from tollkeeper.services.open_id.pending import LASTS_MS
from tollkeeper.services.open_id.ports import SignInRefused
from tollkeeper.store.errors import StoreError
from tollkeeper.wire.http.cookies import SIGN_IN_COOKIE, set_cookie
from tollkeeper.wire.http.origins import origin_of

log = logging.getLogger("tollkeeper.open_id")

LOGIN_PAGE = "/ui/login"
_LOGOUT_BODY = BodyBound(16_384, 1)
_MOST_FIELDS = 20
_PAGE = re.compile(r"/(?:[\w~-][\w.~%-]*(?:/[\w~-][\w.~%-]*)*/?)?(?:\?[\w.~%&=:+,-]*)?", re.ASCII)
"""A page of ours, below `/ui`: no address of another host, and no way up. There is one way only to read each text:
anybody can send one, and a pattern that tries many ways would hold the gateway for ever."""
_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}

ProviderId = Annotated[str, Path(max_length=64)]


class ProviderBody(BaseModel):
    """An OpenID provider: a browser that goes to `start` signs in by it."""

    id: str
    name: str = Field(examples=["Example Corp"])
    start: str = Field(examples=["/auth/oidc/corp/start"])


class WaysInBody(BaseModel):
    """How people sign in here: with passwords, and by these providers."""

    password: bool
    providers: list[ProviderBody]


# Without the check of queries that other routes have: providers add parameters of their own to the callback.
router = APIRouter(tags=["signing in"], responses=errors(400, 403, 404, 422, 500, 503))


@router.get("/auth/providers", summary="How people sign in here")
async def _ways_in(services: Services) -> WaysInBody:
    listed = [
        ProviderBody(id=each.id, name=each.name, start=f"/auth/oidc/{each.id}/start")
        for each in services.open_id.configs()
    ]
    return WaysInBody(password=services.sign_in.passwords, providers=listed)


@router.get(
    "/auth/oidc/{provider}/start",
    summary="Sign in by an OpenID provider",
    status_code=303,
    response_class=RedirectResponse,
)
async def _start(request: Request, services: Services, provider: ProviderId, next: str | None = None) -> Response:  # noqa: A002 (a parameter of the query)
    """For browsers: leads to the provider, and from there back to the page of ours that `next` names (`/calls`)."""
    host = request.headers.get("host", "")
    page = next if next is not None and len(next) <= 2000 and _PAGE.fullmatch(next) else None
    callback = f"{origin_of(host)}/auth/oidc/{provider}/callback"
    services.open_id.config(provider)
    try:
        started = await services.open_id.start(
            provider, redirect_uri=callback, next_page=page, address=address_of(request)
        )
    except SignInRefused as refused:
        return _refused(provider, refused)
    cookie = set_cookie(host, started.browser, max_age=LASTS_MS // 1000, base=SIGN_IN_COOKIE)
    return RedirectResponse(started.url, 303, {"set-cookie": cookie, **_PRIVATE})


@router.get(
    "/auth/oidc/{provider}/callback",
    summary="The way back from an OpenID provider",
    status_code=303,
    response_class=RedirectResponse,
)
async def _callback(request: Request, services: Services, provider: ProviderId) -> Response:
    """For browsers, which a provider sends here. Sets the session's cookie; whatever goes wrong, the sign-in page says
    it in words, by the code in its query."""
    host, headers = request.headers.get("host", ""), request.scope["headers"]
    services.open_id.config(provider)
    try:
        finished = await services.open_id.finish(
            provider,
            _once(request),
            browser=sign_in_token_of(headers),
            address=address_of(request),
            replaces=token_of(headers),
        )
    except SignInRefused as refused:
        return _refused(provider, refused)
    except (GatewayError, StoreError) as error:
        return _refused(provider, SignInRefused("unavailable", str(error)))
    target = LOGIN_PAGE if finished.next_page is None else f"{LOGIN_PAGE}?next={quote(finished.next_page, safe='')}"
    response = RedirectResponse(target, 303, _PRIVATE)
    response.headers.append("set-cookie", session_cookie(request, finished.session))
    response.headers.append("set-cookie", set_cookie(host, "", max_age=0, base=SIGN_IN_COOKIE))
    return response


@router.post(
    "/auth/oidc/{provider}/backchannel-logout",
    summary="End the sessions that an OpenID provider has ended",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["logout_token"],
                        "properties": {"logout_token": {"type": "string"}},
                    }
                }
            },
        }
    },
)
async def _backchannel_logout(request: Request, services: Services, provider: ProviderId) -> Response:
    """For providers (OpenID Connect Back-Channel Logout 1.0): the token that they sign is all the proof there is."""
    services.open_id.config(provider)
    bodies: LargeBodies = request.app.state.bodies
    with bodies.share("") as share:
        content = await read_body(request, _LOGOUT_BODY, share)
    try:
        tokens = parse_qs(content.decode("ascii"), max_num_fields=_MOST_FIELDS).get("logout_token", [])
    except ValueError:
        tokens = []
    if len(tokens) != 1:
        raise BadRequest("The body must be a form with one logout_token.", param="logout_token")
    ended = await services.open_id.logout(provider, tokens[0])
    log.info("the provider %s ended %d sessions", provider, ended)
    return Response(status_code=200, headers={"cache-control": "no-store"})


def _once(request: Request) -> dict[str, str]:
    """The parameters that are given exactly once; those given twice, which two readers might read differently, are as
    if they were not there."""
    given = request.query_params.multi_items()
    times = Counter(name for name, _ in given)
    return {name: value for name, value in given if times[name] == 1}


def _refused(provider: str, refused: SignInRefused) -> Response:
    log.warning("a sign-in by the provider %s was refused (%s): %s", provider, refused.code, refused)
    query = urlencode({"error": refused.code})
    return RedirectResponse(f"{LOGIN_PAGE}?{query}", 303, _PRIVATE)
