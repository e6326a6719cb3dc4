"""The ways in which settings are given, and what looks like one and is none."""

from pathlib import Path

import pytest

from tollkeeper.config import ConfigError, Settings, load_settings, settings_warnings


@pytest.fixture(autouse=True)
def empty_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "HOST", "ADMIN_API_KEY", "OLLAMA_BASE_URL", "DATABASE_PATH"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"TOLLKEEPER_{name}", raising=False)


@pytest.mark.parametrize("name", list(Settings.model_fields))
@pytest.mark.parametrize("plain", [False, True])
def test_an_empty_variable_is_one_that_is_not_set(monkeypatch, name, plain):
    default = getattr(load_settings(), name)
    spelled = name.upper() if plain else f"TOLLKEEPER_{name.upper()}"
    monkeypatch.setenv(spelled, "")
    Path(".env").write_text(f"{spelled}=\n")
    assert getattr(load_settings(), name) == default
    assert settings_warnings() == []


def test_an_empty_variable_hides_no_other(monkeypatch):
    Path("tollkeeper.toml").write_text("port = 1\n")
    monkeypatch.setenv("TOLLKEEPER_PORT", "")
    assert load_settings().port == 1
    monkeypatch.setenv("PORT", "2")
    assert load_settings().port == 2


def test_names_that_are_no_settings(monkeypatch):
    Path("tollkeeper.toml").write_text("prot = 1\nport = 2\n")
    Path(".env").write_text("TOLLKEEPER_PROT=1\nOTHERS=1\n")
    for name in ("TOLLKEEPER_HEAD_TIMOUT", "TOLLKEEPER_", "XTOLLKEEPER_A", "TOLLKEEPER_URL", "TOLLKEEPER_API_KEY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("tollkeeper_head_timeout", "5")
    assert settings_warnings() == [
        "tollkeeper.toml: no setting has the name 'prot'",
        "no setting has the name TOLLKEEPER_PROT in .env",
        "no setting has the name TOLLKEEPER_ in the environment",
        "no setting has the name TOLLKEEPER_HEAD_TIMOUT in the environment",
    ]
    assert load_settings().head_timeout == 5


OF_A_SERVICE = {
    "TOLLKEEPER_PORT": "tcp://10.43.161.118:8000",
    "TOLLKEEPER_PORT_8000_TCP": "tcp://10.43.161.118:8000",
    "TOLLKEEPER_PORT_8000_TCP_ADDR": "10.43.161.118",
    "TOLLKEEPER_PORT_8000_TCP_PORT": "8000",
    "TOLLKEEPER_PORT_8000_TCP_PROTO": "tcp",
    "TOLLKEEPER_SERVICE_HOST": "10.43.161.118",
    "TOLLKEEPER_SERVICE_PORT": "8000",
    "TOLLKEEPER_SERVICE_PORT_HTTP": "8000",
    "TOLLKEEPER_TEST_SERVICE_HOST": "10.43.161.119",
    "TOLLKEEPER_TEST_PORT": "tcp://10.43.161.119:80",
}


def test_what_kubernetes_sets_for_a_service_is_passed_over_with_one_warning(monkeypatch):
    for name, value in OF_A_SERVICE.items():
        monkeypatch.setenv(name, value)
    assert load_settings().port == 8000
    monkeypatch.setenv("PORT", "8080")
    assert load_settings().port == 8080
    (warning,) = settings_warnings()
    assert all(name in warning for name in OF_A_SERVICE)
    assert "Kubernetes" in warning


def test_a_port_of_ours_beside_what_kubernetes_sets(monkeypatch):
    for name, value in OF_A_SERVICE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOLLKEEPER_PORT", "9000")
    assert load_settings().port == 9000
    (warning,) = settings_warnings()
    assert "TOLLKEEPER_PORT," not in warning


@pytest.mark.parametrize("value", ["x86_64-conda-linux-gnu", "aarch64-conda-linux-gnu", "arm64-apple-darwin20.0.0"])
def test_the_platform_that_conda_calls_host_is_passed_over_with_one_warning(monkeypatch, value):
    monkeypatch.setenv("HOST", value)
    assert load_settings().host == "127.0.0.1"
    (warning,) = settings_warnings()
    assert f"HOST={value}" in warning
    assert "conda" in warning
    monkeypatch.setenv("TOLLKEEPER_HOST", "::1")
    assert load_settings().host == "::1"


@pytest.mark.parametrize("name", [".env", "tollkeeper.toml"])
def test_a_folder_in_place_of_a_file_is_named(name):
    """Container engines make one where the file to mount is missing."""
    Path(name).mkdir()
    with pytest.raises(ConfigError, match=f"^{name} cannot be read: it is a folder$"):
        load_settings()


def test_a_file_that_cannot_be_read_is_named():
    Path("tollkeeper.toml").write_text("port = = 1\n")
    with pytest.raises(ConfigError, match=r"tollkeeper\.toml"):
        load_settings()
