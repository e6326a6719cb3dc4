"""The parts that sign people in, as the settings have them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from tollkeeper.config import OidcProvider, Settings
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.accounts.external_identities import ExternalIdentities
from tollkeeper.services.accounts.pepper import Pepper
from tollkeeper.services.accounts.second_factors import SecondFactors
from tollkeeper.services.accounts.sign_in import SignIn
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.services.open_id.config import ProviderConfig
from tollkeeper.services.open_id.open_id import OpenId
from tollkeeper.services.open_id.ports import Provider
from tollkeeper.services.open_id.transport import Transport
from tollkeeper.services.upstreams.config import Secret
from tollkeeper.store.ports.store import Store
from tollkeeper.wire.http.proxies import Proxies


@dataclass(frozen=True, slots=True)
class SignInServices:
    """The parts that sign people in."""

    passwords: SignIn
    factors: SecondFactors
    identities: ExternalIdentities
    open_id: OpenId

    def has_way_in(self, issuer: str | None) -> bool:
        """Whether the settings have this provider, by its issuer; None: passwords."""
        return self.passwords.passwords if issuer is None else self.open_id.provider_of(issuer) is not None


def create_sign_in(
    settings: Settings, store: Store, accounts: Accounts, secrets: Pepper, master_key: MasterKey, now: Callable[[], int]
) -> SignInServices:
    """Create them, and have `accounts` ask for a second factor. `now` is milliseconds since the epoch."""
    factors = SecondFactors(
        store.second_factors,
        master_key,
        secrets.digest,
        now,
        required_for_admins=settings.totp_required_for_admins,
    )
    accounts.lacks_factor = factors.is_missing
    identities = ExternalIdentities(store.external_identities, accounts, now)
    return SignInServices(
        passwords=SignIn(accounts, factors, now, passwords=settings.password_sign_in),
        factors=factors,
        identities=identities,
        open_id=OpenId(_providers(settings, now), accounts, identities, now, assign_team=accounts.assign_team),
    )


def _providers(settings: Settings, now: Callable[[], int]) -> list[Provider]:
    if not settings.oidc_providers:
        return []
    # Imported here: Authlib takes a quarter of a second, and most installations have no provider.
    from tollkeeper.services.open_id.client import OpenIdClient  # noqa: PLC0415

    proxies = Proxies(os.environ)
    return [
        OpenIdClient(_provider_config(settings, each), Transport(proxies), now, time.monotonic)
        for each in settings.oidc_providers
    ]


def _provider_config(settings: Settings, given: OidcProvider) -> ProviderConfig:
    secret = given.client_secret
    return ProviderConfig(
        id=given.id,
        name=given.name,
        issuer=given.issuer,
        client_id=given.client_id,
        client_secret=None if secret is None else Secret(secret.get_secret_value()),
        scopes=given.scopes,
        create=settings.oidc_create if given.create is None else given.create,
        domains=given.domains,
        groups=given.groups,
        groups_claim=given.groups_claim,
        role_claim=settings.oidc_role_claim if given.role_claim is None else given.role_claim,
        admin_values=given.admin_values,
        team_claim=settings.oidc_team_claim if given.team_claim is None else given.team_claim,
        auth_method=given.auth_method,
    )
