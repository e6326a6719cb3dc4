"""Output and exit codes of wrong use; a run that succeeds is tested in demo/test_command.py."""

import gc
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tollkeeper.cli.main import run


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of this machine, and no Ollama."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLKEEPER_OLLAMA_BASE_URL", "http://127.0.0.1:9")


def ends(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tollkeeper", *words])
    with pytest.raises(SystemExit) as stop:
        run()
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_help_lists_the_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(monkeypatch, "--help") == 0
    out = capsys.readouterr().out
    assert "serve" in out
    assert "demo" in out


@pytest.mark.parametrize(
    "words",
    [["fly"], ["serve", "--port", "x"], ["serve", "--port", "65536"], ["demo", "--port", "-1"], ["demo", "--what"]],
)
def test_invalid_arguments_are_wrong_use(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    assert ends(monkeypatch, *words) == 2


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_an_invalid_setting_is_one_line_and_wrong_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("TOLLKEEPER_MAX_BODY_BYTES", "many")
    assert ends(monkeypatch, command) == 2
    error = capsys.readouterr().err
    assert error.startswith("tollkeeper: setting max_body_bytes: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gateway.example"])
def test_the_demo_accepts_loopback_addresses_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    assert ends(monkeypatch, "demo", "--host", host) == 2
    assert "loopback" in capsys.readouterr().err


def test_the_demo_ignores_the_host_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert ends(monkeypatch, "demo", "--port", str(taken.getsockname()[1])) == 1
    assert "on 127.0.0.1 is taken" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_taken_port_fails_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert ends(monkeypatch, command, "--port", port) == 1
    error = capsys.readouterr().err
    assert f"port {port} on 127.0.0.1 is taken" in error
    assert error.count("\n") == 1


def test_a_demo_without_weights_fails_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ends(monkeypatch, "demo", "--port", "0", "--weights", "absent.gguf") == 1
    assert "absent.gguf" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("--help",), ("serve", "--help"), ("ledger", "verify", "--help"), ("upstreams", "add", "--help")]
)
def test_help_does_not_import_the_gateway(words: tuple[str, ...]) -> None:
    """Its libraries take five times as long to import as help takes to show."""
    script = (
        "import sys, tollkeeper.cli.main as main\n"
        "try:\n    main.run()\n"
        "finally:\n    print('imported:', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=True, text=True)
    imported = shown.stdout.rpartition("imported: ")[2].split()
    assert "typer" in imported
    assert not {"fastapi", "httpcore2", "sqlalchemy", "structlog", "uvicorn"} & {*imported}


@pytest.mark.parametrize("words", [("serve", "--ollama", "no address"), ("db", "check"), ("ledger", "verify")])
def test_garbage_collection_resumes_after_imports(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    assert ends(monkeypatch, *words) in (1, 2)
    assert gc.isenabled()
