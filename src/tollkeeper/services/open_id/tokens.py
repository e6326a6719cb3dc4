"""The checks of ID tokens (OpenID Connect Core, 3.1.3.7) and logout tokens (OpenID Connect Back-Channel Logout, 2.6).

Only signatures by the provider's own keys count: `none`, and secrets that both sides know, are refused whatever a token
says of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oidc.core.claims import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, InvalidKeyTypeError, JoseError
from joserfc.jwk import JWKRegistry, KeySet

from tollkeeper.rules.claims import MOST_TEXT, is_text
from tollkeeper.services.open_id.ports import Logout, TokenRefused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
LEEWAY = 60
"""Seconds that the clocks of a provider and of the gateway may differ."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LASTS = 600
"""Seconds after which a logout token is too old, whatever its own expiry."""
_MOST_KEYS = 100
_KEY_TYPES = frozenset({"RSA", "EC"})


class UnknownKey(TokenRefused):
    """A token that none of the known keys has signed: the provider may have a new one, also under an old name."""


def read_keys(found: Mapping[str, Any]) -> KeySet:
    """The keys of a JWKS that can sign. One that cannot be read is passed over. Raises ValueError without any."""
    listed = found.get("keys")
    keys = []
    for data in listed[:_MOST_KEYS] if isinstance(listed, list) else ():
        if not isinstance(data, dict) or data.get("kty") not in _KEY_TYPES or data.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(data))
        except (JoseError, ValueError, TypeError):
            continue
    if not keys:
        raise ValueError("no key that could sign")
    return KeySet(keys)


def read_signed(text: str, keys: KeySet) -> jwt.Token:
    """The content of a token whose signature is right. Raises UnknownKey, TokenRefused."""
    registry = jws.JWSRegistry(algorithms=ALGORITHMS)
    registry.max_header_length = 4096
    try:
        return jwt.decode(text, keys, registry=registry)
    except (InvalidKeyIdError, InvalidKeyTypeError, BadSignatureError) as error:
        raise UnknownKey(f"the token cannot be verified: {_reason(error)}") from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise TokenRefused(f"the token cannot be verified: {_reason(error)}") from None


def check_id_token(
    token: jwt.Token, *, issuer: str, client_id: str, nonce: str, access_token: str | None, now: int
) -> Mapping[str, object]:
    """The claims of an ID token that was made by this issuer, for this client, in answer to this sign-in, and is in
    force at `now` (seconds). Raises TokenRefused."""
    _check_texts(token.claims, essential=("sub",))
    options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    expected = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    claims = CodeIDToken(token.claims, token.header, options, expected)
    try:
        claims.validate(now, LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise TokenRefused(f"the ID token is wrong: {_reason(error)}") from None
    return dict(claims)


def check_logout_token(token: jwt.Token, *, issuer: str, client_id: str, now: int) -> Logout:
    """What a logout token says, made by this issuer for this client a moment ago. Raises TokenRefused."""
    claims = token.claims
    if token.header.get("typ", "logout+jwt") not in ("logout+jwt", "JWT"):
        raise TokenRefused("this is no logout token, by its typ")
    if "nonce" in claims:
        raise TokenRefused("an ID token is no logout token: it has a nonce")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise TokenRefused("the token is about no logout")
    _check_texts(claims, essential=("jti",), optional=("sub", "sid"))
    subject, sid = claims.get("sub"), claims.get("sid")
    if subject is None and sid is None:
        raise TokenRefused("the logout token names nobody")
    registry = jwt.JWTClaimsRegistry(
        now, LEEWAY,
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": client_id}, iat={"essential": True},
    )  # fmt: skip
    try:
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, OverflowError) as error:
        raise TokenRefused(f"the logout token is wrong: {_reason(error)}") from None
    issued_at = claims["iat"]
    if issued_at < now - LOGOUT_LASTS:
        raise TokenRefused("the logout token is too old")
    return Logout(claims["jti"], issued_at, subject, sid)


def _check_texts(claims: Mapping[str, Any], *, essential: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    for name in (*essential, *optional):
        value = claims.get(name)
        if value is None and name in optional:
            continue
        if not is_text(value):
            raise TokenRefused(f"the token's {name} is missing, or no text of up to {MOST_TEXT} characters")


def _reason(error: Exception) -> str:
    """Why, in words of the library, which repeat nothing of a token's content but names of claims."""
    return f"{type(error).__name__}: {error}"[:200]
