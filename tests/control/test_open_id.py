"""The way to a provider and back, over HTTP."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.browser import Browser
from tests.control.desk import shape_of
from tests.services.in_memory import ROOT
from tests.services.open_id.scripted_provider import ISSUER, ScriptedProvider
from tollkeeper.services.open_id.open_id import OpenId

SIGN_IN = "tollkeeper_sign_in"


@pytest.fixture
async def provider(desk):
    house = desk.house
    provider = ScriptedProvider(house.clock)
    open_id = OpenId([provider.client()], house.accounts, house.identities, house.clock)
    object.__setattr__(desk.services, "open_id", open_id)
    await house.identities.link("alice", ISSUER, "sub-1", ROOT)
    return provider


@pytest.fixture
async def anyone(desk, provider):
    async with desk.client(address="192.0.2.9") as client:
        client.base_url = "http://localhost:8000"
        yield client


def cookies_of(answer):
    return dict(cookie.partition(";")[0].split("=", 1) for cookie in answer.headers.get_list("set-cookie"))


async def come_back(anyone, provider, page=None, **changed):
    query = "" if page is None else "?" + urlencode({"next": page})
    started = await anyone.get(f"/auth/oidc/corp/start{query}")
    assert started.status_code == 303
    answer = provider.authorize(started.headers["location"]) | changed
    return await anyone.get(f"/auth/oidc/corp/callback?{urlencode(answer)}")


async def test_the_buttons_of_the_sign_in_page(anyone):
    assert (await anyone.get("/auth/providers")).json() == {
        "password": True,
        "providers": [{"id": "corp", "name": "Corp", "start": "/auth/oidc/corp/start"}],
    }


async def test_from_the_button_to_the_session(anyone, provider):
    started = await anyone.get("/auth/oidc/corp/start")
    assert (started.headers["cache-control"], started.headers["referrer-policy"]) == ("no-store", "no-referrer")
    location = urlsplit(started.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{ISSUER}/authorize"
    query = parse_qs(location.query)
    assert query["redirect_uri"] == ["http://localhost:8000/auth/oidc/corp/callback"]
    assert query["scope"] == ["openid profile email"]
    cookie = started.headers["set-cookie"]
    assert cookie.startswith(f"{SIGN_IN}_8000=")
    assert cookie.endswith("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax")
    answer = provider.authorize(started.headers["location"])
    # Providers add parameters of their own.
    back = await anyone.get(f"/auth/oidc/corp/callback?{urlencode(answer | {'session_state': 'x', 'scope': 'openid'})}")
    assert (back.status_code, back.headers["location"]) == (303, "/ui/login")
    found = cookies_of(back)
    assert found[f"{SIGN_IN}_8000"] == ""
    browser = Browser(anyone)
    browser.token = found["tollkeeper_session_8000"]
    session = (await browser.get("/auth/session")).json()
    assert (session["user"]["user_id"], session["provider"]) == ("alice", "corp")
    browser.csrf_token = session["csrf_token"]
    out = await browser.post("/auth/logout")
    assert out.status_code == 200
    url = urlsplit(out.json()["sign_out_url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{ISSUER}/end"
    query = parse_qs(url.query)
    assert query["post_logout_redirect_uri"] == ["http://localhost:8000/ui/login"]
    assert query["id_token_hint"] == [provider.issued[-1]]
    assert (await browser.get("/auth/session")).status_code == 401


async def test_off_loopback_addresses_and_cookies_need_tls(desk, provider):
    async with desk.client() as client:
        client.base_url = "http://gw.example"
        started = await client.get("/auth/oidc/corp/start")
        query = parse_qs(urlsplit(started.headers["location"]).query)
        assert query["redirect_uri"] == ["https://gw.example/auth/oidc/corp/callback"]
        assert started.headers["set-cookie"].startswith(f"__Host-{SIGN_IN}=")
        assert started.headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("page", ["/calls", "/calls/", "/admin/users/ann?period=7d&status=failed", "/", "/?a=b"])
async def test_a_page_is_come_back_to(anyone, provider, page):
    back = await come_back(anyone, provider, page)
    location = urlsplit(back.headers["location"])
    assert (location.netloc, location.path, parse_qs(location.query)) == ("", "/ui/login", {"next": [page]})


@pytest.mark.parametrize(
    "page",
    [
        "//evil.example/", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "evil", "/../docs",
        "/a/../../b", "/.well-known", "/a b", "/a\r\nset-cookie: x=y", "/" + "x" * 3000, "/ü", "/a#b",
        # Read in more than one way, these take longer than anybody waits.
        "/" + "a" * 1900 + "!", "/" + "a/" * 900 + "!", "/" + "a-" * 900 + "?!", "/a?" + "a=" * 900 + "!",
    ],
)  # fmt: skip
async def test_no_page_of_another_place_is_come_back_to(anyone, provider, page):
    back = await come_back(anyone, provider, page)
    assert back.headers["location"] == "/ui/login"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"state": "of-nobody"}, "expired"),
        ({"state": ""}, "expired"),
        ({"code": "unknown"}, "token_refused"),
        ({"error": "access_denied", "error_description": "<script>alert(1)</script>"}, "denied"),
        ({"error": "<script>"}, "provider_error"),
    ],
)
async def test_what_goes_wrong_is_a_code_on_the_sign_in_page(anyone, provider, changed, error):
    back = await come_back(anyone, provider, **changed)
    assert (back.status_code, back.headers["location"]) == (303, f"/ui/login?error={error}")
    assert back.content == b""
    assert "tollkeeper_session_8000" not in cookies_of(back)


async def test_a_database_that_cannot_be_written_is_one_of_them_too(anyone, provider, desk):
    desk.house.store.fail = "disk full"
    back = await come_back(anyone, provider)
    assert (back.status_code, back.headers["location"]) == (303, "/ui/login?error=unavailable")
    assert "tollkeeper_session_8000" not in cookies_of(back)


async def test_a_parameter_that_is_given_twice_is_as_if_it_were_not_there(anyone, provider):
    started = await anyone.get("/auth/oidc/corp/start")
    answer = provider.authorize(started.headers["location"])
    back = await anyone.get(f"/auth/oidc/corp/callback?{urlencode(answer)}&state=another")
    assert back.headers["location"] == "/ui/login?error=expired"


async def test_without_the_browsers_cookie_nobody_is_signed_in(anyone, provider):
    started = await anyone.get("/auth/oidc/corp/start")
    anyone.cookies.clear()
    answer = provider.authorize(started.headers["location"])
    back = await anyone.get(f"/auth/oidc/corp/callback?{urlencode(answer)}")
    assert back.headers["location"] == "/ui/login?error=expired"


async def test_a_session_that_the_browser_had_ends(anyone, provider, desk):
    first = cookies_of(await come_back(anyone, provider))["tollkeeper_session_8000"]
    second = cookies_of(await come_back(anyone, provider))["tollkeeper_session_8000"]
    sessions = desk.house.accounts.sessions
    assert sessions.alive(sessions.id_of(first)) is None
    assert sessions.alive(sessions.id_of(second)) is not None


@pytest.mark.parametrize(("method", "path"), [("GET", "start"), ("GET", "callback"), ("POST", "backchannel-logout")])
async def test_a_provider_that_no_setting_names(anyone, method, path):
    answer = await anyone.request(method, f"/auth/oidc/evil/{path}")
    assert (answer.status_code, shape_of(answer)["code"]) == (404, "not_found")


class TestBackChannelLogout:
    async def test_the_provider_ends_a_session(self, anyone, provider, desk):
        await come_back(anyone, provider)
        answer = await anyone.post("/auth/oidc/corp/backchannel-logout", data={"logout_token": provider.logout_token()})
        assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
        assert desk.house.accounts.sessions.of("alice") == []
        again = await anyone.post("/auth/oidc/corp/backchannel-logout", data={"logout_token": provider.logout_token()})
        assert (again.status_code, shape_of(again)["param"]) == (400, "logout_token")

    @pytest.mark.parametrize(
        "body",
        [b"", b"logout_token=", b"logout_token=x", b"logout_token=a&logout_token=b", b'{"logout_token": "x"}', b"\xff",
         b"&".join(b"a%d=1" % n for n in range(100)), b"%" * 1000],
        ids=["empty", "no token", "nonsense", "two", "JSON", "no text", "many fields", "percents"],
    )  # fmt: skip
    async def test_a_body_that_holds_no_token(self, anyone, body):
        answer = await anyone.post("/auth/oidc/corp/backchannel-logout", content=body)
        assert (answer.status_code, shape_of(answer)["param"]) == (400, "logout_token")

    async def test_a_body_that_is_too_large(self, anyone):
        answer = await anyone.post("/auth/oidc/corp/backchannel-logout", content=b"x" * 20_000)
        assert (answer.status_code, shape_of(answer)["code"]) == (413, "request_too_large")
