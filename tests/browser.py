"""What a browser does with a page of ours: it keeps the session's cookie, tells the page's Origin with every change,
and sends the header that the page's script adds."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx

from tollkeeper.wire.http.cookies import cookie_name


class Browser:
    """`client` sends no key. `without` names what is left out of a request: "csrf", "origin", "cookie"."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.host = client.base_url.netloc.decode()
        self.origin = str(client.base_url).rstrip("/")
        self.token: str | None = None
        self.csrf_token = ""

    async def sign_in(self, name: str, password: str) -> httpx.Response:
        return self.take(await self.send("POST", "/auth/login", json={"username": name, "password": password}))

    def take(self, answer: httpx.Response) -> httpx.Response:
        """Take over the session of an answer, if it began one."""
        if "set-cookie" in answer.headers:
            self.token = token_in(answer, self.host)
        if answer.status_code == 200:
            self.csrf_token = answer.json()["csrf_token"]
        return answer

    def request(self, method: str, path: str, *, without: str = "", **given: Any) -> httpx.Request:
        headers = given.pop("headers", {})
        sent: dict[str, str] = {}
        if self.token is not None and without != "cookie":
            sent["cookie"] = f"theme=dark; {cookie_name(self.host)}={self.token}"
        if self.csrf_token and without != "csrf":
            sent["x-csrf-token"] = self.csrf_token
        if method != "GET" and without != "origin":
            sent["origin"] = self.origin
        if method == "GET":
            sent["sec-fetch-site"] = "same-origin"
        self._client.cookies.clear()
        return self._client.build_request(method, path, headers=sent | headers, **given)

    async def send(self, method: str, path: str, *, without: str = "", **given: Any) -> httpx.Response:
        answer = await self._client.send(self.request(method, path, without=without, **given))
        self._client.cookies.clear()
        return answer

    async def get(self, path: str, **given: Any) -> httpx.Response:
        return await self.send("GET", path, **given)

    async def post(self, path: str, json: object = None, **given: Any) -> httpx.Response:
        return await self.send("POST", path, **(given if json is None else {"json": json, **given}))


def token_in(answer: httpx.Response, host: str) -> str | None:
    """What the answer's cookie holds; None where it takes the cookie away."""
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == cookie_name(host)
    return value or None
