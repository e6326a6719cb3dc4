"""The gateway as a process, and a certified OpenID provider as another."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.open_id.provider import OpenIdProvider, Person, client_of, open_id_provider
from tests.process.clock import Clock
from tests.process.served import Served, served

pytestmark = pytest.mark.process
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def gateway_at(
    folder: Path, provider: OpenIdProvider, port: int, *, clock: Clock | None = None, **settings: object
) -> Iterator[Served]:
    given: dict[str, Any] = {"oidc_providers": json.dumps([entry_of(provider)]), "oidc_create": "true"} | settings
    with served(folder, NOWHERE, port=port, clock=clock, **given) as gateway:
        yield gateway


def entry_of(provider: OpenIdProvider, **fields: Any) -> dict[str, Any]:
    return provider.setting(domains=["corp.example"], role_claim="roles", admin_values=["toll-admin"]) | fields


@pytest.fixture(scope="module")
def port() -> int:
    """Of the gateway, which the provider must know before it starts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
        return number


@pytest.fixture
def provider(port: int) -> Iterator[OpenIdProvider]:
    with open_id_provider(client_of(f"http://127.0.0.1:{port}")) as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, provider: OpenIdProvider, port: int) -> Iterator[Served]:
    with gateway_at(tmp_path, provider, port) as running:
        yield running


@pytest.fixture
def person(port: int) -> Iterator[Callable[[str], Person]]:
    """`person("ann")` is ann, in a browser of her own."""
    with ExitStack() as opened:

        def another(name: str) -> Person:
            found = Person(f"http://127.0.0.1:{port}", name)
            opened.callback(found.client.close)
            return found

        yield another


NewPerson = Callable[[str], Person]


def error_of(url: str) -> str:
    [code] = parse_qs(urlsplit(url).query)["error"]
    return code


def test_from_the_button_to_the_session_and_out_again(
    gateway: Served, provider: OpenIdProvider, person: NewPerson
) -> None:
    ann = person("ann")
    answer = ann.sign_in(query="?next=/calls")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/login?next=%2Fcalls")
    session = ann.session()
    assert session is not None
    who = {"user_id": "ann", "name": "Name of ann", "role": "user", "status": "active"}
    assert session["user"] == who | {"team": None, "team_admin": False}
    assert (session["provider"], session["second_factor"]) == ("corp", "off")
    [identity] = gateway.admin("GET", "/admin/users/ann/identities")["data"]
    assert (identity["provider"], identity["issuer"], identity["subject"]) == ("corp", provider.issuer, "ann")
    out = ann.sign_out()
    assert out.status_code == 200
    assert ann.session() is None
    assert "id_token_hint=ey" in out.json()["sign_out_url"]
    assert ann.sign_out_at_the_provider(out.json()["sign_out_url"]) == f"{gateway.url}/ui/login"


def test_a_code_and_its_state_count_once(gateway: Served, person: NewPerson) -> None:
    ann = person("ann")
    back = ann.sign_in_at_the_provider(ann.start())
    assert ann.client.get(back).headers["location"] == "/ui/login"
    assert error_of(ann.client.get(back).headers["location"]) == "expired"


def test_a_stolen_code_is_useless_in_another_browser(gateway: Served, person: NewPerson) -> None:
    victim, thief = person("ann"), person("eve")
    back = victim.sign_in_at_the_provider(victim.start())
    [code] = parse_qs(urlsplit(back).query)["code"]
    own = thief.sign_in_at_the_provider(thief.start())
    [own_code] = parse_qs(urlsplit(own).query)["code"]
    assert error_of(thief.client.get(own.replace(own_code, code)).headers["location"]) == "token_refused"
    assert error_of(thief.client.get(back).headers["location"]) == "expired"
    assert thief.session() is None


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "of-another-sign-in"}, {"nonce": None}, {"code_challenge": "A" * 43}, {"client_id": "another"},
        {"state": "of-another-sign-in"},
    ],
    ids=lambda changed: "-".join(f"{name} {value}"[:20] for name, value in changed.items()),
)  # fmt: skip
def test_an_authorization_request_that_was_changed_on_its_way_signs_nobody_in(
    tmp_path: Path, port: int, person: NewPerson, changed: dict[str, str | None]
) -> None:
    """The provider signs what it was asked for: another nonce, for another client, or with another challenge."""
    url = f"http://127.0.0.1:{port}"
    with (
        open_id_provider(client_of(url), client_of(url, client_id="another")) as provider,
        gateway_at(tmp_path, provider, port) as gateway,
    ):
        ann = person("ann")
        back = ann.sign_in_at_the_provider(ann.start(), **changed)
        assert parse_qs(urlsplit(back).query)["code"]
        error = error_of(ann.client.get(back).headers["location"])
        assert error == ("expired" if "state" in changed else "token_refused")
        assert ann.session() is None
        assert gateway.admin("GET", "/admin/users")["data"] == []


def test_a_token_that_is_signed_with_the_clients_secret_signs_nobody_in(
    tmp_path: Path, port: int, person: NewPerson
) -> None:
    client = client_of(f"http://127.0.0.1:{port}", id_token_signed_response_alg="HS256")
    with open_id_provider(client) as provider, gateway_at(tmp_path, provider, port):
        ann = person("ann")
        assert error_of(ann.sign_in().headers["location"]) == "token_refused"
        assert ann.session() is None


@pytest.mark.parametrize(("seconds", "fits"), [(-120, False), (-50, True), (640, True), (700, False)])
def test_a_token_that_has_expired_or_is_of_the_future(
    tmp_path: Path, provider: OpenIdProvider, port: int, person: NewPerson, seconds: int, fits: bool
) -> None:
    """Its tokens last for 600 seconds, and clocks may differ by 60."""
    clock = Clock.at(tmp_path / "clock", time.time_ns() // 1_000_000 + 1000 * seconds)
    with gateway_at(tmp_path, provider, port, clock=clock):
        ann = person("ann")
        location = ann.sign_in().headers["location"]
        assert location == "/ui/login" if fits else error_of(location) == "token_refused"
        assert (ann.session() is not None) is fits


def test_an_issuer_that_the_provider_does_not_call_itself(
    tmp_path: Path, provider: OpenIdProvider, port: int, person: NewPerson
) -> None:
    entry = entry_of(provider, issuer=provider.issuer.replace("127.0.0.1", "localhost"))
    with gateway_at(tmp_path, provider, port, oidc_providers=json.dumps([entry])):
        assert error_of(person("ann").start().headers["location"]) == "provider_unavailable"


def test_a_provider_that_does_not_answer_keeps_nobody_else_waiting(
    tmp_path: Path, provider: OpenIdProvider, port: int, person: NewPerson
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as pool:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        slow = entry_of(provider, id="slow", name="Slow", issuer=issuer)
        entries = json.dumps([entry_of(provider), slow])
        with gateway_at(tmp_path, provider, port, oidc_providers=entries) as gateway:
            waiting = [pool.submit(person("ann").start, "slow") for _ in range(5)]
            asked, _ = silent.accept()  # the gateway waits for it now
            assert person("ann").sign_in().headers["location"] == "/ui/login"
            assert gateway.admin("GET", "/admin/users")["data"] != []
            assert not any(each.done() for each in waiting)
            asked.close()
            assert {error_of(each.result().headers["location"]) for each in waiting} == {"provider_unavailable"}


def test_what_one_provider_answers_counts_for_nothing_at_another(tmp_path: Path, port: int, person: NewPerson) -> None:
    """Mix-up: codes and states of one, brought to the callback of the other, by whoever runs one of them."""
    url = f"http://127.0.0.1:{port}"
    both = client_of(url)
    both["redirect_uris"] = [f"{url}/auth/oidc/{name}/callback" for name in ("corp", "other")]
    with open_id_provider(both) as first, open_id_provider(both) as second:
        entries = json.dumps([entry_of(first), entry_of(second, id="other", name="Other")])
        with gateway_at(tmp_path, first, port, oidc_providers=entries) as gateway:
            ann = person("ann")
            back = ann.sign_in_at_the_provider(ann.start())
            moved = back.replace("/oidc/corp/", "/oidc/other/")
            assert error_of(ann.client.get(moved).headers["location"]) == "expired"
            # The state of one with the code, and the name, of the other.
            code_of_first = ann.sign_in_at_the_provider(ann.start())
            state = parse_qs(urlsplit(ann.start("other").headers["location"]).query)["state"][0]
            old = parse_qs(urlsplit(code_of_first).query)["state"][0]
            moved = code_of_first.replace("/oidc/corp/", "/oidc/other/").replace(old, state)
            assert error_of(ann.client.get(moved).headers["location"]) == "token_refused"
            assert ann.session() is None
            # The same sub at both is two people.
            for provider_id in ("corp", "other"):
                assert person("ann").sign_in(provider_id).headers["location"] == "/ui/login"
            assert [user["user_id"] for user in gateway.admin("GET", "/admin/users")["data"]] == ["ann", "ann-2"]


def test_whoever_leaves_the_providers_page_is_told_so(gateway: Served, person: NewPerson) -> None:
    ann = person("ann")
    state = parse_qs(urlsplit(ann.start().headers["location"]).query)["state"][0]
    url = f"{gateway.url}/auth/oidc/corp/callback?state={state}&error=access_denied&error_description=%3Cb%3E"
    # This provider promises to name itself in every answer.
    assert error_of(ann.client.get(url).headers["location"]) == "token_refused"


def test_admins_by_their_claim(gateway: Served, person: NewPerson) -> None:
    boss = person("boss")
    boss.sign_in()
    session = boss.session()
    assert session is not None
    assert session["user"]["role"] == "admin"


def test_an_address_that_was_not_verified_gets_no_account(gateway: Served, person: NewPerson) -> None:
    eve = person("unverified-eve")
    assert error_of(eve.sign_in().headers["location"]) == "unknown_user"
    assert gateway.admin("GET", "/admin/users")["data"] == []


def test_an_admin_links_somebody_to_an_existing_user(gateway: Served, person: NewPerson) -> None:
    gateway.new_user("old-hand")
    eve = person("unverified-eve")
    body = {"provider": "corp", "subject": "unverified-eve"}
    linked = gateway.admin("POST", "/admin/users/old-hand/identities", body)
    eve.sign_in()
    session = eve.session()
    assert session is not None
    assert session["user"]["user_id"] == "old-hand"
    gateway.admin("DELETE", f"/admin/users/old-hand/identities/{linked['id']}")
    assert eve.session() is None
    assert error_of(eve.sign_in().headers["location"]) == "unknown_user"


def test_the_suspended_stay_out(gateway: Served, person: NewPerson) -> None:
    ann = person("ann")
    ann.sign_in()
    gateway.admin("PATCH", "/admin/users/ann", {"status": "suspended"})
    assert error_of(ann.sign_in().headers["location"]) == "account_suspended"


def test_signing_out_at_the_provider_ends_the_session_here(gateway: Served, person: NewPerson) -> None:
    """By the provider's back channel: the browser does nothing."""
    ann, elsewhere = person("ann"), person("ann")
    ann.sign_in()
    elsewhere.sign_in()
    discovered = ann.client.get(f"{gateway_provider(gateway, ann)}/.well-known/openid-configuration").json()
    ann.sign_out_at_the_provider(discovered["end_session_endpoint"])
    assert ann.session() is None
    assert elsewhere.session() is not None


def gateway_provider(gateway: Served, person: Person) -> str:
    [identity] = gateway.admin("GET", "/admin/users/ann/identities")["data"]
    issuer: str = identity["issuer"]
    return issuer


@pytest.mark.parametrize("kid", ["second", "first"])
def test_a_provider_with_a_new_key_goes_on_signing_people_in(
    tmp_path: Path, port: int, person: NewPerson, kid: str
) -> None:
    """Also where the new one has the name of the old one."""
    client = client_of(f"http://127.0.0.1:{port}")
    with open_id_provider(client) as first, gateway_at(tmp_path, first, port):
        person("ann").sign_in()
        provider_port = int(first.issuer.rpartition(":")[2])
        first.process.kill()
        first.process.wait()
        with open_id_provider(client, port=provider_port, kid=kid):
            ann = person("ann")
            ann.sign_in()
            assert ann.session() is not None


def test_sessions_survive_a_restart_and_passwords_can_be_turned_off(
    tmp_path: Path, provider: OpenIdProvider, port: int, person: NewPerson
) -> None:
    ann, bob = person("ann"), person("bob")
    with gateway_at(tmp_path, provider, port) as gateway:
        gateway.admin("POST", "/admin/users", {"user_id": "bob", "password": "builder-1"})
        ann.sign_in()
        bob.client.post(f"{gateway.url}/auth/login", json={"username": "bob", "password": "builder-1"})
        assert bob.session() is not None
    with gateway_at(tmp_path, provider, port, password_sign_in="false") as gateway:
        assert ann.session() is not None
        assert bob.session() is None  # nor does anybody stay in by a way that is no more
        answer = ann.client.post(f"{gateway.url}/auth/login", json={"username": "bob", "password": "builder-1"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
        ways = ann.client.get(f"{gateway.url}/auth/providers").json()
        assert ways == {
            "password": False,
            "providers": [{"id": "corp", "name": "Corp", "start": "/auth/oidc/corp/start"}],
        }
        gateway.admin("GET", "/admin/users")  # the bootstrap key stays
    with gateway_at(tmp_path, provider, port, oidc_providers="[]"):
        assert ann.session() is None
