"""What peers are told, and what is done where one cannot be installed."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from bench.contenders import installed, one_api, recording
from bench.contenders.contender import CONNECTIONS, KEYS, WRONG_KEY, Contender, Place, Running, Target
from bench.contenders.litellm import LiteLLM
from bench.contenders.litellm_rs import LiteLLMRs
from bench.contenders.mlflow import MLflow
from bench.contenders.nginx import Nginx
from bench.contenders.one_api import OneApi
from bench.contenders.pins import PINS
from bench.contenders.portkey import Portkey
from bench.contenders.recording import Recording
from bench.contenders.sglang_router import SglangRouter
from bench.contenders.smg import Smg
from bench.contenders.tollkeeper import Tollkeeper
from bench.contenders.vllm_router import VllmRouter
from bench.processes import BenchError

BY_COMMAND: list[Contender] = [
    Nginx(), SglangRouter(), VllmRouter(), Smg(), Portkey(), LiteLLMRs(), LiteLLM(), Tollkeeper(),
]  # fmt: skip
"""Those whose upstream is told them before they start."""
EVERYBODY: list[Contender] = [*BY_COMMAND, OneApi(), MLflow()]


@pytest.mark.parametrize("contender", EVERYBODY, ids=lambda contender: contender.name)
def test_is_told_where_to_serve_and_whom_to_ask(contender: Contender, tmp_path: Path):
    command = contender.command(Place(tmp_path, 18_001, 18_002))
    told = " ".join([*command.arguments, *command.environment.values()])
    told += "".join(path.read_text() for path in tmp_path.iterdir())
    assert "18001" in told
    if contender in BY_COMMAND:
        assert re.search(r"127\.0\.0\.1:18002", told)


@pytest.mark.parametrize("contender", EVERYBODY, ids=lambda contender: contender.name)
def test_who_does_not_do_everything_says_so(contender: Contender):
    assert (contender.keys and contender.meters and contender.stores and not contender.lacks) or contender.lacks


def test_nginx_knows_each_key(tmp_path: Path):
    Nginx(100).command(Place(tmp_path, 1, 2))
    written = (tmp_path / "nginx.conf").read_text()
    assert all(f'"Bearer {key}" 1;' in written for key in KEYS)
    assert "worker_connections 100;" in written
    assert "worker_processes 1;" in written


def test_litellm_rs_reads_json_for_yaml_and_records(tmp_path: Path):
    LiteLLMRs().command(Place(tmp_path, 1, 2))
    written = json.loads((tmp_path / "gateway.yaml").read_text())
    assert written["storage"]["request_ledger"] == {"enabled": True}
    assert written["server"]["workers"] == 1


def test_tollkeeper_begins_with_the_database_that_it_is_given(tmp_path: Path):
    command = Tollkeeper(database=tmp_path / "old.db").command(Place(tmp_path, 1, 2))
    assert command.environment["TOLLKEEPER_DATABASE_PATH"] == str(tmp_path / "old.db")


def test_each_of_its_tenants_has_a_key_of_its_own(tmp_path: Path):
    arguments = Smg().command(Place(tmp_path, 1, 2)).arguments
    assert [key for key in KEYS if f"{key}:{key}" in arguments] == [*KEYS]


def test_keys_of_one_api_have_no_dash_after_the_first():
    assert len({key.removeprefix("sk-").partition("-")[0] for key in OneApi().known()}) == CONNECTIONS


def test_one_api_is_given_users_keys_and_an_upstream(tmp_path: Path):
    database = tmp_path / "one-api.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, username UNIQUE, password, access_token UNIQUE,"
            " aff_code UNIQUE, quota);"
            "CREATE TABLE tokens (user_id, key UNIQUE, name, remain_quota);"
            "CREATE TABLE channels (id INTEGER PRIMARY KEY, type, key, name, base_url, models);"
            "CREATE TABLE abilities (`group`, model, channel_id, enabled);"
            "CREATE TABLE options (key PRIMARY KEY, value);"
        )
        one_api.add_users(database, ["sk-one", "sk-two"])
        one_api.add_upstream(database, 18_002)
        owners = "SELECT key, username FROM tokens JOIN users ON users.id = user_id ORDER BY key"
        assert connection.execute(owners).fetchall() == [("one", "bench1000"), ("two", "bench1001")]
        assert connection.execute("SELECT * FROM abilities").fetchall() == [("default", "mock", 1, 1)]
        assert connection.execute("SELECT base_url FROM channels").fetchall() == [("http://127.0.0.1:18002",)]


def test_what_answers_as_it_should_not_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(one_api, "WAIT_SECONDS", 0.0)
    with pytest.raises(BenchError, match="still answers 401"):
        one_api.await_upstream(Answering())
    one_api.await_upstream(Answering("right"))


class Kept(Recording):
    """One that answered some requests, and whose database holds some records."""

    def __init__(self, database: Path, answered: int) -> None:
        Target.__init__(self, "one", 1, ["right"])
        self._database, self._query, self._before = database, "SELECT count(*) FROM kept", 1
        self.answered = answered


@pytest.mark.parametrize(("answered", "less"), [(2, 0), (5, 3), (1, -1)])
def test_answers_less_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: int, less: int):
    monkeypatch.setattr(recording, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(recording, "LATE_SECONDS", 0.0)
    with closing(sqlite3.connect(tmp_path / "kept.db")) as connection:
        connection.executescript("CREATE TABLE kept (id); INSERT INTO kept VALUES (1), (2), (3)")
        connection.commit()
    assert Kept(tmp_path / "kept.db", answered).less_records() == less


def test_versions_are_exact_but_for_what_the_distribution_brings():
    assert all(re.fullmatch(r"v?\d+(\.\d+)+", pin.version) for name, pin in PINS.items() if name != "nginx")


class Answering(Running):
    """It answers some keys with 200."""

    def __init__(self, *good: str) -> None:
        Target.__init__(self, "one", 1, ["right"])
        self._good = good

    def status(self, key: str) -> int:
        return 200 if key in self._good else 401


@pytest.mark.parametrize(
    ("contender", "good", "complaint"),
    [
        (Nginx(), ["right"], None),
        (Nginx(), [], "answers 401 to a request with its key"),
        (Nginx(), ["right", WRONG_KEY], "answers 200 to a request with a wrong key"),
        (Portkey(), ["right", WRONG_KEY], None),
        (Portkey(), ["right"], "answers 401 to a request with a wrong key"),
    ],
)
def test_what_is_said_of_keys_is_tried(contender: Contender, good: list[str], complaint: str | None):
    with pytest.raises(BenchError, match=complaint) if complaint else nullcontext():
        contender.try_keys(Answering(*good))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(installed, "PEERS", tmp_path)
    return tmp_path


def test_what_is_installed_is_not_installed_again(cache: Path, monkeypatch: pytest.MonkeyPatch):
    ran: list[str] = []
    monkeypatch.setattr(installed, "_run", lambda arguments, **_: ran.append(arguments[0]))
    installed.node_package("portkey")
    installed.node_package("portkey")
    assert ran == ["npm"]
    wanted = json.loads((installed.folder("portkey") / "package.json").read_text())
    assert wanted["dependencies"] == {"@portkey-ai/gateway": PINS["portkey"].version}
    assert wanted["overrides"] == PINS["portkey"].beside


def test_a_go_program_imports_the_pinned_module(cache: Path, monkeypatch: pytest.MonkeyPatch):
    ran: list[list[str]] = []
    monkeypatch.setattr(installed, "_run", lambda arguments, **_: ran.append([*arguments]))
    OneApi().install()
    home, pin = installed.folder("one-api"), PINS["one-api"]
    assert ran[0][:3] == ["go", "get", f"{pin.package}@{pin.version}"]
    assert ran[1][:2] == ["go", "build"]
    assert f'"{pin.package}/router"' in (home / "main.go").read_text()
    assert (home / "go.mod").read_text() == "module bench/one-api\n"


def test_what_failed_is_said_and_tried_again(cache: Path, monkeypatch: pytest.MonkeyPatch):
    real = installed._run
    failing = ["bash", "-c", "echo the registry is away >&2; exit 3"]
    monkeypatch.setattr(installed, "_run", lambda arguments, **_: real(failing))
    for _ in range(2):
        with pytest.raises(BenchError, match="the registry is away"):
            installed.crate("litellm-rs")
    assert not installed.is_installed("litellm-rs")


def test_a_client_that_is_not_there_is_named():
    with pytest.raises(BenchError, match="no-such-client is needed"):
        installed._run(["no-such-client", "install"])
