"""Passwords, and those who guess at them."""

from __future__ import annotations

import asyncio
import threading
from typing import Literal

import pytest

from tests.services.in_memory import ROOT, START, CountingHasher, InMemoryAccounts
from tollkeeper.rules.errors import AccountSuspended, GatewayError, InvalidCredentials, RateLimited, ServerOverloaded
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.passwords import AT_ONCE, MOST, PER_ADDRESS
from tollkeeper.services.accounts.sign_in import SignIn

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.1"


@pytest.fixture
async def house() -> InMemoryAccounts:
    return await inhabited(InMemoryAccounts())


async def inhabited(house: InMemoryAccounts) -> InMemoryAccounts:
    await house.accounts.create_user("alice", ROOT, password="wonderland")
    await house.accounts.create_user("keyed", ROOT)
    await house.accounts.create_user("away", ROOT, password="vacation")
    await house.accounts.update_user("away", ROOT, UserChange(status="suspended"))
    await house.accounts.create_user("gone", ROOT, password="for-good")
    await house.accounts.close_user("gone", ROOT)
    return house


@pytest.fixture
def door(house: InMemoryAccounts) -> SignIn:
    return SignIn(house.accounts, house.factors, house.clock)


async def refusal(door: SignIn, name: str, password: str = "wrong", address: str | None = HOME) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await door.sign_in(name, password, address)
    return caught.value


@pytest.mark.parametrize("name", ["alice", "Alice", "ALICE"])
async def test_the_right_password_opens(house, door, name):
    user, new = await door.sign_in(name, "wonderland", HOME)
    assert user.user_id == new.session.user_id == "alice"
    assert house.accounts.identify_session(new.token).user == user


REFUSED = {
    "unknown": ("nobody", "wonderland"),
    "wrong": ("alice", "Wonderland"),
    "empty": ("alice", ""),
    "without a password": ("keyed", ""),
    "closed": ("gone", "for-good"),
    "suspended, and wrong": ("away", "wrong"),
    "no name at all": ("@bootstrap", "bootstrap-key-for-tests"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_all_that_is_wrong_looks_alike_and_costs_a_hash(house, door, case):
    before = house.hasher.verified
    error = await refusal(door, *REFUSED[case])
    assert type(error) is InvalidCredentials
    assert error.message == (await refusal(door, "alice")).message
    assert house.hasher.verified == before + 2
    assert await house.store.sessions.load() == []


async def test_that_an_account_is_suspended_is_told_to_its_owner_alone(house, door):
    error = await refusal(door, "away", "vacation")
    assert isinstance(error, AccountSuspended)
    assert await house.store.sessions.load() == []


@pytest.mark.parametrize(
    ("name", "password", "target", "code"),
    [
        ("ALICE", "wrong", "alice", "invalid_credentials"),
        ("away", "vacation", "away", "account_suspended"),
        ("hunter2", "alice", "@unknown", "invalid_credentials"),
    ],
)
async def test_a_failed_sign_in_is_in_the_audit_log_without_what_was_typed(house, door, name, password, target, code):
    await refusal(door, name, password)
    entry = (await house.audit())[0]
    assert (entry.actor, entry.action, entry.target, entry.address) == ("@unknown", "user.sign_in_failed", target, HOME)
    assert entry.detail == f'{{"code":"{code}"}}'


async def test_attempts_that_are_not_checked_write_nothing(house, door):
    await guess(door, "alice", times=5)
    before = await house.audit()
    assert isinstance(await refusal(door, "alice"), RateLimited)
    assert await house.audit() == before


async def test_attempts_of_the_suspended_are_bounded_too_though_their_password_is_right(house, door):
    before = len(await house.audit())
    for _ in range(5):
        assert isinstance(await refusal(door, "away", "vacation"), AccountSuspended)
    assert isinstance(await refusal(door, "away", "vacation"), RateLimited)
    for number in range(15):
        await house.accounts.create_user(f"away{number}", ROOT, password="vacation")
        await house.accounts.update_user(f"away{number}", ROOT, UserChange(status="suspended"))
        assert isinstance(await refusal(door, f"away{number}", "vacation"), AccountSuspended)
    assert isinstance(await refusal(door, "alice", "wonderland"), RateLimited), "the address has had its twenty"
    failed = [entry for entry in await house.audit() if entry.action == "user.sign_in_failed"]
    assert (len(failed), before) == (20, before)


async def guess(door: SignIn, name: str, *, times: int, address: str | None = HOME) -> None:
    for _ in range(times):
        assert isinstance(await refusal(door, name, address=address), InvalidCredentials)


@pytest.mark.parametrize("name", ["alice", "nobody"])
async def test_guessing_at_a_name_is_slowed_down_wherever_it_comes_from(house, door, name):
    for number in range(5):
        await guess(door, name, times=1, address=f"203.0.113.{number}")
    before = house.hasher.verified
    error = await refusal(door, name.upper(), "wonderland", "203.0.113.9")
    assert isinstance(error, RateLimited)
    assert (error.status, error.code, error.quantity, error.retry_after) == (
        429,
        "rate_limit_exceeded",
        "requests",
        1.0,
    )
    assert house.hasher.verified == before  # nothing was tried


async def test_retry_after_is_true_and_grows_to_minutes(house, door):
    await guess(door, "alice", times=5)
    waits = []
    for _ in range(12):
        error = await refusal(door, "alice")
        assert error.retry_after is not None
        waits.append(error.retry_after)
        house.clock.ms += round(error.retry_after * 1000) - 1
        assert isinstance(await refusal(door, "alice"), RateLimited)
        house.clock.ms += 1
        await guess(door, "alice", times=1)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300
    house.clock.ms += 300_000
    await door.sign_in("alice", "wonderland", HOME)  # nobody is locked out for ever


async def test_guessing_from_an_address_is_slowed_down_whatever_the_names(house, door):
    for number in range(20):
        await guess(door, f"user-{number}", times=1)
    error = await refusal(door, "alice", "wonderland")
    assert isinstance(error, RateLimited)
    assert error.retry_after == 1
    await door.sign_in("alice", "wonderland", ELSEWHERE)


async def test_people_behind_one_address_all_sign_in_in_their_turns(house, door):
    waiting = [f"person-{number}" for number in range(40)]
    for name in waiting:
        await house.accounts.create_user(name, ROOT, password="wonderland")
    while waiting:
        trying = (door.sign_in(name, "wonderland", HOME) for name in waiting)
        outcomes = await asyncio.gather(*trying, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert len(refused) == max(0, len(waiting) - AT_ONCE - PER_ADDRESS)
        for error in refused:
            assert isinstance(error, RateLimited)
            assert error.retry_after == 1
        waiting = [name for name, outcome in zip(waiting, outcomes, strict=True) if isinstance(outcome, Exception)]


async def test_one_right_password_does_not_clear_an_address(house, door):
    for number in range(19):
        await guess(door, f"user-{number}", times=1)
    await door.sign_in("alice", "wonderland", HOME)
    await guess(door, "user-x", times=1)
    assert isinstance(await refusal(door, "alice", "wonderland"), RateLimited)


async def test_an_address_of_ipv6_is_its_network(house, door):
    for number in range(20):
        await guess(door, f"user-{number}", times=1, address=f"2001:db8:1:2::{number:x}")
    assert isinstance(await refusal(door, "alice", address="2001:db8:1:2:ffff::1"), RateLimited)
    assert isinstance(await refusal(door, "alice", address="2001:db8:1:3::1"), InvalidCredentials)


async def test_many_at_once_do_not_get_past(house, door):
    results = await asyncio.gather(*(refusal(door, "alice", f"guess {number}") for number in range(12)))
    kinds = [type(error) for error in results]
    assert kinds.count(InvalidCredentials) == house.hasher.verified == 5
    assert kinds.count(RateLimited) == 7


async def test_the_right_password_clears_the_name(house, door):
    for _ in range(3):
        await guess(door, "alice", times=4)
        await door.sign_in("alice", "wonderland", HOME)
        house.clock.ms += 3_600_000


async def test_who_guesses_from_elsewhere_does_not_lock_the_owner_out_of_home(house, door):
    await door.sign_in("alice", "wonderland", HOME)
    await guess(door, "alice", times=5, address=ELSEWHERE)
    # A name that looks like what is remembered of alice at home is another name.
    await guess(door, f"alice {HOME}", times=5, address="203.0.113.9")
    assert isinstance(await refusal(door, "alice", "wonderland", ELSEWHERE), RateLimited)
    await door.sign_in("alice", "wonderland", HOME)
    await guess(door, "alice", times=5)
    assert isinstance(await refusal(door, "alice", "wonderland"), RateLimited)  # at home it is slowed down, too


async def test_an_erased_user_is_not_known_any_more_where_they_signed_in(house, door):
    await door.sign_in("alice", "wonderland", HOME)
    assert "alice" in repr(door._known)
    door.forget("Alice")
    assert "alice" not in repr(door._known)


async def test_without_an_address_it_works_as_well(house, door):
    await door.sign_in("alice", "wonderland", None)
    await guess(door, "alice", times=5, address=None)
    assert isinstance(await refusal(door, "alice", address=None), RateLimited)


class Held(CountingHasher):
    """Every look at a password waits until `go`; `most` is how many ever were at work at once, `order` the passwords
    in the order in which they were begun."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str | bytes] = []
        self.lock, self.go = threading.Lock(), threading.Event()
        self.running = self.most = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        with self.lock:
            self.running += 1
            self.order.append(password)
            self.most = max(self.most, self.running)
        self.go.wait()
        with self.lock:
            self.running -= 1
        return super().verify(hash, password)


@pytest.fixture
def held():
    held = Held()
    yield held
    held.go.set()  # else its threads would outlive a test that fails


async def test_a_storm_from_one_address_is_refused_at_once_and_delays_nobody_else(held):
    """250 at once from one address: two are at work, four wait; then its owner comes, from elsewhere."""
    house = await inhabited(InMemoryAccounts(hasher=held))
    door = SignIn(house.accounts, house.factors, house.clock)
    storm = [asyncio.create_task(door.sign_in(f"user-{number}", "x", ELSEWHERE)) for number in range(250)]
    while held.running < AT_ONCE:
        await asyncio.sleep(0.001)
    refused = [task.exception() for task in storm if task.done()]
    assert len(refused) == 250 - AT_ONCE - PER_ADDRESS
    for error in refused:
        assert isinstance(error, RateLimited)
        assert (error.status, error.retry_after) == (429, 1)
    owner = asyncio.create_task(door.sign_in("alice", "wonderland", HOME))
    await asyncio.sleep(0)
    held.go.set()
    await owner
    await asyncio.gather(*storm, return_exceptions=True)
    # Those at work, one in line whose turn it was; the two threads may begin the other way round.
    assert held.order.index("wonderland") <= AT_ONCE + 2
    assert held.most == AT_ONCE
    assert held.verified == AT_ONCE + PER_ADDRESS + 1
    assert isinstance(await refusal(door, "user-249", address=ELSEWHERE), InvalidCredentials)  # those did not count


async def test_another_name_at_the_same_address_takes_the_place_of_one_that_has_several(held):
    house = await inhabited(InMemoryAccounts(hasher=held))
    await house.accounts.create_user("bob", ROOT, password="builder")
    door = SignIn(house.accounts, house.factors, house.clock)
    first = [asyncio.create_task(refusal(door, "nobody", "x", "203.0.113.1")) for _ in range(AT_ONCE)]
    while held.running < AT_ONCE:
        await asyncio.sleep(0.001)
    storm = [asyncio.create_task(refusal(door, "alice", "x", HOME)) for _ in range(PER_ADDRESS)]
    await asyncio.sleep(0)
    other = asyncio.create_task(door.sign_in("bob", "builder", HOME))
    await asyncio.sleep(0)
    assert isinstance(await storm[-1], RateLimited)
    held.go.set()
    assert (await other)[0].user_id == "bob"
    assert [type(error) for error in await asyncio.gather(*first, *storm[:-1])] == [InvalidCredentials] * 5


async def test_two_passwords_are_looked_at_at_once_and_a_full_line_counts_against_nobody(held):
    house = await inhabited(InMemoryAccounts(hasher=held))
    door = SignIn(house.accounts, house.factors, house.clock)
    trying = [
        asyncio.create_task(door.sign_in(f"user-{number}", "wrong", f"203.0.{number // 256}.{number % 256}"))
        for number in range(MOST + AT_ONCE)
    ]
    while held.running < 2:
        await asyncio.sleep(0.001)
    for _ in range(30):
        error = await asyncio.wait_for(refusal(door, "alice", "wonderland"), 60)
        assert isinstance(error, ServerOverloaded)
    held.go.set()
    for outcome in await asyncio.gather(*trying, return_exceptions=True):
        assert isinstance(outcome, InvalidCredentials)
    assert held.most == 2
    await door.sign_in("alice", "wonderland", HOME)


async def test_a_password_is_changed_and_all_sessions_but_the_new_one_end(house, door):
    user, first = await door.sign_in("alice", "wonderland", HOME)
    _, second = await door.sign_in("alice", "wonderland", ELSEWHERE)
    _, third = await door.change_password(user, "wonderland", "looking-glass", HOME, replaces=first.token)
    assert house.accounts.sessions.ids_of("alice") == [third.session.id]
    assert {first.session.id, second.session.id} <= set(house.ended)
    assert third.token not in (first.token, second.token)
    assert isinstance(await refusal(door, "alice", "wonderland"), InvalidCredentials)
    await door.sign_in("alice", "looking-glass", HOME)
    entry = next(entry for entry in await house.audit() if entry.action == "user.update")
    assert (entry.actor, entry.target, entry.detail) == ("alice", "alice", '{"password":"changed"}')


async def test_a_wrong_current_password_changes_nothing_and_is_throttled(house, door):
    user, first = await door.sign_in("alice", "wonderland", HOME)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await door.change_password(user, "wrong", "looking-glass", HOME, replaces=first.token)
    with pytest.raises(RateLimited):
        await door.change_password(user, "wonderland", "looking-glass", HOME, replaces=first.token)
    assert house.accounts.identify_session(first.token).user == user


@pytest.mark.parametrize("act", ["sign in", "change"])
async def test_what_an_admin_changes_while_a_password_is_looked_at_wins(held, act):
    house = await inhabited(InMemoryAccounts(hasher=held))
    door, user = SignIn(house.accounts, house.factors, house.clock), house.accounts.user("alice")
    if act == "sign in":
        trying = asyncio.create_task(door.sign_in("alice", "wonderland", HOME))
    else:
        trying = asyncio.create_task(door.change_password(user, "wonderland", "mine-again", HOME, replaces=""))
    while not held.running:
        await asyncio.sleep(0.001)
    await house.accounts.update_user("alice", ROOT, UserChange(password="looking-glass"))
    held.go.set()
    with pytest.raises(InvalidCredentials):
        await trying
    assert house.accounts.sessions.ids_of("alice") == []
    await door.sign_in("alice", "looking-glass", HOME)


async def test_memory_for_guesses_is_bounded(house, door):
    door._names._most = door._addresses._most = 10
    for number in range(40):
        await refusal(door, f"user-{number}", address=f"203.0.113.{number}")
    assert len(door._names._attempts) == len(door._addresses._attempts) == 10
    assert house.clock.ms == START
