from __future__ import annotations

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters

from tests.services.in_memory import CountingHasher
from tollkeeper.rules.errors import RateLimited, ServerOverloaded
from tollkeeper.rules.turns import Requester
from tollkeeper.services.accounts.passwords import AT_ONCE, MOST, PER_ADDRESS, Passwords, forms, prepared


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
    nobodys, real = passwords._dummy_hash, await passwords.hash("wonderland")
    assert extract_parameters(nobodys) == extract_parameters(real)  # and so it takes as long
    assert len(nobodys) == len(real)


@pytest.fixture
def held():
    held = Held()
    yield held
    held.go.set()  # else its threads would outlive a test that fails


async def test_the_line_before_them_is_bounded_and_frees_itself(held):
    passwords = Passwords(held)
    tasks = [asyncio.create_task(passwords.hash(str(number))) for number in range(MOST + AT_ONCE)]
    await asyncio.sleep(0)
    for more in (passwords.hash("more"), passwords.verify(None, "more")):
        with pytest.raises(ServerOverloaded) as caught:
            await asyncio.wait_for(more, 60)
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


class Told(CountingHasher):
    """Every check waits for a `step`; `begun` are the passwords in the order in which their checks began."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str | bytes] = []
        self.step = threading.Semaphore(0)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.begun.append(password)
        self.step.acquire()
        return super().verify(hash, password)


@pytest.mark.parametrize("ahead", range(PER_ADDRESS + 1))
async def test_of_a_storm_from_elsewhere_two_run_and_one_is_ahead(ahead):
    """Whenever in the storm it comes: what runs by then ends first, and then one more at most."""
    hasher = Told()
    passwords = Passwords(hasher)
    kept = await passwords.hash("wonderland")
    storm = [
        asyncio.create_task(passwords.verify(kept, f"storm {number}", Requester("192.0.2.1", f"user-{number}")))
        for number in range(250)
    ]
    try:
        while len(hasher.begun) < AT_ONCE:
            await asyncio.sleep(0.001)
        for _ in range(ahead):
            hasher.step.release()
        while len(hasher.begun) < min(AT_ONCE + ahead, AT_ONCE + PER_ADDRESS):
            await asyncio.sleep(0.001)
        before = len(hasher.begun)
        owner = asyncio.create_task(passwords.verify(kept, "wonderland", Requester("198.51.100.1", "alice")))
        await asyncio.sleep(0)
        hasher.step.release(len(storm))
        assert await owner
        assert hasher.begun.index("wonderland") <= before + 1
    finally:
        hasher.step.release(len(storm))
        outcomes = await asyncio.gather(*storm, return_exceptions=True)
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == len(storm) - AT_ONCE - PER_ADDRESS


COMPOSED, APART = "M\u00fcllerstra\u00dfe", "Mu\u0308llerstra\u00dfe"


@pytest.mark.parametrize("set_as", [COMPOSED, APART])
@pytest.mark.parametrize("typed", [COMPOSED, APART])
async def test_a_password_is_the_same_however_its_letters_are_composed(set_as, typed):
    passwords = Passwords(CountingHasher())
    assert await passwords.verify(await passwords.hash(set_as), typed)
    assert await passwords.verify(await passwords.hash(f"{set_as} 1"), f"{typed}\u00a01")
    assert not await passwords.verify(await passwords.hash(set_as), "Mullerstra\u00dfe")


@pytest.mark.parametrize("set_as", [COMPOSED, APART, "a\u00a0b"])
async def test_hashes_of_before_still_open(set_as):
    hasher = CountingHasher()
    old = hasher.hash(set_as)
    for typed in (set_as, prepared(set_as)) if "\u00a0" not in set_as else (set_as,):
        assert await Passwords(hasher).verify(old, typed)


@pytest.mark.parametrize(("password", "hashes"), [("wonderland", 1), (COMPOSED, 2), (APART, 2), ("\u00e9\u00a0", 3)])
async def test_how_many_hashes_a_wrong_one_costs_its_text_says_and_not_the_account(password, hashes):
    hasher = CountingHasher()
    passwords = Passwords(hasher)
    assert len(forms(password)) == hashes
    for kept in (None, await passwords.hash("another"), hasher.hash("another")):
        hasher.verified = 0
        assert not await passwords.verify(kept, password)
        assert hasher.verified == hashes


def test_the_form_that_is_hashed_is_one():
    assert prepared(APART) == prepared(COMPOSED) == COMPOSED
    assert prepared("a\u3000b") == "a b"
