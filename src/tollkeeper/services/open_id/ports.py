"""What the flow of a sign-in asks of an OpenID provider, and what can go wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

from msgspec import Struct

from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.open_id.config import ProviderConfig

RefusalCode = Literal[
    "expired",
    "denied",
    "provider_unavailable",
    "provider_error",
    "token_refused",
    "unknown_user",
    "account_suspended",
    "account_closed",
    "too_many",
    "unavailable",
]
"""Why nobody is signed in; the sign-in page has words for each."""

AssignTeam = Callable[[str, str | None, Actor], Awaitable[None]]
"""Puts a user into a team, both by id; None: into none. Raises NotFound, Conflict, Unprocessable for a team that they
cannot join."""


class SignInRefused(Exception):
    """A sign-in that does not begin a session. `reason` is for the operator's log, and holds no secret."""

    def __init__(self, code: RefusalCode, reason: str) -> None:
        super().__init__(reason)
        self.code: RefusalCode = code


class ProviderUnavailable(Exception):
    """A provider that does not answer, or not as OpenID Connect says."""


class TokenRefused(Exception):
    """A token, or the answer that should hold one, which proves nothing."""


class Person(Struct, frozen=True):
    """Somebody whom a provider has vouched for. `sid` is its own session, where it names one; `id_token` what it said,
    None where that is too long to be sent back."""

    subject: str
    sid: str | None
    claims: Mapping[str, object]
    id_token: str | None

    def __repr__(self) -> str:
        return f"Person({self.subject!r})"


class Logout(Struct, frozen=True):
    """A logout token that has been checked: at least one of `subject` and `sid` is there. Times are seconds."""

    token_id: str
    issued_at: float
    subject: str | None
    sid: str | None


class Provider(Protocol):
    """A provider. Every call may raise ProviderUnavailable."""

    @property
    def config(self) -> ProviderConfig: ...

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent to sign in."""

    async def names_itself(self, issuer: str | None) -> bool:
        """Whether the `iss` of an authorization response is what this provider must send (RFC 9207)."""

    async def redeem(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Person:
        """Exchange an authorization code for who has signed in. Raises TokenRefused."""

    async def sign_out_url(self, return_to: str, id_token: str | None) -> str | None:
        """Where the browser is sent to sign out at the provider, too; None where it has no such address. `id_token` is
        that of the sign-in, where it is known still: some providers do not lead back without one."""

    async def read_logout(self, token: str) -> Logout:
        """Check a logout token. Raises TokenRefused."""
