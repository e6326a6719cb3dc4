"""The commands of an Ollama, byte by byte where that matters."""

from __future__ import annotations

import pytest

from tests.scripted import ScriptedUpstream, json_response, ollama_error, response
from tests.services.lifecycle.conftest import broken_after, layer, pull_lines
from tests.services.upstreams.http.helpers import open_client
from tollkeeper.rules.errors import UpstreamFailure, UpstreamUnavailable
from tollkeeper.services.lifecycle.commands import COMMANDS, PullLine

OLLAMA = COMMANDS["/api/pull"]


async def pulled(up: ScriptedUpstream) -> list[PullLine]:
    async with open_client(up.url) as client:
        return [line async for line in OLLAMA.pull(client, "tiny", False)]


async def test_a_model_that_makes_embeddings_only_is_loaded_by_these(up: ScriptedUpstream) -> None:
    up.route("POST /api/generate", ollama_error(400, '"embed" does not support generate'))
    up.route("POST /api/embed", json_response({"embeddings": []}))
    async with open_client(up.url) as client:
        await OLLAMA.load(client, "embed", 60)
    assert up.calls("POST /api/embed")[0].json == {"model": "embed", "keep_alive": 60, "input": ""}


async def test_what_it_says_of_a_failure_is_for_operators(up: ScriptedUpstream) -> None:
    up.route("DELETE /api/delete", ollama_error(404, "model 'x' not found"))
    async with open_client(up.url) as client:
        with pytest.raises(UpstreamFailure) as failed:
            await OLLAMA.delete(client, "x")
    assert (failed.value.message, failed.value.detail) == (
        "it answered 404 to /api/delete", "model 'x' not found",
    )  # fmt: skip


async def test_a_failure_in_another_shape_is_one(up: ScriptedUpstream) -> None:
    up.route("POST /api/copy", response(b"<html>", status=502))
    async with open_client(up.url) as client:
        with pytest.raises(UpstreamFailure) as failed:
            await OLLAMA.copy(client, "x", "y")
    assert failed.value.detail == "it gave no reason"


async def test_lines_are_read_as_they_come_and_liberally(up: ScriptedUpstream) -> None:
    up.answer(
        pull_lines(
            {"status": "pulling manifest"},
            layer(1),
            {"status": "pulling x", "digest": "d", "total": -5, "completed": "7", "more": [1]},
            {"status": 5, "total": 1.5},
            {"error": {"message": "why"}},
            {"status": "success"},
        )
    )
    lines = await pulled(up)
    assert lines == [
        PullLine("pulling manifest"),
        PullLine("pulling ab", "sha256:ab", 100, 1),
        PullLine("pulling x", "d", 0, 0),
        PullLine(),
        PullLine(error="why"),
        PullLine("success"),
    ]
    assert [line.is_end for line in lines] == [False] * 5 + [True]


async def test_a_stream_that_breaks_off_is_a_failure(up: ScriptedUpstream) -> None:
    up.answer(broken_after(layer(1)))
    with pytest.raises(UpstreamUnavailable):
        await pulled(up)


async def test_the_last_line_needs_no_end(up: ScriptedUpstream) -> None:
    up.answer(response(b'\n{"status":"success"}'))
    assert await pulled(up) == [PullLine("success")]


async def test_a_line_without_an_end_is_bounded(up: ScriptedUpstream) -> None:
    up.answer(response(b"x" * 2_000_000))
    with pytest.raises(UpstreamFailure, match="too long"):
        await pulled(up)


async def test_garbage_is_a_failure(up: ScriptedUpstream) -> None:
    up.answer(response(b"garbage\n"))
    with pytest.raises(UpstreamFailure, match="not JSON of its API"):
        await pulled(up)
