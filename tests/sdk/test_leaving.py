"""Answers that are cut short, by who asked or by who runs the gateway: Ollama stops, and the record says what was."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from openai import APIError, AuthenticationError, PermissionDeniedError

from tests.ollama.rig import Ollama
from tests.process.books import intents
from tests.process.served import PATIENCE
from tests.sdk.person import Person, Sdk

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
ENDLESS = 50_000
"""Tokens: half a minute of them. What is not cut comes to its end, and is seen not to have been."""
ON_AND_ON: Any = {"messages": [{"role": "user", "content": "Say"}], "model": "tiny-loop", "max_tokens": ENDLESS}
SOME = 20
"""Events that are waited for before the end."""


def stopped(ollama: Ollama, path: str, before: int) -> None:
    """Until Ollama is done with one more request."""
    deadline = time.monotonic() + PATIENCE
    while ollama.ended(path) == before:
        assert time.monotonic() < deadline, "it goes on though nobody listens"
        time.sleep(0.01)
    assert ollama.ended(path) == before + 1


def check_cut(person: Person, received: int) -> None:
    """Every event that was received is counted, and the prompt is estimated: nobody told the usage."""
    record = person.record()
    assert (record["status"], record["estimated"], record["finish_reason"]) == ("cancelled", True, None)
    assert received <= record["completion_tokens"] < ENDLESS
    assert 0 < record["prompt_tokens"] < 100


def test_the_sdk_closes_its_stream(client: Sdk, person: Person, ollama: Ollama):
    before = ollama.ended(CHAT)
    with client.chat.completions.create(**ON_AND_ON, stream=True) as stream:
        for _ in range(SOME):
            assert next(stream).choices[0].delta.content
    stopped(ollama, CHAT, before)
    check_cut(person, SOME)


async def test_a_task_is_cancelled(aclient: Sdk, person: Person, ollama: Ollama):
    before = ollama.ended(CHAT)
    seen = 0
    enough = asyncio.Event()

    async def listen() -> None:
        nonlocal seen
        async for _ in await aclient.chat.completions.create(**ON_AND_ON, stream=True):
            seen += 1
            if seen == SOME:
                enough.set()

    listening = asyncio.create_task(listen())
    await enough.wait()
    listening.cancel()
    await asyncio.wait([listening])
    await asyncio.to_thread(stopped, ollama, CHAT, before)
    await asyncio.to_thread(check_cut, person, seen)


def test_completions_are_counted_too(client: Sdk, person: Person, ollama: Ollama):
    """Ollama says usage of zero on each event but the last, which is not yet the truth."""
    before = ollama.ended(COMPLETIONS)
    asked = {"model": "tiny-loop", "max_tokens": ENDLESS}
    with client.completions.create(**asked, prompt="Say", stream=True) as stream:
        for _ in range(SOME):
            assert next(stream).choices[0].text
    stopped(ollama, COMPLETIONS, before)
    check_cut(person, SOME)


def test_the_connection_is_reset(person: Person, ollama: Ollama):
    before = ollama.ended(CHAT)
    body = json.dumps({**ON_AND_ON, "stream": True}).encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {person.key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    received = b""
    with socket.create_connection(("127.0.0.1", person.gateway.port), timeout=PATIENCE) as client:
        client.sendall(head.encode() + body)
        while received.count(b"data: ") < SOME:
            received += client.recv(65_536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stopped(ollama, CHAT, before)
    check_cut(person, received.count(b"data: "))


async def test_one_who_does_not_stream_leaves(aclient: Sdk, person: Person, ollama: Ollama):
    before = ollama.ended(CHAT)
    waiting = asyncio.create_task(aclient.chat.completions.create(**ON_AND_ON))
    while not intents(person.gateway.database):
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.to_thread(stopped, ollama, CHAT, before)
    record = await asyncio.to_thread(person.record)
    assert (record["status"], record["estimated"], record["completion_tokens"]) == ("cancelled", True, 0)
    assert record["prompt_tokens"] > 0


def suspend(person: Person) -> None:
    person.gateway.admin("PATCH", f"/admin/users/{person.user_id}", {"status": "suspended"})


def close_account(person: Person) -> None:
    person.gateway.admin("DELETE", f"/admin/users/{person.user_id}")


def revoke(person: Person) -> None:
    (key,) = person.gateway.admin("GET", f"/admin/users/{person.user_id}/keys")["data"]
    person.gateway.admin("DELETE", f"/admin/keys/{key['id']}")


@pytest.mark.parametrize(
    ("end", "afterwards"),
    [(suspend, PermissionDeniedError), (revoke, AuthenticationError), (close_account, AuthenticationError)],
)
def test_access_ends_in_mid_stream(
    client: Sdk, person: Person, ollama: Ollama, end: Callable[[Person], None], afterwards: type[Exception]
):
    before = ollama.ended(CHAT)
    seen = 0
    with client.chat.completions.create(**ON_AND_ON, stream=True) as stream:
        for _ in range(SOME):
            next(stream)
            seen += 1
        end(person)
        error = None
        while error is None:
            try:
                next(stream)
                seen += 1
            except APIError as told:
                error = told
    assert (error.type, "access was ended" in error.message) == ("permission_error", True)
    stopped(ollama, CHAT, before)
    check_cut(person, seen)
    with pytest.raises(afterwards):
        client.chat.completions.create(**ON_AND_ON)
