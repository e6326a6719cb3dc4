"""Settings: where they come from, and what a wrong one says."""

import json
from pathlib import Path

import pytest

from tollkeeper.config import ConfigError, Settings, load_settings


@pytest.fixture(autouse=True)
def empty_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "HOST", "ADMIN_API_KEY", "OLLAMA_BASE_URL", "DATABASE_PATH"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"TOLLKEEPER_{name}", raising=False)


def test_later_sources_win(monkeypatch):
    assert load_settings().port == 8000
    Path("tollkeeper.toml").write_text("port = 1\n")
    assert load_settings().port == 1
    Path(".env").write_text("TOLLKEEPER_PORT=2\n")
    assert load_settings().port == 2
    monkeypatch.setenv("TOLLKEEPER_PORT", "3")
    assert load_settings().port == 3
    assert load_settings(port=4).port == 4


def test_plain_names_work_and_the_long_ones_beat_them(monkeypatch):
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://a:1/")
    assert (load_settings().port, load_settings().ollama_base_url) == (1, "http://a:1")
    monkeypatch.setenv("TOLLKEEPER_PORT", "2")
    assert load_settings().port == 2


def test_a_plain_name_in_the_environment_beats_the_file(monkeypatch):
    Path("tollkeeper.toml").write_text("port = 1\n")
    monkeypatch.setenv("PORT", "2")
    assert load_settings().port == 2


def test_lists_are_written_with_commas(monkeypatch):
    monkeypatch.setenv("TOLLKEEPER_ALLOWED_HOSTS", ",a.example,, b.example,")
    assert load_settings().allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("PORT", "70000"),
        ("HEAD_TIMEOUT", "-1"),
        ("MAX_BODY_BYTES", "lots"),
        ("METRICS_PUBLIC", "maybe"),
        ("DURABILITY", "fire"),
        *(("RETENTION_DAYS", days) for days in ("1", "0", "-3", "2.5", "month")),
        *(
            ("OLLAMA_BASE_URL", url)
            for url in ("localhost:11434", "http://", "http://h:99999", "http://h/?q=1", "http://a..b:1")
        ),
        *(("HOST", host) for host in (" ", "a..b", "a b", "127.0.0.1,", "::1,a b")),
        *(("DATABASE_PATH", path) for path in ("/", ".", "..")),
        *(("ADMIN_API_KEY", key) for key in (" ", "two words", "a\nb", "schlüssel", "a\tb", "k" * 1025)),
        *(("ALLOWED_HOSTS", names) for names in (" , ", "http://a.example", "a b", "a/b")),
        *(("METRICS_HOSTS", names) for names in ("http://a.example", "10.42.0.1/16", "*x")),
        *(("METRICS_NETWORKS", names) for names in ("*", "prometheus", "10.42.0.1/16")),
        *(("TRUSTED_PROXIES", names) for names in ("proxy.example", "10.0.0.1/8", "10.0.0.0/33", "127.0.0.1,*")),
        *(("CORS_ORIGINS", names) for names in ("*", "https://*.example", "https://a.example,app.example", "null")),
        *(("CORS_ORIGINS", name) for name in ("https://a.example/page", "https://me@a.example", "https://")),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(monkeypatch, name, value):
    monkeypatch.setenv(f"TOLLKEEPER_{name}", value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    text = str(caught.value)
    assert f"TOLLKEEPER_{name}" in text
    assert "\n" not in text


def test_why_no_page_at_all_may_be_let_in(monkeypatch):
    monkeypatch.setenv("TOLLKEEPER_CORS_ORIGINS", "*")
    with pytest.raises(ConfigError, match="setting cors_origins: '\\*' would let pages of strangers in"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("trusted_proxies", ("10.0.0.0/8", "127.0.0.1", "fd00::/8", "::1")),
        (
            "cors_origins",
            (
                "https://app.example",
                "http://localhost:3000",
                "http://[::1]:1",
                "https://A.example/",
                "app://obsidian.md",
            ),
        ),
        ("allowed_hosts", ("gateway.example:8000", "*.gateway.example", "::1", "[::1]", "10.42.0.0/16", "*")),
        ("metrics_hosts", ("10.42.0.0/16", "metrics.example")),
        ("metrics_networks", ("10.42.0.0/16", "::1")),
    ],
)
def test_what_a_list_may_hold(monkeypatch, name, values):
    monkeypatch.setenv(f"TOLLKEEPER_{name.upper()}", ",".join(values))
    assert getattr(load_settings(), name) == values


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "localhost", "gateway.example"])
def test_what_may_be_listened_on(host):
    assert load_settings(host=host).host == host


@pytest.mark.parametrize("given", ["127.0.0.1, [::1],127.0.0.1", ["127.0.0.1", "::1"]])
def test_several_addresses_to_listen_on(given):
    settings = load_settings(host=given)
    assert (settings.hosts, settings.loopback) == (["127.0.0.1", "::1"], True)
    assert not load_settings(host="127.0.0.1,0.0.0.0").loopback


@pytest.mark.parametrize(
    ("place", "way"),
    [
        ("environment", "(PORT)"),
        (".env", "(PORT in .env)"),
        ("tollkeeper.toml", "(port in tollkeeper.toml)"),
        ("command line", "(--port)"),
    ],
)
def test_a_wrong_setting_says_which_way_it_came(monkeypatch, place, way):
    Path("tollkeeper.toml").write_text("port = 1\n")
    if place == "environment":
        monkeypatch.setenv("PORT", "x")
    elif place != "command line":
        Path(place).write_text("PORT=x" if place == ".env" else 'port = "x"')
    with pytest.raises(ConfigError) as caught:
        load_settings(**({"port": "x"} if place == "command line" else {}))
    assert str(caught.value).startswith("setting port: ")
    assert str(caught.value).endswith(way)


@pytest.mark.parametrize("name", ["ADMIN_API_KEY", "TOLLKEEPER_ADMIN_API_KEY", "TOLLKEEPER_PEPPER"])
def test_blanks_and_line_ends_around_a_secret_are_none_of_it(monkeypatch, name):
    monkeypatch.setenv(name, " \tsecret-1\r\n")
    setting = name.removeprefix("TOLLKEEPER_").lower()
    assert getattr(load_settings(), setting).get_secret_value() == "secret-1"


def test_a_key_that_is_refused_is_not_shown(monkeypatch):
    monkeypatch.setenv("ADMIN_API_KEY", "hush hush")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gate.example", "127.evil.example"])
def test_a_well_known_secret_guards_loopback_only(host):
    assert load_settings(host="127.0.0.1", admin_api_key="admin-secret-key").loopback
    assert load_settings(host="::1", admin_api_key="admin-secret-key").loopback
    with pytest.raises(ConfigError, match="admin_api_key"):
        load_settings(host=host, admin_api_key="admin-secret-key")


def test_the_admin_key_is_not_shown():
    assert "hush" not in repr(load_settings(admin_api_key="hush-hush"))


def test_taxes_are_names_with_rates():
    settings = load_settings(invoice_tax="VAT=19%, City levy = 0.005")
    assert settings.invoice_taxes == {"VAT": 190_000, "City levy": 5_000}
    assert load_settings().invoice_taxes == {}


@pytest.mark.parametrize(
    "tax", ["VAT", "VAT=", "=19%", "VAT=19", "VAT=-1%", "VAT=0.00000001", "VAT=19%,VAT=7%", "V" * 101 + "=1%"]
)
def test_what_is_no_tax_is_refused(tax):
    with pytest.raises(ConfigError, match="setting invoice_tax: "):
        load_settings(invoice_tax=tax)


@pytest.mark.parametrize("prefix", ["", "-TK", "TK-", "T K", "T/K", "Ä", "T" * 21, "TK\n"])
def test_a_prefix_of_invoices_is_letters_and_digits(prefix):
    assert load_settings(invoice_prefix="Acme_7-B").invoice_prefix == "Acme_7-B"
    with pytest.raises(ConfigError, match="setting invoice_prefix: "):
        load_settings(invoice_prefix=prefix)


PROVIDER = {
    "id": "corp",
    "name": "Corp",
    "issuer": "https://op.example",
    "client_id": "c",
    "client_secret": "hush-hush",
}


def providers(monkeypatch: pytest.MonkeyPatch, *entries: object) -> Settings:
    monkeypatch.setenv("TOLLKEEPER_OIDC_PROVIDERS", json.dumps(entries))
    return load_settings()


def test_providers_are_read_from_json(monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = providers(monkeypatch, PROVIDER | {"create": True, "domains": ["@Corp.Example"]}).oidc_providers
    assert (found.id, found.issuer, found.domains, found.scopes) == (
        "corp", "https://op.example", frozenset({"corp.example"}), ("openid", "profile", "email")
    )  # fmt: skip
    assert found.client_secret is not None
    assert found.client_secret.get_secret_value() == "hush-hush"
    assert "hush-hush" not in repr(found)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"id": "Corp"}, "0.id"),
        ({"id": "a/b"}, "0.id"),
        ({"name": ""}, "0.name"),
        ({"issuer": "http://op.example"}, "0.issuer"),
        ({"issuer": "https://ann:secret@op.example"}, "0.issuer"),
        ({"issuer": "https://op.example?x=y"}, "0.issuer"),
        ({"issuer": "op.example"}, "0.issuer"),
        ({"scopes": ["email"]}, "0.scopes"),
        ({"auth_method": "private_key_jwt"}, "0.auth_method"),
        ({"misspelt": 1}, "0.misspelt"),
        ({"create": True}, "corp: create needs domains or groups"),
        ({"client_id": None}, "0.client_id"),
    ],
    ids=str,
)
def test_a_provider_that_is_wrong_is_named_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], why: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        providers(monkeypatch, PROVIDER | changed)
    assert str(caught.value).startswith(f"setting oidc_providers: {why}")
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["id", "issuer"])
def test_two_providers_are_two(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    other = {"id": "other", "name": "Other", "issuer": "https://other.example", "client_id": "c"}
    assert len(providers(monkeypatch, PROVIDER, other).oidc_providers) == 2
    with pytest.raises(ConfigError, match=f"two providers have the same {name}"):
        providers(monkeypatch, PROVIDER, other | {name: PROVIDER[name]})


@pytest.mark.parametrize("value", ["{}", "corp", "7", "[1]", '"x"'])
def test_providers_that_are_no_list(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TOLLKEEPER_OIDC_PROVIDERS", value)
    with pytest.raises(ConfigError, match="setting oidc_providers"):
        load_settings()


def test_a_provider_on_loopback_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    assert providers(monkeypatch, PROVIDER | {"issuer": "http://127.0.0.1:8080/realms/x"}).oidc_providers
