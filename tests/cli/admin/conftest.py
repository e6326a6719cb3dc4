"""Commands for admins on the whole gateway, with the bootstrap admin key in the environment."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable

import pytest

from tests.cli.commands import Ended, Program
from tests.gateway.conftest import ADMIN, Gateway

Ask = Callable[..., Awaitable[Ended]]


@pytest.fixture
def ask(tollkeeper: Program, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """`await ask("upstreams", "add", "a", stdin="sk-1")`: in a thread, since the gateway runs in this one."""

    async def asks(*words: object, stdin: str | bytes = "") -> Ended:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return await asyncio.to_thread(tollkeeper, *words)

    return asks


@pytest.fixture
def admin(ask: Ask, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The same, of a gateway that runs."""
    monkeypatch.setenv("TOLLKEEPER_URL", gateway.url)
    monkeypatch.setenv("TOLLKEEPER_API_KEY", ADMIN)
    return ask
