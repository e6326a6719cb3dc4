"""Questions of the gateway's own to an upstream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec import Struct

from tests.scripted import ScriptedUpstream, json_response, response
from tests.services.upstreams.http.helpers import open_client
from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.query import query


class Shape(Struct):
    a: int


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as up:
        yield up


@pytest.fixture
async def client(up: ScriptedUpstream) -> AsyncIterator[HttpClient]:
    async with open_client(up.url) as client:
        yield client


async def test_an_answer_of_the_shape(up: ScriptedUpstream, client: HttpClient) -> None:
    up.always(json_response({"a": 1, "b": 2}))
    assert await query(client, b"GET", b"/x", None, Shape) == Shape(1)
    assert await query(client, b"POST", b"/x", {"model": "m"}, Shape) == Shape(1)
    assert [call.body for call in up.requests] == [b"", b'{"model":"m"}']


@pytest.mark.parametrize(
    "answer", [json_response({"a": 1}, 404), json_response({"a": "1"}), response(b"{"), response(b'{"a":"\xff"}')]
)
async def test_any_other_is_a_failure_and_names_the_path(
    up: ScriptedUpstream, client: HttpClient, answer: bytes
) -> None:
    up.always(answer)
    with pytest.raises(UpstreamFailure, match="/x"):
        await query(client, b"GET", b"/x", None, Shape)
