"""Codes of authenticator apps, and recovery codes."""

from __future__ import annotations

import asyncio
from typing import Any

import pyotp
import pytest
from msgspec.structs import replace

from tests.services.in_memory import ROOT, InMemoryAccounts
from tollkeeper.rules.errors import (
    Conflict,
    Forbidden,
    InvalidCredentials,
    NotSignedIn,
    RateLimited,
    SecondFactorMissing,
)
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.second_factors import RECOVERY_CODES, SET_UP_LASTS_MS, SecondFactors
from tollkeeper.services.accounts.sessions import ExternalSession, NewSession
from tollkeeper.services.accounts.sign_in import SecondFactorNeeded, SignIn
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.1"
STEP_MS = 30_000


class Flat(InMemoryAccounts):
    """alice has a password, and an app once `furnished`."""

    secret = ""
    recovery: tuple[str, ...] = ()

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).generate_otp(self.clock.ms // STEP_MS + steps)

    def wrong_code(self) -> str:
        right = {self.code(steps) for steps in range(-2, 3)}
        return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in right)

    async def furnish(self) -> None:
        user = self.accounts.user("alice")
        self.secret = self.factors.set_up(user).secret
        self.recovery = tuple(await self.factors.confirm(user, self.code(), ROOT))
        self.clock.ms += 2 * STEP_MS

    def restarted(self, key: bytes = b"k" * 32, **given: bool) -> SecondFactors:
        return SecondFactors(self.store.second_factors, MasterKey(key), self.secrets.digest, self.clock, **given)


@pytest.fixture
async def flat() -> Flat:
    flat = Flat()
    await flat.accounts.create_user("alice", ROOT, password="wonderland")
    await flat.furnish()
    return flat


@pytest.fixture
def door(flat: Flat) -> SignIn:
    return SignIn(flat.accounts, flat.factors, flat.clock)


async def challenge(door: SignIn, address: str = HOME) -> str:
    with pytest.raises(SecondFactorNeeded) as caught:
        await door.sign_in("alice", "wonderland", address)
    return caught.value.challenge


async def test_a_password_alone_begins_no_session(flat, door):
    waiting = await challenge(door)
    assert flat.accounts.sessions.of("alice") == []
    user, new = await door.second_step(waiting, flat.code(), HOME)
    assert user.user_id == new.session.user_id == "alice"
    with pytest.raises(NotSignedIn):
        await door.second_step(waiting, flat.code(1), HOME)


async def test_a_code_counts_once_also_after_a_restart(flat):
    code = flat.code()
    await flat.factors.accept("alice", code, ROOT)
    again = flat.restarted()
    await again.load()
    for factors in (flat.factors, again):
        with pytest.raises(InvalidCredentials):
            await factors.accept("alice", code, ROOT)
    flat.clock.ms += STEP_MS
    await again.accept("alice", flat.code(), ROOT)


async def test_the_code_that_turned_it_on_signs_nobody_in(flat):
    flat.clock.ms -= 2 * STEP_MS
    with pytest.raises(InvalidCredentials):
        await flat.factors.accept("alice", flat.code(), ROOT)


async def test_the_same_code_twice_at_once_counts_once(flat):
    found = await asyncio.gather(
        *(flat.factors.accept("alice", flat.code(), ROOT) for _ in range(20)), return_exceptions=True
    )
    assert sum(each is None for each in found) == 1


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_clocks_may_differ_by_one_step(flat, steps, fits):
    if fits:
        await flat.factors.accept("alice", flat.code(steps), ROOT)
    else:
        with pytest.raises(InvalidCredentials):
            await flat.factors.accept("alice", flat.code(steps), ROOT)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "-12345", "x" * 64])
async def test_what_is_no_code(flat, code):
    with pytest.raises(InvalidCredentials):
        await flat.factors.accept("alice", code, ROOT)


async def test_digits_may_be_typed_as_apps_show_them(flat):
    code = flat.code()
    await flat.factors.accept("alice", f" {code[:3]} {code[3:]} ", ROOT)
    with pytest.raises(InvalidCredentials):
        await flat.factors.accept("alice", code, ROOT)


async def test_a_recovery_code_counts_once_however_it_is_typed(flat):
    assert len({*flat.recovery}) == RECOVERY_CODES
    await flat.factors.accept("alice", " " + flat.recovery[3].upper().replace("-", " "), ROOT)
    assert flat.factors.recovery_codes_left("alice") == RECOVERY_CODES - 1
    again = flat.restarted()
    await again.load()
    for factors in (flat.factors, again):
        with pytest.raises(InvalidCredentials):
            await factors.accept("alice", flat.recovery[3], ROOT)
    await again.accept("alice", flat.recovery[4], ROOT)
    assert (await flat.audit())[0].action == "user.recovery_code"


async def test_new_recovery_codes_replace_the_old_ones(flat):
    new = await flat.factors.new_recovery_codes("alice", ROOT)
    with pytest.raises(InvalidCredentials):
        await flat.factors.accept("alice", flat.recovery[0], ROOT)
    await flat.factors.accept("alice", new[0], ROOT)


async def test_a_recovery_code_of_somebody_else_is_none(flat):
    await flat.accounts.create_user("bob", ROOT, password="builder")
    bob = flat.accounts.user("bob")
    secret = flat.factors.set_up(bob).secret
    await flat.factors.confirm(bob, pyotp.TOTP(secret).generate_otp(flat.clock.ms // STEP_MS), ROOT)
    with pytest.raises(InvalidCredentials):
        await flat.factors.accept("bob", flat.recovery[0], ROOT)


async def test_neither_the_secret_nor_a_recovery_code_is_kept_as_it_is(flat):
    kept = repr(flat.store._tables.__dict__) + "".join(
        repr((factor.sealed, factor.recovery)) for factor in await flat.store.second_factors.load()
    )
    printed = repr(flat.factors) + repr(flat.factors.__dict__) + repr([entry.detail for entry in await flat.audit()])
    for secret in (flat.secret, *flat.recovery):
        assert secret not in kept + printed
        assert secret.replace("-", "") not in kept + printed


async def test_a_secret_moved_to_another_user_does_not_open(flat):
    [factor] = await flat.store.second_factors.load()
    await flat.accounts.create_user("eve", ROOT, password="evil-eve")
    await flat.store.second_factors.save(replace(factor, user_id="eve"))
    again = flat.restarted()
    await again.load()
    with pytest.raises(StoreError):
        await again.accept("eve", flat.code(), ROOT)


async def test_set_up_needs_a_password_and_none_that_is_on(flat):
    with pytest.raises(Conflict):
        flat.factors.set_up(flat.accounts.user("alice"))
    await flat.accounts.create_user("keyed", ROOT)
    with pytest.raises(Conflict):
        flat.factors.set_up(flat.accounts.user("keyed"))


async def test_a_set_up_counts_only_once_a_code_is_seen_and_not_for_ever(flat):
    await flat.accounts.create_user("bob", ROOT, password="builder")
    bob = flat.accounts.user("bob")
    with pytest.raises(Conflict):
        await flat.factors.confirm(bob, "123456", ROOT)
    new = flat.factors.set_up(bob)
    assert new.uri == f"otpauth://totp/Tollkeeper:bob?secret={new.secret}&issuer=Tollkeeper"
    assert not flat.factors.is_on("bob")
    flat.secret = new.secret
    with pytest.raises(InvalidCredentials):
        await flat.factors.confirm(bob, flat.wrong_code(), ROOT)
    flat.clock.ms += SET_UP_LASTS_MS + 1
    with pytest.raises(Conflict):
        await flat.factors.confirm(bob, flat.code(), ROOT)


async def test_turned_off_a_password_is_enough_again(flat, door):
    await flat.factors.turn_off(flat.accounts.user("alice"), ROOT)
    await door.sign_in("alice", "wonderland", HOME)
    with pytest.raises(Conflict):
        await flat.factors.turn_off(flat.accounts.user("alice"), ROOT)


async def test_guesses_are_throttled_and_whoever_is_known_is_not_locked_out(flat, door):
    """Who has the password may guess codes from elsewhere, but slowly, and alone."""
    await door.second_step(await challenge(door), flat.code(), HOME)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await door.second_step(await challenge(door, ELSEWHERE), flat.wrong_code(), ELSEWHERE)
    for address in (ELSEWHERE, "203.0.113.9"):
        with pytest.raises(RateLimited):
            await door.second_step(await challenge(door, address), flat.code(1), address)
    await door.second_step(await challenge(door), flat.code(1), HOME)


async def test_a_wrong_code_is_a_sign_in_that_failed(flat, door):
    with pytest.raises(InvalidCredentials):
        await door.second_step(await challenge(door), flat.wrong_code(), HOME)
    entry = (await flat.audit())[0]
    assert (entry.actor, entry.action, entry.target, entry.address) == (
        *("@unknown", "user.sign_in_failed", "alice"), HOME,
    )  # fmt: skip


async def test_guesses_at_the_first_code_are_throttled_too(flat, door):
    await flat.accounts.create_user("bob", ROOT, password="builder")
    bob, session = await door.sign_in("bob", "builder", HOME)
    flat.secret = flat.factors.set_up(bob).secret

    async def turn_on(code: str) -> None:
        await door.turn_on(bob, session.session, code, HOME, replaces=session.token)

    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await turn_on(flat.wrong_code())
    with pytest.raises(RateLimited):
        await turn_on(flat.code())
    assert not flat.factors.is_on("bob")
    flat.clock.ms += 1000
    await turn_on(flat.code())


async def test_a_password_that_is_checked_while_it_is_turned_on_is_not_enough_any_more(flat, door, monkeypatch):
    await flat.accounts.create_user("bob", ROOT, password="builder")
    bob, session = await door.sign_in("bob", "builder", HOME)
    flat.secret = flat.factors.set_up(bob).secret
    sessions = flat.accounts.sessions
    begin = sessions.begin

    async def begin_later(*given: Any, **more: Any) -> NewSession:
        """As if other changes came first."""
        monkeypatch.undo()
        await door.turn_on(bob, session.session, flat.code(), HOME, replaces=session.token)
        new: NewSession = await begin(*given, **more)
        return new

    monkeypatch.setattr(sessions, "begin", begin_later)
    with pytest.raises(NotSignedIn):
        await door.sign_in("bob", "builder", ELSEWHERE)


async def test_a_new_password_is_set_in_a_session_with_both_factors_or_before_there_were_two(flat, door, monkeypatch):
    user, session = await door.second_step(await challenge(door), flat.code(), HOME)
    user, session = await door.change_password(user, "wonderland", "looking-glass", HOME, replaces=session.token)
    assert flat.accounts.sessions.of("alice") == [session.session]
    await flat.accounts.create_user("bob", ROOT, password="builder")
    bob, session = await door.sign_in("bob", "builder", HOME)
    secret = flat.factors.set_up(bob).secret
    update = flat.accounts.update_user

    async def update_later(*given: Any, **more: Any) -> User:
        changed: User = await update(*given, **more)
        await flat.factors.confirm(bob, pyotp.TOTP(secret).generate_otp(flat.clock.ms // STEP_MS), ROOT)
        return changed

    monkeypatch.setattr(flat.accounts, "update_user", update_later)
    with pytest.raises(NotSignedIn):
        await door.change_password(bob, "builder", "another-one", ELSEWHERE, replaces=session.token)
    assert flat.accounts.sessions.of("bob") == []


async def test_a_sign_in_that_waits_too_long_is_over(flat, door):
    waiting = await challenge(door)
    flat.clock.ms += 300_000
    with pytest.raises(NotSignedIn):
        await door.second_step(waiting, flat.code(), HOME)


async def test_of_many_sign_ins_that_wait_the_newest_stay(flat, door):
    waiting = [await challenge(door) for _ in range(6)]
    with pytest.raises(NotSignedIn):
        await door.second_step(waiting[0], flat.code(), HOME)
    await door.second_step(waiting[-1], flat.code(), HOME)


async def test_a_password_that_changed_meanwhile_ends_a_sign_in_that_waits(flat, door):
    waiting = await challenge(door)
    await flat.accounts.update_user("alice", ROOT, UserChange(password="another-one"))
    with pytest.raises(InvalidCredentials):
        await door.second_step(waiting, flat.code(), HOME)
    assert flat.accounts.sessions.of("alice") == []


@pytest.fixture
async def strict(flat: Flat) -> SecondFactors:
    factors = flat.restarted(required_for_admins=True)
    await factors.load()
    flat.accounts.lacks_factor = factors.is_missing
    await flat.accounts.create_user("root", ROOT, role="admin", password="of-all-evil")
    await flat.accounts.create_user("bob", ROOT, password="builder")
    return factors


async def test_an_admins_session_opens_nothing_before_it_is_set_up(flat, strict):
    accounts = flat.accounts
    new = await accounts.sessions.begin("root", ROOT, still=lambda: None)
    with pytest.raises(SecondFactorMissing):
        accounts.identify_session(new.token)
    caller = accounts.identify_session(new.token, even_one_factor=True)
    with pytest.raises(SecondFactorMissing):
        accounts.refresh(caller)
    root = accounts.user("root")
    flat.secret = strict.set_up(root).secret
    await strict.confirm(root, flat.code(), ROOT)
    assert accounts.identify_session(new.token).user.user_id == "root"


async def test_users_and_whoever_signs_in_by_a_provider_need_none(flat, strict):
    for user_id, external in (("bob", None), ("root", ExternalSession("https://op.example", "sub-1"))):
        new = await flat.accounts.sessions.begin(user_id, ROOT, still=lambda: None, external=external)
        assert flat.accounts.identify_session(new.token).user.user_id == user_id


async def test_admins_cannot_turn_it_off(flat, strict):
    await flat.accounts.update_user("alice", ROOT, UserChange(role="admin"))
    with pytest.raises(Forbidden):
        await strict.turn_off(flat.accounts.user("alice"), ROOT)


async def test_reset_by_another_admin_it_has_to_be_set_up_again(flat, strict):
    await flat.accounts.update_user("alice", ROOT, UserChange(role="admin"))
    assert not strict.is_missing(flat.accounts.user("alice"))
    await strict.reset("alice", ROOT)
    await strict.reset("alice", ROOT)
    assert strict.is_missing(flat.accounts.user("alice"))
    assert [entry.action for entry in await flat.audit()].count("user.second_factor_reset") == 1
