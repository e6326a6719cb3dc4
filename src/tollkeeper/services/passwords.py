"""Hashes of passwords: argon2id, off the event loop, at most two at once (each takes 64 MiB and a core)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

AT_ONCE = 2


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # Threads of its own, not a semaphore: a caller that leaves does not stop the hash it began.
        self._threads = ThreadPoolExecutor(AT_ONCE, "argon2")

    async def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters in it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)
