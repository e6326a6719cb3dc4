"""The settings of an OpenID provider."""

from __future__ import annotations

from msgspec import Struct

from tollkeeper.services.upstreams.config import Secret


class ProviderConfig(Struct, frozen=True):
    """An OpenID provider. `id` names it in paths, `name` on the sign-in page.

    `issuer` is its identity: what discovery and each token must repeat. `client_secret` None: a public client.
    `create`: newcomers get an account if their verified e-mail domain is in `domains`, or one of their groups, by
    `groups_claim`, in `groups`. `role_claim` decides at each sign-in who is an admin: whoever has one of `admin_values`
    in it; None: roles are set here. `team_claim` names the team; None: teams are set here. `auth_method` is how the
    token endpoint is told the secret; None: as the provider says."""

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: Secret | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    create: bool = False
    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    groups_claim: str = "groups"
    role_claim: str | None = None
    admin_values: frozenset[str] = frozenset({"admin"})
    team_claim: str | None = None
    auth_method: str | None = None
