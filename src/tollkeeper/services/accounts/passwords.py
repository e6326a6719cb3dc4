"""Password hashing by argon2id in threads, at most two at once (each takes 64 MiB and a core), with a bounded, fair
line before them.

A password is the same however a keyboard composes its letters: it is normalised as RFC 8265's OpaqueString (Unicode
NFC, every space a plain one) before it is hashed. Older hashes are also tried with other forms; how many depends on the
password and not on the account, so that the duration reveals nothing about the account.
"""

from __future__ import annotations

import asyncio
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tollkeeper.rules.errors import GatewayError, RateLimited, ServerOverloaded
from tollkeeper.rules.turns import INTERNAL, FairQueue, QueueFull, Requester

AT_ONCE = 2
PER_ADDRESS = 4
"""The most that wait in line from one address."""
MOST = 256
"""The most that wait in line in all."""
T = TypeVar("T")


class Passwords:
    """Hashes and verifies passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, "argon2")
        self._line: FairQueue[_Job] = FairQueue(per_address=PER_ADDRESS, most=MOST)
        self._running = 0
        self._seconds = 0.2
        """Duration of the last hash."""
        self._dummy_hash = _dummy_hash(self._hasher)

    def __repr__(self) -> str:
        return f"Passwords({self._running} at work, {self._line!r})"

    async def hash(self, password: str, place: Requester = INTERNAL) -> str:
        """Hash a password; the result includes salt and parameters. Raises ServerOverloaded, RateLimited."""
        return await self._run(place, lambda: self._hasher.hash(prepared(password)))

    async def verify(self, hashed: str | None, password: str, place: Requester = INTERNAL) -> bool:
        """Whether a password matches a hash. With None it takes as long as with a hash, and never matches. Raises
        ServerOverloaded, RateLimited."""
        kept = hashed or self._dummy_hash
        return await self._run(place, lambda: any(self._verify(kept, form) for form in forms(password)))

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, place: Requester, work: Callable[[], T]) -> T:
        job = _Job(work, asyncio.get_running_loop().create_future())
        try:
            gone = self._line.join(place, job)
        except QueueFull:
            raise self._refusal(place) from None
        if gone is not None and not gone.done.done():
            gone.done.set_exception(self._refusal(place))
        self._go_on()
        try:
            result: T = await job.done
        finally:
            self._line.leave(place, job)  # if it was cancelled while it waited
        return result

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._running < AT_ONCE and (job := self._line.next()) is not None:
            self._running += 1
            thread = loop.run_in_executor(self._threads, job.work)
            thread.add_done_callback(partial(self._done, job, loop.time()))

    def _done(self, job: _Job, begun: float, thread: asyncio.Future[Any]) -> None:
        # There is room only now: cancelling the caller did not stop the hash in its thread.
        self._running -= 1
        self._seconds = asyncio.get_running_loop().time() - begun
        error = thread.exception()
        if not job.done.done():
            if error is None:
                job.done.set_result(thread.result())
            else:
                job.done.set_exception(error)
        self._go_on()

    def _refusal(self, place: Requester) -> GatewayError:
        """The error for a full line, with the time after which each address in line will have had a turn."""
        wait = max(1, ceil(self._seconds * self._line.addresses / AT_ONCE))
        if place.address is None or len(self._line) >= MOST:
            return ServerOverloaded("Too many passwords are being checked. Try again soon.", retry_after=wait)
        return RateLimited(
            f"Too many sign-ins wait at your address. Try again in {wait} s.",
            quantity="requests", retry_after=wait, should_retry=True,
        )  # fmt: skip


class _Job:
    """A job in the line; `done` gets the result of `work`."""

    __slots__ = ("done", "work")

    def __init__(self, work: Callable[[], Any], done: asyncio.Future[Any]) -> None:
        self.work = work
        self.done = done


def prepared(password: str) -> str:
    """A password in the normal form that is hashed."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def forms(password: str) -> tuple[str, ...]:
    """The normal form, then those that older hashes may have been made of: as typed here, or on a system that
    decomposes letters. For an ASCII password they are one."""
    return tuple(dict.fromkeys((prepared(password), password, unicodedata.normalize("NFD", password))))


def _dummy_hash(hasher: PasswordHasher) -> str:
    """A hash with the usual parameters that no password matches."""
    salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${digest}"
