from __future__ import annotations

import asyncio
import threading

from argon2 import PasswordHasher

from tollkeeper.services.passwords import Passwords


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
