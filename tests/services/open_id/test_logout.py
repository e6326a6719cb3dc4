"""Logout tokens, by which a provider ends sessions, and everything that must not end one."""

from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT
from tests.services.open_id.scripted_provider import (
    CLIENT,
    ISSUER,
    KEY,
    NEXT_KEY,
    STRANGERS_KEY,
    signed,
)
from tollkeeper.rules.errors import BadRequest
from tollkeeper.services.open_id.tokens import LOGOUT_EVENT
from tollkeeper.store.errors import StoreError

WRONG: dict[str, dict[str, object]] = {
    "issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "no jti": {"jti": None},
    "no iat": {"iat": None},
    "an ID token": {"nonce": "n"},
    "no events": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "an event that is no object": {"events": {"http://schemas.openid.net/event/backchannel-logout": "yes"}},
    "nobody": {"sub": None},
    "expired": {"exp": 1_700_000_000},
    "old": {"iat": 1_700_000_000, "exp": None},
    "of the future": {"iat": 1_900_000_000, "exp": None},
    "of no time": {"iat": float("nan")},
    "a subject of half a character": {"sub": "\ud800"},
}


async def test_a_logout_token_ends_the_session_that_it_names(desk):
    desk.provider.claims = {"sid": "sid-1"}
    first = (await desk.sign_in()).session.session
    desk.provider.claims = {"sid": "sid-2"}
    second = (await desk.sign_in()).session.session
    assert await desk.open_id.logout("corp", desk.provider.logout_token(sid="sid-1")) == 1
    assert desk.house.accounts.sessions.of("alice") == [second]
    assert desk.house.ended == [first.id]
    assert await desk.house.store.sessions.load() == [second]


async def test_a_logout_token_without_a_session_ends_all_of_a_person(desk):
    await desk.house.accounts.create_user("bob", ROOT)
    await desk.house.identities.link("bob", ISSUER, "sub-2", ROOT)
    for subject in ("sub-1", "sub-1", "sub-2"):
        desk.provider.claims = {"sub": subject, "sid": None}
        await desk.sign_in()
    assert await desk.open_id.logout("corp", desk.provider.logout_token()) == 2
    assert desk.house.accounts.sessions.of("alice") == []
    assert len(desk.house.accounts.sessions.of("bob")) == 1


async def test_a_logout_token_leaves_sessions_by_password(desk):
    await desk.house.accounts.sessions.begin("alice", ROOT, still=lambda: None)
    assert await desk.open_id.logout("corp", desk.provider.logout_token()) == 0
    assert len(desk.house.accounts.sessions.of("alice")) == 1


async def test_a_logout_token_leaves_sessions_that_began_later(desk):
    token = desk.provider.logout_token()
    desk.house.clock.ms += 61_000
    await desk.sign_in()
    assert await desk.open_id.logout("corp", token) == 0


async def test_a_logout_token_counts_once(desk):
    token = desk.provider.logout_token()
    await desk.open_id.logout("corp", token)
    with pytest.raises(BadRequest):
        await desk.open_id.logout("corp", token)
    await desk.open_id.logout("corp", desk.provider.logout_token(jti="jti-2"))


async def test_a_logout_token_that_could_not_be_obeyed_may_be_sent_again(desk):
    await desk.sign_in()
    token = desk.provider.logout_token()
    desk.house.store.fail = "disk full"
    with pytest.raises(StoreError):
        await desk.open_id.logout("corp", token)
    desk.house.store.fail = None
    assert await desk.open_id.logout("corp", token) == 1


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
async def test_a_logout_token_that_is_wrong_ends_nothing(desk, claims):
    await desk.sign_in()
    with pytest.raises(BadRequest) as caught:
        await desk.open_id.logout("corp", desk.provider.logout_token(**claims))
    assert caught.value.param == "logout_token"
    assert len(desk.house.accounts.sessions.of("alice")) == 1


async def test_a_token_of_another_type_is_no_logout_token(desk):
    await desk.sign_in()
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": "sub-1", "jti": "jti-1", "events": {LOGOUT_EVENT: {}}}
    claims["iat"] = desk.house.clock.ms // 1000
    for typ, counts in (("at+jwt", False), ("JWT", True)):
        token = signed(KEY, claims, typ=typ)
        if counts:
            assert await desk.open_id.logout("corp", token) == 1
        else:
            with pytest.raises(BadRequest):
                await desk.open_id.logout("corp", token)


async def test_a_logout_token_without_the_providers_signature_ends_nothing(desk):
    await desk.sign_in()
    for key in (STRANGERS_KEY, NEXT_KEY):
        desk.provider.key = key
        with pytest.raises(BadRequest):
            await desk.open_id.logout("corp", desk.provider.logout_token())
    for token in ("", "x", "a.b.c", "{}"):
        with pytest.raises(BadRequest):
            await desk.open_id.logout("corp", token)
    assert len(desk.house.accounts.sessions.of("alice")) == 1


async def test_strangers_logout_tokens_do_not_make_us_ask_the_provider_again_and_again(desk):
    await desk.sign_in()
    desk.provider.key = NEXT_KEY
    for _ in range(20):
        with pytest.raises(BadRequest):
            await desk.open_id.logout("corp", desk.provider.logout_token())
    assert desk.provider.asked.count("/keys") == 1  # just read
    desk.house.clock.ms += 5_000
    for _ in range(20):
        with pytest.raises(BadRequest):
            await desk.open_id.logout("corp", desk.provider.logout_token())
    assert desk.provider.asked.count("/keys") == 2
