"""A probe of settings that are not saved."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.scripted import Conn, Request, ScriptedUpstream, json_response, response
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.connection_check import ConnectionCheck, check_connection
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.ports import Client


@pytest.fixture
async def upstream():
    async with ScriptedUpstream({"tiny:latest": (), "big:latest": ()}) as running:
        yield running


def connect(config: UpstreamConfig) -> Client:
    return HttpClient(config.base_url)


async def probed(url: str, patience: float = 5) -> ConnectionCheck:
    return await check_connection(UpstreamConfig("a", OLLAMA, url), connect, time.monotonic, patience=patience)


async def test_how_many_models_it_lists(upstream):
    found = await probed(upstream.url)
    assert (found.models, found.error) == (2, None)
    assert found.took > 0


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_refusal_is_told_without_its_content(upstream, status):
    upstream.route("GET /api/tags", response(b"internal wiki: the password is hunter2", status=status))
    found = await probed(upstream.url)
    assert found.models is None
    assert str(status) in str(found.error)
    assert "hunter2" not in str(found.error)


@pytest.mark.parametrize("content", [b"<html>hunter2</html>", b'{"hunter2": 1}', b'{"models": [{"hunter2": "x"}]}'])
async def test_what_is_not_of_its_kind_is_told_without_its_content(upstream, content):
    upstream.route("GET /api/tags", response(content))
    found = await probed(upstream.url)
    assert found.models is None
    assert "not JSON of its API" in str(found.error)
    assert "hunter2" not in str(found.error)


async def test_an_address_where_nothing_listens():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    found = await probed(f"http://127.0.0.1:{port}")
    assert found.models is None
    assert "No connection" in str(found.error)


async def test_one_that_keeps_silent(upstream):
    async def silent(_: Conn, __: Request) -> None:
        await asyncio.Event().wait()

    upstream.route("GET /api/tags", silent)
    found = await probed(upstream.url, patience=0.05)
    assert (found.models, found.error) == (None, "it does not answer within 0.05 seconds")


async def test_settings_that_no_client_can_be_made_of():
    def refuse(_: UpstreamConfig) -> Client:
        raise ValueError("the file of authorities cannot be used")

    found = await check_connection(UpstreamConfig("a", OLLAMA, "http://a"), refuse, time.monotonic, patience=1)
    assert found == ConnectionCheck(None, "the file of authorities cannot be used", 0.0)


async def test_its_connection_is_closed(upstream):
    upstream.route("GET /api/tags", json_response({"models": []}))
    clients: list[HttpClient] = []

    def keep(config: UpstreamConfig) -> Client:
        clients.append(HttpClient(config.base_url))
        return clients[-1]

    await check_connection(UpstreamConfig("a", OLLAMA, upstream.url), keep, time.monotonic, patience=5)
    assert clients[0].statistics().open == 0
