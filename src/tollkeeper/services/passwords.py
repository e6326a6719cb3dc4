"""Hashes of passwords: argon2id, off the event loop, at most two at once (each takes 64 MiB and a core); the line
before them is bounded."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tollkeeper.rules.errors import ServerOverloaded

AT_ONCE = 2
MOST = 256
"""Those at work and those in line."""
T = TypeVar("T")


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # Threads of its own, not a semaphore: a caller that leaves does not stop the hash it began.
        self._threads = ThreadPoolExecutor(AT_ONCE, "argon2")
        self._under_way = 0
        self._nobodys = _nobodys(self._hasher)

    async def hash(self, password: str) -> str:
        """The hash to keep, with its salt and parameters in it. Raises ServerOverloaded."""
        return await self._run(self._hasher.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether this is the password. None is the hash of nobody: it takes as long as any other, and no password is
        right. Raises ServerOverloaded."""
        return await self._run(self._verify, hashed or self._nobodys, password)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._under_way >= MOST:
            raise ServerOverloaded("Too many passwords are being checked. Try again soon.", retry_after=1)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._under_way -= 1


def _nobodys(hasher: PasswordHasher) -> str:
    """A hash with the parameters of the others, and no password behind it."""
    salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${digest}"
