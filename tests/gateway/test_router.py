"""Which plane answers a request, and what becomes of one that none may have."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.gateway.http.served import Served, get
from tollkeeper.gateway import router as module
from tollkeeper.gateway.guard import Guard
from tollkeeper.gateway.router import Router
from tollkeeper.rules.errors import ModelNotFound
from tollkeeper.services.ledger.observers import Refusal
from tollkeeper.wire.openai.dialect import OPENAI


def app_named(name):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(name))]})
        await send({"type": "http.response.body", "body": name})

    return app


class Relay:
    """Stands in for the life of a model request."""

    def __init__(self):
        self.fails_with = None

    async def __call__(self, context, exchange):
        if self.fails_with is not None:
            raise self.fails_with
        await exchange.respond(200, [], b"relayed " + exchange.endpoint.path.encode())


@pytest.fixture
def relay(monkeypatch):
    stand_in = Relay()
    monkeypatch.setattr(module, "handle", stand_in)
    return stand_in


@pytest.fixture
def refused():
    return []


@pytest.fixture
def router(relay, refused):
    context: Any = SimpleNamespace(observers=SimpleNamespace(refused=refused.append))
    guard = Guard(("x",), ("https://app.example",))
    return Router(context, app_named(b"control"), app_named(b"portal"), guard, dialects=[OPENAI], trusted=())


async def told(router, path, *lines, method="GET", body=b""):
    async with Served(router).open() as served:
        answer = await served.told(get(path, *lines, "Connection: close", method=method) + body)
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.lower(), content


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/v1/chat/completions/"])
async def test_every_spelling_of_a_relayed_path(router, path):
    status, _, content = await told(router, path, "Content-Length: 2", method="POST", body=b"{}")
    assert (status, content) == (200, b"relayed /v1/chat/completions")


@pytest.mark.parametrize(
    ("path", "plane"), [("/health", b"control"), ("/uix", b"control"), ("/ui", b"portal"), ("/ui/a/", b"portal")]
)
async def test_other_paths_are_the_control_planes_and_pages_the_portals(router, path, plane):
    assert (await told(router, path))[2] == plane


async def test_a_path_of_another_api_says_what_to_use(router, refused):
    status, _, content = await told(
        router, "/openai/deployments/x/chat/completions", "Content-Length: 0", method="POST"
    )
    assert status == 404
    assert b"/v1/chat/completions" in content
    assert refused == [Refusal("other", 404, "not_found")]


async def test_a_relayed_path_takes_its_method_only(router, refused):
    status, head, _ = await told(router, "/v1/chat/completions")
    assert status == 405
    assert b"\r\nallow: post\r\n" in head
    assert refused == [Refusal("/v1/chat/completions", 405, "method_not_allowed")]


async def test_an_error_is_told_and_counted(router, relay, refused):
    relay.fails_with = ModelNotFound("No such model.")
    status, _, content = await told(router, "/v1/completions", "Content-Length: 0", method="POST")
    assert (status, json.loads(content)["error"]["code"]) == (404, "model_not_found")
    assert refused == [Refusal("/v1/completions", 404, "model_not_found")]


async def test_a_fault_of_ours_is_500_and_tells_nothing(router, relay, caplog):
    relay.fails_with = RuntimeError("secret")
    status, _, content = await told(router, "/v1/completions", "Content-Length: 0", method="POST")
    assert (status, json.loads(content)["error"]["code"]) == (500, "internal_error")
    assert b"secret" not in content
    assert "secret" in caplog.text


async def test_the_guard_and_two_hosts_are_asked_before_any_plane(router):
    assert (await told(router, "/health", "Sec-Fetch-Site: cross-site"))[0] == 403
    assert (await told(router, "/health", "Host: x"))[0] == 400


async def test_a_named_origin_is_answered_before_it_sends(router):
    lines = ("Origin: https://app.example", "Access-Control-Request-Method: POST")
    status, head, _ = await told(router, "/v1/chat/completions", *lines, method="OPTIONS")
    assert status == 204
    assert b"\r\naccess-control-allow-origin: https://app.example\r\n" in head


async def test_a_key_in_the_path_is_taken_out_and_no_page_hears_of_it(router):
    path = "/k/sk-secret/v1/chat/completions"
    status, head, content = await told(router, path, "Content-Length: 2", method="POST", body=b"{}")
    assert (status, content) == (200, b"relayed /v1/chat/completions")
    assert b"\r\nreferrer-policy: no-referrer\r\n" in head
    assert (await told(router, "/k/sk-secret/health"))[0] == 404


@pytest.mark.parametrize(("sent", "comes_back"), [("mine-1", True), ("x" * 513, False)])
async def test_the_id_of_a_client_comes_back(router, sent, comes_back):
    _, head, _ = await told(router, "/health", f"X-Client-Request-Id: {sent}")
    assert (f"\r\nx-client-request-id: {sent}".encode() in head) is comes_back
