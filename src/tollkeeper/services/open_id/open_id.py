"""A sign-in by OpenID Connect, from its start to the session; signing out; and sessions that a provider ends."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tollkeeper.rules.claims import display_name, is_admin, may_have_account, team_of, user_ids
from tollkeeper.rules.errors import (
    AccountSuspended,
    BadRequest,
    Conflict,
    InvalidCredentials,
    NotFound,
    Unprocessable,
)
from tollkeeper.services.accounts.accounts import Accounts, UserChange
from tollkeeper.services.accounts.directory import suspended
from tollkeeper.services.accounts.external_identities import ExternalIdentities
from tollkeeper.services.accounts.sessions import ExternalSession, NewSession
from tollkeeper.services.accounts.sign_in import network_of
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.open_id.config import ProviderConfig
from tollkeeper.services.open_id.pending import PendingSignIn, PendingSignIns
from tollkeeper.services.open_id.ports import (
    AssignTeam,
    Logout,
    Person,
    Provider,
    ProviderUnavailable,
    SignInRefused,
    TokenRefused,
)
from tollkeeper.store.ports.accounts import Role, User
from tollkeeper.store.ports.audit import BY_PROVIDER

log = logging.getLogger("tollkeeper.open_id")

_MOST_TOKENS = 10_000
"""Logout tokens that are remembered, so that none counts twice."""
_TOKEN_REMEMBERED_MS = 720_000
"""Longer than a logout token is accepted, clocks that differ included."""
_SKEW_MS = 60_000


class Started(Struct, frozen=True):
    """A sign-in that has begun: where the browser goes, and the secret for its cookie."""

    url: str
    browser: str

    def __repr__(self) -> str:
        return "Started(…)"


class Finished(Struct, frozen=True):
    """A sign-in that has succeeded."""

    user: User
    session: NewSession
    next_page: str | None


class OpenId:
    """Signs users in by their providers. `assign_team` puts users into teams; None: there are none. `now` is
    milliseconds since the epoch."""

    def __init__(
        self,
        providers: Sequence[Provider],
        accounts: Accounts,
        identities: ExternalIdentities,
        now: Callable[[], int],
        *,
        assign_team: AssignTeam | None = None,
    ) -> None:
        self._providers = {provider.config.id: provider for provider in providers}
        self._accounts = accounts
        self._identities = identities
        self._now = now
        self._assign_team = assign_team
        self._pending = PendingSignIns(now)
        self._seen_tokens: OrderedDict[tuple[str, str], int] = OrderedDict()
        """Logout tokens that were accepted, by provider and id, with the time; the oldest first."""

    def __repr__(self) -> str:
        return f"OpenId({', '.join(self._providers)}, {self._pending!r})"

    def configs(self) -> list[ProviderConfig]:
        """The providers, in the order of the setting."""
        return [provider.config for provider in self._providers.values()]

    def config(self, provider_id: str) -> ProviderConfig:
        """The provider of this id. Raises NotFound."""
        return self._provider(provider_id).config

    def provider_of(self, issuer: str) -> str | None:
        """The id of the provider with this issuer; None where no setting names it any more."""
        return next((each.id for each in self.configs() if each.issuer == issuer), None)

    async def start(
        self, provider_id: str, *, redirect_uri: str, next_page: str | None, address: str | None
    ) -> Started:
        """Begin a sign-in. Raises NotFound, SignInRefused."""
        provider = self._provider(provider_id)
        state, begun = self._pending.begin(
            provider_id, redirect_uri=redirect_uri, next_page=next_page, place=network_of(address)
        )
        try:
            url = await provider.authorization_url(
                redirect_uri=redirect_uri, state=state, nonce=begun.nonce, verifier=begun.verifier
            )
        except ProviderUnavailable as error:
            self._pending.take(state, begun.browser)
            raise SignInRefused("provider_unavailable", str(error)) from None
        return Started(url, begun.browser)

    async def finish(
        self,
        provider_id: str,
        answer: Mapping[str, str],
        *,
        browser: str | None,
        address: str | None,
        replaces: str | None,
    ) -> Finished:
        """End a sign-in by the provider's answer, the query that the browser brings back. The session of the token
        `replaces` ends. Raises NotFound, SignInRefused."""
        provider = self._provider(provider_id)
        begun = self._pending.take(answer.get("state", ""), browser)
        if begun.provider_id != provider_id:
            raise SignInRefused("expired", "the sign-in began at another provider")
        person = await self._person(provider, begun, answer)
        by = Actor(BY_PROVIDER + provider_id, address)
        user = await self._user(provider.config, person, by)
        external = ExternalSession(provider.config.issuer, person.subject, person.sid, person.id_token)
        try:
            session = await self._accounts.sessions.begin(
                user.user_id,
                Actor(user.user_id, address),
                still=lambda: self._check_still(user, external),
                replaces=replaces,
                external=external,
            )
        except (AccountSuspended, InvalidCredentials) as error:
            raise _refusal(self._accounts.user(user.user_id), str(error)) from None
        return Finished(user, session, begun.next_page)

    async def sign_out_url(self, issuer: str, return_to: str, id_token: str | None = None) -> str | None:
        """Where a browser goes to sign out at the provider, too; None where it cannot. `id_token` is that of the
        sign-in, if it is known."""
        provider = next((each for each in self._providers.values() if each.config.issuer == issuer), None)
        if provider is None:
            return None
        try:
            return await provider.sign_out_url(return_to, id_token)
        except ProviderUnavailable as error:
            log.warning("nobody can be signed out at the provider %s: %s", provider.config.id, error)
            return None

    async def logout(self, provider_id: str, token: str) -> int:
        """End the sessions that a provider's logout token names, and return how many. Raises NotFound, BadRequest."""
        provider = self._provider(provider_id)
        try:
            found = await provider.read_logout(token)
            self._check_new(provider_id, found)
        except (TokenRefused, ProviderUnavailable) as error:
            log.warning("a logout token for the provider %s was refused: %s", provider_id, error)
            raise BadRequest(
                "The logout token is not valid, or was used before. The gateway's log says why.", param="logout_token"
            ) from None
        # A session that began after the token was made is not meant by it.
        before = int(found.issued_at * 1000) + _SKEW_MS
        ended = await self._accounts.sessions.end_external(
            provider.config.issuer, subject=found.subject, sid=found.sid, before=before
        )
        # Only now: while the database could not be written, the provider may send the token again.
        self._seen_tokens[provider_id, found.token_id] = self._now()
        return ended

    async def _person(self, provider: Provider, begun: PendingSignIn, answer: Mapping[str, str]) -> Person:
        """Who has signed in at the provider. Raises SignInRefused."""
        try:
            if not await provider.names_itself(answer.get("iss")):
                raise SignInRefused("token_refused", "the answer is not of this provider, by its iss")
            if "error" in answer:
                if answer["error"] in ("access_denied", "login_required", "consent_required"):
                    raise SignInRefused("denied", "the provider did not sign anybody in")
                raise SignInRefused("provider_error", "the provider reports an error")
            return await provider.redeem(
                answer.get("code", ""), redirect_uri=begun.redirect_uri, nonce=begun.nonce, verifier=begun.verifier
            )
        except ProviderUnavailable as error:
            raise SignInRefused("provider_unavailable", str(error)) from None
        except TokenRefused as error:
            raise SignInRefused("token_refused", str(error)) from None

    async def _user(self, config: ProviderConfig, person: Person, by: Actor) -> User:
        """The user that a person is, with the role and team that the provider says. Raises SignInRefused."""
        role = self._role(config, person)
        user = self._identities.user_of(config.issuer, person.subject)
        if user is None:
            user = await self._new_user(config, person, by, role or "user")
        if user.status != "active":
            raise _refusal(user, f"the account of {user.user_id} is {user.status}")
        if role is not None and user.role != role:
            try:
                user = await self._accounts.update_user(user.user_id, by, UserChange(role=role))
            except Conflict as error:
                raise _refusal(self._accounts.user(user.user_id), str(error)) from None
        if config.team_claim is not None and self._assign_team is not None:
            team = team_of(person.claims, config.team_claim)
            try:
                await self._assign_team(user.user_id, team, by)
            except (NotFound, Conflict, Unprocessable) as error:
                # They may come in all the same; in which team is for an admin to see to.
                shown = None if team is None else team[:64]
                log.warning("%s stays in the team they are in, not %r: %s", user.user_id, shown, error.message)
            user = self._accounts.user(user.user_id)
        return user

    async def _new_user(self, config: ProviderConfig, person: Person, by: Actor, role: Role) -> User:
        fits = config.create and may_have_account(
            person.claims, domains=config.domains, groups=config.groups, groups_claim=config.groups_claim
        )
        if not fits:
            raise SignInRefused("unknown_user", f"somebody unknown of the provider {config.id} gets no account")
        names = user_ids(person.claims, config.id, person.subject)
        try:
            return await self._identities.create_user(
                names, config.issuer, person.subject, by, role=role, name=display_name(person.claims)
            )
        except Conflict as error:
            raise SignInRefused("unknown_user", str(error)) from None

    @staticmethod
    def _role(config: ProviderConfig, person: Person) -> Role | None:
        """The role that the provider gives; None: roles are set here."""
        if config.role_claim is None:
            return None
        return "admin" if is_admin(person.claims, config.role_claim, config.admin_values) else "user"

    def _check_still(self, found: User, external: ExternalSession) -> None:
        """Check again in the queue of changes. Raises AccountSuspended, InvalidCredentials."""
        user = self._accounts.user(found.user_id)
        linked = self._identities.user_of(external.issuer, external.subject)
        if user.status == "closed" or linked is None or linked.user_id != user.user_id or user.role != found.role:
            raise InvalidCredentials("The account was changed meanwhile. Sign in again.")
        if user.status != "active":
            raise suspended(user)

    def _check_new(self, provider_id: str, logout: Logout) -> None:
        """Raises TokenRefused for a logout token that was used before."""
        now = self._now()
        while self._seen_tokens:
            oldest, at = next(iter(self._seen_tokens.items()))
            if now - at < _TOKEN_REMEMBERED_MS and len(self._seen_tokens) < _MOST_TOKENS:
                break
            del self._seen_tokens[oldest]
        if (provider_id, logout.token_id) in self._seen_tokens:
            raise TokenRefused("the logout token was used before")

    def _provider(self, provider_id: str) -> Provider:
        provider = self._providers.get(provider_id)
        if provider is None:
            raise NotFound(f"There is no OpenID provider {provider_id[:64]!r} in the settings.", param="provider")
        return provider


def _refusal(user: User, reason: str) -> SignInRefused:
    if user.status == "closed":
        return SignInRefused("account_closed", reason)
    return SignInRefused("account_suspended" if user.status == "suspended" else "expired", reason)
