"""A provider over HTTP: its own description (OpenID Connect Discovery 1.0), its keys, and the exchange of a code.

What a provider says of itself is read at the first sign-in and again after an hour. Keys are read anew, too, when none
of those that are known has signed a token: providers change their keys whenever they like. For logout tokens, which
anybody can send, that happens at most once in a few seconds.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar
from urllib.parse import quote_plus, urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url
from joserfc.jwk import KeySet
from joserfc.jwt import Token
from msgspec import Struct

from tollkeeper.rules.claims import is_text
from tollkeeper.services.open_id.config import ProviderConfig
from tollkeeper.services.open_id.ports import Logout, Person, ProviderUnavailable, TokenRefused
from tollkeeper.services.open_id.tokens import (
    UnknownKey,
    check_id_token,
    check_logout_token,
    read_keys,
    read_signed,
)
from tollkeeper.services.open_id.transport import Transport
from tollkeeper.wire.http.cookies import is_loopback

T = TypeVar("T")

KEPT = 3600.0
"""Seconds after which what a provider said of itself is read anew."""
REST = 5.0
"""Seconds after a failure, or after a logout token that no known key has signed, before the provider is asked again."""
_MOST_HINT = 4096
"""Characters of an ID token that are kept for signing out: servers take few kilobytes of address."""
_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class Metadata(Struct, frozen=True):
    """What a provider says of itself, as far as it matters here."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_itself: bool
    auth_methods: tuple[str, ...]


class _Cached(Generic[T]):
    """What a provider said, for a while. Where it cannot be asked anew, what it said before stays."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()
        self._value: T | None = None
        self._fault: str | None = None
        self._read_at = -math.inf

    async def get(self, read: Callable[[], Awaitable[T]], *, lasts: float = KEPT) -> T:
        """The value, read anew where it is older than `lasts` seconds, by one caller at a time. Raises
        ProviderUnavailable."""
        async with self._turn:
            if self._clock() - self._read_at >= (lasts if self._fault is None else min(lasts, REST)):
                try:
                    self._value, self._fault = await read(), None
                except ProviderUnavailable as error:
                    self._fault = str(error)
                self._read_at = self._clock()
            if self._value is None:
                raise ProviderUnavailable(self._fault or "nothing was read")
            return self._value


class OpenIdClient:
    """See `ports.Provider`. `now` is milliseconds since the epoch, `clock` seconds that never go back."""

    def __init__(
        self, config: ProviderConfig, transport: Transport, now: Callable[[], int], clock: Callable[[], float]
    ) -> None:
        self._config = config
        self._transport = transport
        self._now = now
        self._metadata = _Cached[Metadata](clock)
        self._keys = _Cached[KeySet](clock)

    def __repr__(self) -> str:
        return f"OpenIdClient({self.config.id!r}, {self.config.issuer!r})"

    @property
    def config(self) -> ProviderConfig:
        return self._config

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        metadata = await self._described()
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=self.config.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=list(self.config.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def names_itself(self, issuer: str | None) -> bool:
        if issuer is None:
            return not (await self._described()).names_itself
        return issuer == self.config.issuer

    async def redeem(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Person:
        metadata = await self._described()
        form = prepare_token_request("authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=verifier)
        url, headers, form = self._signed(metadata, form)
        status, answer = await self._transport.post(url, form, list(headers.items()))
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if status != 200 or not isinstance(id_token, str):
            raise TokenRefused(f"the token endpoint answered {status} without an ID token: {_error_of(answer)}")
        if not isinstance(access_token, str):
            access_token = None
        token = await self._verified(id_token, rest=0)  # from the provider itself, for a code of its own
        claims = check_id_token(
            token,
            issuer=self.config.issuer,
            client_id=self.config.client_id,
            nonce=nonce,
            access_token=access_token,
            now=self._now() // 1000,
        )
        subject, sid = str(claims["sub"]), claims.get("sid")
        if metadata.userinfo_endpoint is not None and access_token is not None:
            more = await self._transport.get(
                metadata.userinfo_endpoint, [("authorization", f"Bearer {_one_line(access_token)}")]
            )
            if more.get("sub") != subject:
                raise TokenRefused("the claims of the userinfo endpoint are somebody else's")
            claims = {**more, **claims}
        hint = id_token if len(id_token) <= _MOST_HINT else None
        return Person(subject, sid if is_text(sid) else None, claims, hint)

    async def sign_out_url(self, return_to: str, id_token: str | None) -> str | None:
        endpoint = (await self._described()).end_session_endpoint
        if endpoint is None:
            return None
        query = [("client_id", self.config.client_id), ("post_logout_redirect_uri", return_to)]
        if id_token is not None:
            query.append(("id_token_hint", id_token))
        url: str = add_params_to_uri(endpoint, query)
        return url

    async def read_logout(self, token: str) -> Logout:
        return check_logout_token(
            await self._verified(token, rest=REST),
            issuer=self.config.issuer,
            client_id=self.config.client_id,
            now=self._now() // 1000,
        )

    def _signed(self, metadata: Metadata, form: str) -> tuple[str, dict[str, str], str]:
        """A token request, with the client's credentials in it."""
        config = self.config
        secret = config.client_secret
        method = config.auth_method
        if secret is None:
            method = "none"
        elif method is None:
            offered = [each for each in _AUTH_METHODS if each in metadata.auth_methods]
            method = offered[0] if offered else _AUTH_METHODS[0]
        client_id, password = config.client_id, None if secret is None else secret.reveal()
        if method == "client_secret_basic" and password is not None:
            # Encoded first, as RFC 6749, 2.3.1 has it, which Authlib leaves to its caller: a "+", or a ":" in the id,
            # would be read as something else.
            client_id, password = quote_plus(client_id), quote_plus(password)
        auth = ClientAuth(client_id, password, method)
        url, headers, form = auth.prepare("POST", metadata.token_endpoint, {}, form)
        return url, headers, form

    async def _verified(self, text: str, *, rest: float) -> Token:
        """A token whose signature is right by the keys of the provider. Where none of those that are known has made it,
        they are read anew, unless that was done less than `rest` seconds ago. Raises TokenRefused."""
        try:
            return read_signed(text, await self._known_keys(KEPT))
        except UnknownKey:
            return read_signed(text, await self._known_keys(rest))

    async def _described(self) -> Metadata:
        return await self._metadata.get(self._read_metadata)

    async def _known_keys(self, lasts: float) -> KeySet:
        url = (await self._described()).jwks_uri
        return await self._keys.get(lambda: self._read_keys(url), lasts=lasts)

    async def _read_metadata(self) -> Metadata:
        url = get_well_known_url(self.config.issuer, external=True)
        found = await self._transport.get(url)
        if found.get("issuer") != self.config.issuer:
            raise ProviderUnavailable(f"{url} describes another issuer than the setting names")
        methods = found.get("token_endpoint_auth_methods_supported")
        return Metadata(
            authorization_endpoint=self._endpoint(found, "authorization_endpoint"),
            token_endpoint=self._endpoint(found, "token_endpoint"),
            jwks_uri=self._endpoint(found, "jwks_uri"),
            userinfo_endpoint=self._endpoint(found, "userinfo_endpoint") if "userinfo_endpoint" in found else None,
            end_session_endpoint=(
                self._endpoint(found, "end_session_endpoint") if "end_session_endpoint" in found else None
            ),
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
            auth_methods=tuple(map(str, methods)) if isinstance(methods, list) else (),
        )

    async def _read_keys(self, url: str) -> KeySet:
        try:
            return await asyncio.to_thread(read_keys, await self._transport.get(url))  # a hundred take a while
        except ValueError as error:
            raise ProviderUnavailable(f"{url} has {error}") from None

    def _endpoint(self, found: dict[str, Any], name: str) -> str:
        """An address of the provider: over TLS, unless it is on this machine as the issuer is."""
        url = found.get(name)
        if not isinstance(url, str) or not is_provider_address(url) or not url.isprintable():
            raise ProviderUnavailable(f"{self.config.issuer} has no {name} that could be used")
        if url.startswith("http:") and self.config.issuer.startswith("https:"):
            raise ProviderUnavailable(f"the {name} of {self.config.issuer} is not protected by TLS")
        return url


def is_provider_address(url: str) -> bool:
    """Whether an address is that of a server over TLS, or on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.netloc))


def _one_line(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise TokenRefused("the access token is no token")
    return text


def _error_of(answer: dict[str, Any]) -> str:
    """The code of an error of OAuth 2.0, which is one of a few words."""
    error = answer.get("error")
    return error if isinstance(error, str) and error.replace("_", "").isalnum() and len(error) < 64 else "no reason"
