"""What peers are told, and what is done where one cannot be installed."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from bench.contenders import installed
from bench.contenders.contender import KEYS, WRONG_KEY, Contender, Place, Running, Target
from bench.contenders.litellm import LiteLLM
from bench.contenders.litellm_rs import LiteLLMRs
from bench.contenders.nginx import Nginx
from bench.contenders.pins import PINS
from bench.contenders.portkey import Portkey
from bench.contenders.sglang_router import SglangRouter
from bench.contenders.tollkeeper import Tollkeeper
from bench.processes import BenchError

EVERYBODY: list[Contender] = [Nginx(), SglangRouter(), Portkey(), LiteLLMRs(), LiteLLM(), Tollkeeper()]


@pytest.mark.parametrize("contender", EVERYBODY, ids=lambda contender: contender.name)
def test_is_told_where_to_serve_and_whom_to_ask(contender: Contender, tmp_path: Path):
    command = contender.command(Place(tmp_path, 18_001, 18_002))
    told = " ".join(command.arguments) + "".join(path.read_text() for path in tmp_path.iterdir())
    assert "18001" in told
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


def test_versions_are_exact_but_for_what_the_distribution_brings():
    assert all(re.fullmatch(r"\d+(\.\d+)+", pin.version) for name, pin in PINS.items() if name != "nginx")


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
