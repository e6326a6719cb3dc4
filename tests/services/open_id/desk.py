"""Signing in at a scripted provider, over accounts in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.services.in_memory import InMemoryAccounts
from tests.services.open_id.scripted_provider import CALLBACK, ScriptedProvider
from tollkeeper.services.open_id.open_id import Finished, OpenId, Started
from tollkeeper.services.open_id.ports import SignInRefused

HOME = "192.0.2.7"


@dataclass
class Desk:
    house: InMemoryAccounts
    provider: ScriptedProvider
    open_id: OpenId

    async def start(self, provider: str = "corp", page: str | None = None, address: str = HOME) -> Started:
        return await self.open_id.start(provider, redirect_uri=CALLBACK, next_page=page, address=address)

    async def finish(self, answer: dict[str, str], browser: str | None, provider: str = "corp") -> Finished:
        return await self.open_id.finish(provider, answer, browser=browser, address=HOME, replaces=None)

    async def sign_in(self, code: str = "code-1") -> Finished:
        started = await self.start()
        return await self.finish(self.provider.authorize(started.url, code), started.browser)

    async def refused(self, code: str = "code-1") -> str:
        with pytest.raises(SignInRefused) as caught:
            await self.sign_in(code)
        return caught.value.code


async def open_desk(house: InMemoryAccounts | None = None, **settings: Any) -> Desk:
    house = house or InMemoryAccounts()
    provider = ScriptedProvider(house.clock)
    client = provider.client(lambda: house.clock.ms / 1000, **settings)
    return Desk(house, provider, OpenId([client], house.accounts, house.identities, house.clock))
