"""Settings: where they come from, and what a wrong one says."""

from pathlib import Path

import pytest

from tollkeeper.config import ConfigError, load_settings, unknown_variables


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
    monkeypatch.setenv("TOLLKEEPER_ALLOWED_HOSTS", "a.example, b.example,")
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
            for url in ("", "localhost:11434", "http://", "http://h:99999", "http://h/?q=1", "http://a..b:1")
        ),
        *(("HOST", host) for host in ("", " ", "a..b", "a b")),
        *(("ALLOWED_HOSTS", names) for names in ("", " , ")),
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
        ("allowed_hosts", ("gateway.example", "[::1]")),
    ],
)
def test_what_a_list_may_hold(monkeypatch, name, values):
    monkeypatch.setenv(f"TOLLKEEPER_{name.upper()}", ",".join(values))
    assert getattr(load_settings(), name) == values


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "localhost", "gateway.example"])
def test_what_may_be_listened_on(host):
    assert load_settings(host=host).host == host


def test_names_in_the_environment_that_are_no_settings():
    given = [
        "PATH",
        "TOLLKEEPER_PORT",
        "tollkeeper_head_timeout",
        "TOLLKEEPER_HEAD_TIMOUT",
        "TOLLKEEPER_",
        "XTOLLKEEPER_A",
    ]
    assert unknown_variables(given) == ["TOLLKEEPER_", "TOLLKEEPER_HEAD_TIMOUT"]


def test_a_file_that_cannot_be_read_is_named():
    Path("tollkeeper.toml").write_text("port = = 1\n")
    with pytest.raises(ConfigError, match=r"tollkeeper\.toml"):
        load_settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gate.example", "127.evil.example"])
def test_a_well_known_secret_guards_loopback_only(host):
    assert load_settings(host="127.0.0.1", admin_api_key="admin-secret-key").loopback
    assert load_settings(host="::1", admin_api_key="admin-secret-key").loopback
    with pytest.raises(ConfigError, match="admin_api_key"):
        load_settings(host=host, admin_api_key="admin-secret-key")


def test_the_admin_key_is_not_shown():
    assert "hush" not in repr(load_settings(admin_api_key="hush-hush"))
