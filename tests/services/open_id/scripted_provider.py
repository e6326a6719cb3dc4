"""A provider whose every token a test can forge: it signs with joserfc, and answers in place of the network."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tollkeeper.services.open_id.client import OpenIdClient
from tollkeeper.services.open_id.config import ProviderConfig
from tollkeeper.services.open_id.ports import ProviderUnavailable
from tollkeeper.services.open_id.tokens import LOGOUT_EVENT
from tollkeeper.services.open_id.transport import Headers, Transport
from tollkeeper.services.upstreams.config import Secret
from tollkeeper.wire.http.proxies import Proxies

ISSUER = "https://op.example"
CLIENT = "tollkeeper"
SECRET = "shared-with-the-provider"
CALLBACK = "https://gw.example/auth/oidc/corp/callback"
KEY = ECKey.generate_key("P-256", {"kid": "first", "use": "sig"}, auto_kid=False)
NEXT_KEY = ECKey.generate_key("P-256", {"kid": "second", "use": "sig"}, auto_kid=False)
STRANGERS_KEY = ECKey.generate_key("P-256", {"kid": "first", "use": "sig"}, auto_kid=False)
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, auto_kid=False)


class ScriptedProvider(Transport):
    """`claims` are those of the ID token, over the usual ones, None leaves one out; `userinfo` what that endpoint says;
    `forge` replaces the whole ID token. `asked` are the paths of all requests, `credentials` what clients proved
    themselves with, `issued` the ID tokens that they got; `down` makes requests fail."""

    def __init__(self, now: Callable[[], int], *, issuer: str = ISSUER) -> None:
        super().__init__(Proxies({}))
        self._now = now
        self.issuer = issuer
        self.key: Any = KEY
        self.published: list[Any] = [KEY]
        self.claims: dict[str, object] = {}
        self.userinfo: dict[str, object] | None = None
        self.forge: Callable[[dict[str, Any]], str] | None = None
        self.metadata: dict[str, object] = {}
        self.token_answer: tuple[int, dict[str, Any]] | None = None
        self.asked: list[str] = []
        self.sent: list[dict[str, list[str]]] = []
        self.credentials: list[str] = []
        self.issued: list[str] = []
        self.down = False
        self._nonces: dict[str, tuple[str, str]] = {}

    def client(self, clock: Callable[[], float] = lambda: 0.0, **settings: Any) -> OpenIdClient:
        usual: dict[str, Any] = {
            "id": "corp", "name": "Corp", "issuer": self.issuer, "client_id": CLIENT, "client_secret": Secret(SECRET),
        }  # fmt: skip
        return OpenIdClient(ProviderConfig(**(usual | settings)), self, self._now, clock)

    def authorize(self, url: str, code: str = "code-1") -> dict[str, str]:
        """What the browser brings back from this address, once somebody has signed in there."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
        assert query["code_challenge_method"] == "S256"
        self._nonces[code] = (query["nonce"], query["code_challenge"])
        return {"state": query["state"], "code": code}

    def id_token(self, nonce: str, **changed: object) -> dict[str, Any]:
        now = self._now() // 1000
        usual = {"iss": self.issuer, "aud": CLIENT, "sub": "sub-1", "iat": now, "exp": now + 300, "nonce": nonce}
        return {name: value for name, value in (usual | self.claims | changed).items() if value is not None}

    def logout_token(self, **changed: object) -> str:
        now = self._now() // 1000
        usual: dict[str, object] = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "jti-1", "sub": "sub-1",
            "events": {LOGOUT_EVENT: {}},
        }  # fmt: skip
        claims = {name: value for name, value in (usual | changed).items() if value is not None}
        return signed(self.key, claims, typ="logout+jwt")

    async def get(self, url: str, headers: Headers = ()) -> dict[str, Any]:
        path = self._note(url)
        if path == "/.well-known/openid-configuration":
            described = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "end_session_endpoint": f"{self.issuer}/end",
            }
            if self.userinfo is not None:
                described["userinfo_endpoint"] = f"{self.issuer}/me"
            return {name: value for name, value in (described | self.metadata).items() if value is not None}
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.published]}
        assert path == "/me"
        assert dict(headers)["authorization"] == "Bearer access"
        return dict(self.userinfo or {})

    async def post(self, url: str, form: str, headers: Headers = ()) -> tuple[int, dict[str, Any]]:
        assert self._note(url) == "/token"
        sent = parse_qs(form)
        self.sent.append(sent)
        self.credentials.append(dict(headers).get("Authorization", ""))
        if self.token_answer is not None:
            return self.token_answer
        [code], [verifier] = sent["code"], sent["code_verifier"]
        # A code counts once, and with the verifier of its challenge only.
        nonce, challenge = self._nonces.pop(code, ("", ""))
        if create_s256_code_challenge(verifier) != challenge:
            return 400, {"error": "invalid_grant"}
        claims = self.id_token(nonce)
        token = self.forge(claims) if self.forge is not None else signed(self.key, claims)
        self.issued.append(token)
        return 200, {"id_token": token, "access_token": "access", "token_type": "Bearer"}

    def _note(self, url: str) -> str:
        path = urlsplit(url).path
        self.asked.append(path)
        if self.down:
            raise ProviderUnavailable("down")
        return path


def signed(key: Any, claims: dict[str, Any], *, alg: str | None = None, **header: str) -> str:
    alg = alg or {"EC": "ES256", "RSA": "RS256", "oct": "HS256"}[key.key_type]
    # `json.dumps` writes what joserfc would refuse to: numbers that are none, and halves of characters.
    content = json.dumps(claims)
    return jws.serialize_compact(
        {"typ": "JWT", "alg": alg, "kid": str(key.kid), **header}, content, key, algorithms=[alg]
    )


def unsigned(claims: dict[str, Any]) -> str:
    header = {"alg": "none", "kid": "first"}
    return ".".join(_base64(json.dumps(part).encode()) for part in (header, claims)) + "."


def signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """By HMAC with the key that anybody can read: what a library would accept that believes the header alone."""
    header = {"alg": "HS256", "kid": "rsa"}
    text = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_base64(hmac.digest(RSA.as_pem(private=False), text.encode(), 'sha256'))}"


def signed_with_a_key_of_its_own(claims: dict[str, Any]) -> str:
    header = {"alg": "ES256", "kid": "first", "jwk": STRANGERS_KEY.as_dict(private=False)}
    return jws.serialize_compact(header, json.dumps(claims), STRANGERS_KEY, algorithms=["ES256"])


def signed_with_the_secret(claims: dict[str, Any]) -> str:
    key = OctKey.import_key(SECRET, {"kid": "first"})
    return jwt.encode({"alg": "HS256", "kid": "first"}, claims, key, algorithms=["HS256"])


def _base64(text: bytes) -> str:
    return urlsafe_b64encode(text).decode().rstrip("=")
