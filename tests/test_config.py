"""Which source of a setting wins, and what stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollkeeper.config import ConfigError, Settings, load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without settings, and an environment without them."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"TOLLKEEPER_{name.upper()}", raising=False)


@pytest.mark.parametrize("in_file", ["port", "tollkeeper_port"])
@pytest.mark.parametrize("in_environment", ["PORT", "TOLLKEEPER_PORT"])
def test_later_sources_win_whatever_the_spelling(
    monkeypatch: pytest.MonkeyPatch, in_file: str, in_environment: str
) -> None:
    Path("tollkeeper.toml").write_text(f"{in_file} = 1001\n")
    assert load_settings().port == 1001
    Path(".env").write_text(f"{in_environment}=1002\n")
    assert load_settings().port == 1002
    monkeypatch.setenv(in_environment, "1003")
    assert load_settings().port == 1003
    assert load_settings(port=1004).port == 1004


def test_the_full_name_beats_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLKEEPER_HOST", "127.0.0.2")
    monkeypatch.setenv("HOST", "127.0.0.3")
    assert load_settings().host == "127.0.0.2"


def test_only_a_few_have_a_plain_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAD_TIMEOUT", "1")
    assert load_settings().head_timeout == 10


def test_lists_are_written_with_commas_or_as_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tollkeeper.toml").write_text('allowed_hosts = ["a.example", "b.example"]\n')
    monkeypatch.setenv("TOLLKEEPER_TRUSTED_PROXIES", "192.0.2.1, 192.0.2.2")
    settings = load_settings()
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.trusted_proxies == ("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("head_timeout", "0"),
        ("max_body_bytes", "many"),
        ("ollama_base_url", "localhost:11434"),
        ("metrics_public", "perhaps"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TOLLKEEPER_{name.upper()}", value)
    with pytest.raises(ConfigError, match=f"^setting {name}: [^\n]* \\(TOLLKEEPER_{name.upper()}\\)$"):
        load_settings()


def test_a_file_that_is_no_toml_is_named() -> None:
    Path("tollkeeper.toml").write_text("port = \n")
    with pytest.raises(ConfigError, match=r"tollkeeper\.toml"):
        load_settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_no_well_known_secret_guards_a_port_that_others_reach(host: str) -> None:
    with pytest.raises(ConfigError, match="admin_api_key"):
        load_settings(host=host, admin_api_key="admin-secret-key")
    load_settings(host=host, admin_api_key="not-so-well-known-a-secret")
    load_settings(host="127.0.0.1", admin_api_key="admin-secret-key")


def test_the_admin_key_is_never_printed() -> None:
    assert "hush" not in repr(load_settings(admin_api_key="hush"))
