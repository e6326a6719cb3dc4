from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from tests.services.events.rig import Clock, Receiver, Sending, receiving, sending


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time_ns() // 1_000_000)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def sender(clock: Clock, receiver: Receiver) -> Sending:
    """It may reach the receiver."""
    return await sending(clock, receiver.address)
