from __future__ import annotations

import asyncio
import threading

import pytest
from argon2 import PasswordHasher, extract_parameters

from tests.services.house import CountingHasher
from tollkeeper.rules.errors import ServerOverloaded
from tollkeeper.services.passwords import MOST, Passwords


class Held(PasswordHasher):
    """Every hash waits until `go`; `most` is how many ever ran at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.running = 0
        self.lock = threading.Lock()
        self.go = threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait()
        with self.lock:
            self.running -= 1
        return f"hash of {password!r}"


async def test_it_is_argon2id():
    hashed = await Passwords().hash("wonderland")
    assert hashed.startswith("$argon2id$")
    assert PasswordHasher().verify(hashed, "wonderland")


async def test_only_the_password_itself_is_right():
    passwords = Passwords(CountingHasher())
    hashed = await passwords.hash("wonderland")
    assert await passwords.verify(hashed, "wonderland")
    assert not await passwords.verify(hashed, "Wonderland")
    assert not await passwords.verify("no hash at all", "wonderland")


async def test_a_password_of_nobody_is_hashed_as_any_other_and_never_right():
    hasher = CountingHasher()
    passwords = Passwords(hasher)
    for guess in ("", "wonderland"):
        assert not await passwords.verify(None, guess)
    assert hasher.verified == 2
    nobodys, real = passwords._nobodys, await passwords.hash("wonderland")
    assert extract_parameters(nobodys) == extract_parameters(real)  # and so it takes as long
    assert len(nobodys) == len(real)


@pytest.fixture
def held():
    held = Held()
    yield held
    held.go.set()  # else its threads would outlive a test that fails


async def test_the_line_before_them_is_bounded_and_frees_itself(held):
    passwords = Passwords(held)
    tasks = [asyncio.create_task(passwords.hash(str(number))) for number in range(MOST)]
    await asyncio.sleep(0)
    for more in (passwords.hash("more"), passwords.verify(None, "more")):
        with pytest.raises(ServerOverloaded) as caught:
            await asyncio.wait_for(more, 5)
        assert caught.value.retry_after == 1
    tasks[-1].cancel()
    await asyncio.sleep(0)
    last = asyncio.create_task(passwords.hash("last"))
    held.go.set()
    assert await last == "hash of 'last'"
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await passwords.hash("later") == "hash of 'later'"


async def test_two_at_once_and_no_more_even_when_callers_leave():
    held = Held()
    passwords = Passwords(held)
    tasks = [asyncio.create_task(passwords.hash(str(number))) for number in range(6)]
    while held.running < 2:
        await asyncio.sleep(0.001)
    for task in tasks[:2]:
        task.cancel()
    await asyncio.sleep(0.02)  # room for a third to begin, were it let
    held.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[2:] == [f"hash of '{number}'" for number in range(2, 6)]
    assert held.most == 2
