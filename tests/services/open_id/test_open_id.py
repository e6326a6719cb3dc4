"""A sign-in from its start to the session, and everything that must not begin one."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from tests.services.in_memory import ROOT, InMemoryAccounts
from tests.services.open_id.desk import HOME, Desk, open_desk
from tests.services.open_id.scripted_provider import (
    CALLBACK,
    ISSUER,
    KEY,
    NEXT_KEY,
    RSA,
    STRANGERS_KEY,
    ScriptedProvider,
    signed,
    signed_with_a_key_of_its_own,
    signed_with_the_public_key,
    signed_with_the_secret,
    unsigned,
)
from tollkeeper.rules.errors import NotFound
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.open_id.open_id import OpenId
from tollkeeper.services.open_id.pending import LASTS_MS, MOST_OF_AN_ADDRESS
from tollkeeper.services.open_id.ports import SignInRefused
from tollkeeper.services.upstreams.config import Secret


def newcomers(**settings: Any) -> dict[str, Any]:
    return {"create": True, "domains": frozenset({"corp.example"})} | settings


async def test_somebody_who_is_known_is_signed_in(desk):
    started = await desk.start(page="/calls")
    desk.provider.claims = {"sid": "sid-1"}
    finished = await desk.finish(desk.provider.authorize(started.url), started.browser)
    assert (finished.user.user_id, finished.next_page) == ("alice", "/calls")
    session = desk.house.accounts.identify_session(finished.session.token).session
    assert (session.issuer, session.subject, session.sid) == (ISSUER, "sub-1", "sid-1")
    assert (await desk.house.audit())[0].action == "user.sign_in"


async def test_tokens_may_be_signed_with_rsa(desk):
    desk.provider.key, desk.provider.published = RSA, [KEY, RSA]
    assert (await desk.sign_in()).user.user_id == "alice"


FORGED = {
    "a wrong issuer": {"iss": "https://evil.example"},
    "the issuer with a slash": {"iss": ISSUER + "/"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another-client"},
    "another audience, though we asked for it": {"aud": "another-client", "azp": "tollkeeper"},
    "an audience among others, without azp": {"aud": ["tollkeeper", "another-client"]},
    "another authorized party": {"aud": ["tollkeeper", "another-client"], "azp": "another-client"},
    "no audience": {"aud": None},
    "another nonce": {"nonce": "of-another-sign-in"},
    "no nonce": {"nonce": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "no expiry": {"exp": None},
    "an endless expiry": {"exp": float("nan")},
    "no time of issue": {"iat": None},
    "a time of issue that is none": {"iat": float("nan")},
    "a subject of half a character": {"sub": "\ud800"},
    "a subject of two lines": {"sub": "sub-1\n"},
    "a subject that nobody could keep": {"sub": "s" * 513},
}


@pytest.mark.parametrize("claims", FORGED.values(), ids=FORGED)
async def test_a_token_that_says_something_else_signs_nobody_in(desk, claims):
    desk.provider.claims = claims
    assert await desk.refused() == "token_refused"
    assert desk.house.accounts.sessions.of("alice") == []


@pytest.mark.parametrize(
    "forge",
    [
        lambda claims: signed(STRANGERS_KEY, claims),
        unsigned,
        signed_with_the_secret,
        signed_with_the_public_key,
        signed_with_a_key_of_its_own,
        lambda claims: signed(KEY, claims)[:-4] + "AAAA",
        lambda claims: signed(KEY, claims).rpartition(".")[0] + ".",
        lambda _: "no.token",
        lambda _: "",
        lambda _: "é.é.é",
    ],
    ids=[
        "a stranger's key", "alg none", "the client's secret", "the public key", "a key that it brings", "changed",
        "no signature", "two parts", "empty", "é",
    ],
)  # fmt: skip
async def test_a_token_without_the_providers_signature_signs_nobody_in(desk, forge):
    desk.provider.forge, desk.provider.published = forge, [KEY, RSA]
    assert await desk.refused() == "token_refused"


@pytest.mark.parametrize(("seconds", "fits"), [(59, True), (61, False)])
async def test_clocks_may_differ_by_a_minute(desk, seconds, fits):
    now = desk.house.clock.ms // 1000
    for claims in ({"exp": now - seconds}, {"iat": now + seconds}, {"nbf": now + seconds}):
        desk.provider.claims = claims
        if fits:
            assert (await desk.sign_in()).user.user_id == "alice"
        else:
            assert await desk.refused() == "token_refused"


async def test_an_access_token_must_be_the_one_that_the_id_token_names(desk):
    desk.provider.claims = {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}
    assert await desk.refused() == "token_refused"


async def test_a_new_key_of_the_provider_is_found(desk):
    await desk.sign_in()
    assert desk.provider.asked.count("/keys") == 1
    desk.provider.key, desk.provider.published = NEXT_KEY, [NEXT_KEY, KEY]
    assert (await desk.sign_in()).user.user_id == "alice"
    assert desk.provider.asked.count("/keys") == 2
    await desk.sign_in()
    assert desk.provider.asked.count("/keys") == 2


@pytest.mark.parametrize("key", [STRANGERS_KEY, RSAKey.import_key(RSA.as_dict(private=True) | {"kid": "first"})])
async def test_a_new_key_under_the_old_name_is_found(desk, key):
    """Small providers have one key, and no names for it; then it has changed, and its type perhaps."""
    await desk.sign_in()
    desk.provider.key, desk.provider.published = key, [key]
    assert (await desk.sign_in()).user.user_id == "alice"
    desk.provider.key = KEY  # the old one counts no more
    assert await desk.refused() == "token_refused"


async def test_an_unknown_key_is_looked_for_once(desk):
    await desk.sign_in()
    desk.provider.key = NEXT_KEY
    assert await desk.refused() == "token_refused"
    assert desk.provider.asked.count("/keys") == 2


async def test_an_answer_counts_once(desk):
    started = await desk.start()
    answer = desk.provider.authorize(started.url)
    await desk.finish(answer, started.browser)
    with pytest.raises(SignInRefused) as caught:
        await desk.finish(answer, started.browser)
    assert caught.value.code == "expired"


async def test_a_code_counts_once(desk):
    """Brought back again with the state of another sign-in: its verifier is another."""
    await desk.sign_in("stolen")
    started = await desk.start()
    state = desk.provider.authorize(started.url, "another")["state"]
    with pytest.raises(SignInRefused) as caught:
        await desk.finish({"state": state, "code": "stolen"}, started.browser)
    assert caught.value.code == "token_refused"


async def test_a_code_of_another_browser_is_useless_here(desk):
    """The attacker's code, pushed into the victim's sign-in: PKCE and the nonce belong to the attacker's."""
    attackers, victims = await desk.start(), await desk.start()
    code = desk.provider.authorize(attackers.url, "attackers")["code"]
    state = desk.provider.authorize(victims.url, "victims")["state"]
    with pytest.raises(SignInRefused):
        await desk.finish({"state": state, "code": code}, victims.browser)


@pytest.mark.parametrize("browser", [None, "", "another"])
async def test_only_the_browser_that_began_a_sign_in_ends_it(desk, browser):
    started = await desk.start()
    answer = desk.provider.authorize(started.url)
    with pytest.raises(SignInRefused) as caught:
        await desk.finish(answer, browser)
    assert caught.value.code == "expired"
    with pytest.raises(SignInRefused):  # nor is it found a second time
        await desk.finish(answer, started.browser)


async def test_a_sign_in_takes_ten_minutes_at_most(desk):
    started = await desk.start()
    answer = desk.provider.authorize(started.url)
    desk.house.clock.ms += LASTS_MS
    with pytest.raises(SignInRefused) as caught:
        await desk.finish(answer, started.browser)
    assert caught.value.code == "expired"


async def test_an_address_has_so_many_sign_ins_under_way_and_others_are_served(desk):
    for _ in range(MOST_OF_AN_ADDRESS):
        await desk.start()
    with pytest.raises(SignInRefused) as caught:
        await desk.start()
    assert caught.value.code == "too_many"
    await desk.start(address="198.51.100.1")


@pytest.mark.parametrize(
    ("error", "code"), [("access_denied", "denied"), ("server_error", "provider_error"), ("<b>", "provider_error")]
)
async def test_what_the_provider_refuses(desk, error, code):
    started = await desk.start()
    state = desk.provider.authorize(started.url)["state"]
    with pytest.raises(SignInRefused) as caught:
        await desk.finish({"state": state, "error": error, "error_description": "<script>"}, started.browser)
    assert caught.value.code == code
    assert "<" not in str(caught.value)


async def test_an_answer_of_another_provider_is_refused(desk):
    """Mix-up (RFC 9207): the answer names who sent it."""
    for iss, promised in (("https://evil.example", False), (None, True)):
        desk = await open_desk()
        desk.provider.metadata = {"authorization_response_iss_parameter_supported": promised}
        started = await desk.start()
        answer = desk.provider.authorize(started.url) | ({} if iss is None else {"iss": iss})
        with pytest.raises(SignInRefused) as caught:
            await desk.finish(answer, started.browser)
        assert caught.value.code == "token_refused"
        assert "/token" not in desk.provider.asked


async def test_a_provider_that_is_down(desk):
    desk.provider.down = True
    with pytest.raises(SignInRefused) as caught:
        await desk.start()
    assert caught.value.code == "provider_unavailable"
    assert len(desk.provider.asked) == 1
    with pytest.raises(SignInRefused):
        await desk.start()
    assert len(desk.provider.asked) == 1  # it rests
    desk.provider.down = False
    desk.house.clock.ms += 5_000
    await desk.start()


async def test_a_provider_that_goes_down_later_is_known_still(desk):
    await desk.sign_in()
    desk.house.clock.ms += 3_600_000
    desk.provider.down = True
    await desk.start()


async def test_nobody_unknown_gets_an_account_by_default(desk):
    desk.provider.claims = {"sub": "sub-2", "email": "eve@corp.example", "email_verified": True}
    assert await desk.refused() == "unknown_user"
    assert [user.user_id for user in desk.house.accounts.users()] == ["alice"]


async def test_a_newcomer_whose_verified_domain_fits_gets_an_account():
    desk = await open_desk(**newcomers())
    desk.provider.claims = {
        "email": "ann@Corp.Example", "email_verified": True, "name": "Ann\nB", "preferred_username": "ann",
    }  # fmt: skip
    user = (await desk.sign_in()).user
    assert (user.user_id, user.name, user.role, user.password_hash) == ("ann", "Ann B", "user", None)
    assert desk.house.accounts.keys_of("ann") == []
    assert (await desk.sign_in()).user.user_id == "ann"
    entry = (await desk.house.audit())[-1]
    assert (entry.actor, entry.action, entry.address) == ("@oidc/corp", "user.create", HOME)


NO_ACCOUNT: dict[str, dict[str, object]] = {
    "not verified": {"email": "eve@corp.example", "email_verified": False},
    "said nothing of": {"email": "eve@corp.example"},
    "another domain": {"email": "eve@evil.example", "email_verified": True},
    "a domain below": {"email": "eve@x.corp.example", "email_verified": True},
    "a domain that ends alike": {"email": "eve@evilcorp.example", "email_verified": True},
    "two": {"email": "eve@corp.example@evil.example", "email_verified": True},
    "a list": {"email": ["eve@corp.example"], "email_verified": True},
    "none": {},
    "another group": {"groups": ["guests"]},
}


@pytest.mark.parametrize("claims", NO_ACCOUNT.values(), ids=NO_ACCOUNT)
async def test_a_newcomer_whose_domain_or_group_does_not_fit_gets_none(claims):
    desk = await open_desk(**newcomers(groups=frozenset({"staff"})))
    desk.provider.claims = claims
    assert await desk.refused() == "unknown_user"
    assert desk.house.accounts.users() == []


async def test_a_group_gives_an_account_too():
    desk = await open_desk(**newcomers(domains=frozenset(), groups=frozenset({"staff"}), groups_claim="realm.groups"))
    desk.provider.claims = {"realm": {"groups": ["x", "staff"]}}
    assert (await desk.sign_in()).user.user_id.startswith("corp-")


async def test_a_newcomer_whose_name_nobody_may_have_gets_another():
    """Ids of this form are those of persons who were forgotten."""
    desk = await open_desk(**newcomers())
    name = "u_" + "0" * 24
    desk.provider.claims = {"email": "ann@corp.example", "email_verified": True, "preferred_username": name}
    assert (await desk.sign_in()).user.user_id == f"{name}-2"


@pytest.mark.parametrize("sid", [7, "", "\ud800", "a\0b", "s" * 513, ["sid-1"]])
async def test_a_session_of_the_provider_that_has_no_name_is_none(desk, sid):
    desk.provider.claims = {"sid": sid}
    assert (await desk.sign_in()).session.session.sid is None
    assert await desk.open_id.logout("corp", desk.provider.logout_token(sid="sid-1")) == 1


async def test_id_and_secret_of_the_client_are_encoded_before_they_are_sent():
    """RFC 6749, 2.3.1: a provider decodes them, and would read another secret."""
    desk = await open_desk(**newcomers(client_id="toll:keeper", client_secret=Secret("a+b/c=%41 é")))
    desk.provider.token_answer = (401, {"error": "invalid_client"})
    started = await desk.start()
    [state] = parse_qs(urlsplit(started.url).query)["state"]
    with pytest.raises(SignInRefused):
        await desk.finish({"state": state, "code": "code-1"}, started.browser)
    [sent] = desk.provider.credentials
    assert b64decode(sent.removeprefix("Basic ")) == b"toll%3Akeeper:a%2Bb%2Fc%3D%2541+%C3%A9"


async def test_an_address_of_somebody_else_takes_no_account_over():
    """The e-mail, and the name, of an existing user: the newcomer is another, and gets an account of their own."""
    desk = await open_desk(**newcomers())
    await desk.house.accounts.create_user("ann@corp.example", ROOT, role="admin", password="wonderland")
    await desk.house.accounts.create_user("Boss", ROOT, role="admin")
    desk.provider.claims = {"email": "ann@corp.example", "email_verified": True, "preferred_username": "boss"}
    user = (await desk.sign_in()).user
    assert (user.user_id, user.role) == ("boss-2", "user")
    assert desk.house.accounts.sessions.of("ann@corp.example") == desk.house.accounts.sessions.of("Boss") == []


async def test_the_same_sub_at_two_providers_is_two_people():
    house = InMemoryAccounts()
    first, second = ScriptedProvider(house.clock), ScriptedProvider(house.clock, issuer="https://other.example")
    clients = [first.client(**newcomers()), second.client(id="other", **newcomers())]
    open_id = OpenId(clients, house.accounts, house.identities, house.clock)
    found = []
    for provider, provider_id in ((first, "corp"), (second, "other")):
        provider.claims = {"email": "ann@corp.example", "email_verified": True}
        begun = await open_id.start(provider_id, redirect_uri=CALLBACK, next_page=None, address=HOME)
        answer = provider.authorize(begun.url)
        ended = await open_id.finish(provider_id, answer, browser=begun.browser, address=HOME, replaces=None)
        found.append(ended.user.user_id)
    assert found == ["ann@corp.example", "ann@corp.example-2"]


async def test_a_sign_in_begun_at_one_provider_is_not_ended_by_another():
    house = InMemoryAccounts()
    first, second = ScriptedProvider(house.clock), ScriptedProvider(house.clock, issuer="https://other.example")
    open_id = OpenId(
        [first.client(**newcomers()), second.client(id="other", **newcomers())],
        house.accounts, house.identities, house.clock,
    )  # fmt: skip
    begun = await open_id.start("corp", redirect_uri=CALLBACK, next_page=None, address=HOME)
    with pytest.raises(SignInRefused) as caught:
        await open_id.finish("other", second.authorize(begun.url), browser=begun.browser, address=HOME, replaces=None)
    assert caught.value.code == "expired"
    assert "/token" not in second.asked


@pytest.mark.parametrize(("status", "code"), [("suspended", "account_suspended"), ("closed", "account_closed")])
async def test_whoever_may_not_sign_in_does_not(desk, status, code):
    await desk.house.accounts.update_user("alice", ROOT, UserChange(status=status))
    assert await desk.refused() == code
    assert desk.house.accounts.sessions.of("alice") == []


async def test_a_closed_account_is_not_replaced_by_a_new_one():
    desk = await open_desk(**newcomers(domains=frozenset({"*"})))
    user = (await desk.sign_in()).user
    await desk.house.accounts.close_user(user.user_id, ROOT)
    assert await desk.refused() == "account_closed"


async def test_the_role_is_what_the_claim_says_at_each_sign_in():
    desk = await open_desk(
        **newcomers(domains=frozenset({"*"}), role_claim="realm_access.roles", admin_values=frozenset({"toll-admin"}))
    )
    roles = [["x", "toll-admin"], ["x"], "toll-admin", None, {"toll-admin": True}]
    seen = []
    for value in roles:
        desk.provider.claims = {"realm_access": {"roles": value}}
        seen.append((await desk.sign_in()).user.role)
    assert seen == ["admin", "user", "admin", "user", "user"]


async def test_a_new_role_ends_the_sessions_of_the_old_one():
    desk = await open_desk(**newcomers(domains=frozenset({"*"}), role_claim="roles"))
    desk.provider.claims = {"roles": ["admin"]}
    first = (await desk.sign_in()).session
    desk.provider.claims = {}
    second = (await desk.sign_in()).session
    sessions = desk.house.accounts.sessions
    assert sessions.alive(first.session.id) is None
    assert sessions.alive(second.session.id) is not None


async def test_without_a_claim_of_roles_they_are_set_here(desk):
    await desk.house.accounts.update_user("alice", ROOT, UserChange(role="admin"))
    desk.provider.claims = {"roles": []}
    assert (await desk.sign_in()).user.role == "admin"


async def test_the_team_is_what_the_claim_says_at_each_sign_in():
    desk = await open_desk(**newcomers(domains=frozenset({"*"}), team_claim="team"))
    given: list[tuple[str, str | None]] = []

    async def assign(user_id: str, team: str | None, by: Actor) -> None:
        given.append((user_id, team))

    house = desk.house
    client = desk.provider.client(**newcomers(domains=frozenset({"*"}), team_claim="team"))
    desk.open_id = OpenId([client], house.accounts, house.identities, house.clock, assign_team=assign)
    for team in ("blue", ["red", "green"], None):
        desk.provider.claims = {"team": team, "preferred_username": "ann"}
        await desk.sign_in()
    assert given == [("ann", "blue"), ("ann", "green"), ("ann", None)]


async def test_a_team_that_nobody_can_join_keeps_nobody_out():
    house = InMemoryAccounts()
    provider = ScriptedProvider(house.clock)
    client = provider.client(**newcomers(domains=frozenset({"*"}), team_claim="team"))

    async def refuse(user_id: str, team: str | None, by: Actor) -> None:
        raise NotFound("There is no such team.")

    open_id = OpenId([client], house.accounts, house.identities, house.clock, assign_team=refuse)
    provider.claims = {"team": "unknown"}
    assert (await Desk(house, provider, open_id).sign_in()).user.status == "active"


async def test_claims_of_the_userinfo_endpoint_count_if_they_are_the_same_persons():
    desk = await open_desk(**newcomers())
    desk.provider.userinfo = {"sub": "sub-1", "email": "ann@corp.example", "email_verified": True}
    assert (await desk.sign_in()).user.user_id == "ann@corp.example"
    desk.provider.userinfo = {"sub": "sub-2"}
    assert await desk.refused() == "token_refused"


async def test_many_first_sign_ins_at_once_make_one_account():
    desk = await open_desk(**newcomers(domains=frozenset({"*"})))
    begun = [await desk.start() for _ in range(50)]
    answers = [desk.provider.authorize(each.url, f"code-{n}") for n, each in enumerate(begun)]
    ended = await asyncio.gather(*(desk.finish(a, b.browser) for a, b in zip(answers, begun, strict=True)))
    assert len({each.user.user_id for each in ended}) == 1
    assert len(desk.house.accounts.users()) == 1


async def test_an_unknown_provider(desk):
    for call in (
        desk.start("nobody"),
        desk.finish({}, None, "nobody"),
        desk.open_id.logout("nobody", "x"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_where_to_sign_out_at_the_provider(desk):
    url = await desk.open_id.sign_out_url(ISSUER, "https://gw.example/ui/login")
    assert url == (
        "https://op.example/end?client_id=tollkeeper&post_logout_redirect_uri=https%3A%2F%2Fgw.example%2Fui%2Flogin"
    )
    assert await desk.open_id.sign_out_url("https://gone.example", "x") is None


async def test_the_id_token_goes_along_while_it_is_known_and_short_enough(desk):
    session = (await desk.sign_in()).session.session
    sessions = desk.house.accounts.sessions
    token = sessions.id_token(session.id)
    assert token == desk.provider.issued[-1]
    url = await desk.open_id.sign_out_url(ISSUER, "x", token)
    assert parse_qs(urlsplit(url).query)["id_token_hint"] == [token]
    assert token not in repr(await desk.house.store.sessions.load())
    await sessions.end(session.id, ROOT)
    assert sessions.id_token(session.id) is None
    desk.provider.claims = {"picture": "x" * 5000}
    assert sessions.id_token((await desk.sign_in()).session.session.id) is None
