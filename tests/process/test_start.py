"""The command `tollkeeper serve` as it is installed: what it says at the start, and how it refuses one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.process.served import PATIENCE

pytestmark = pytest.mark.process

COMMAND = Path(sys.executable).with_name("tollkeeper")
NOBODY = {"OLLAMA_BASE_URL": "http://127.0.0.1:9", "PORT": "0"}


def begin(folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "serve"], cwd=folder, env={"PATH": os.defpath, **NOBODY, **environment}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def first_lines(process: subprocess.Popen[str]) -> tuple[list[str], str]:
    """What it prints up to where it says that it listens; and its URL."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Tollkeeper listens on "):
            return lines, line.split()[-1]
    raise AssertionError(process.communicate())


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGTERM)
    printed = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed
    return printed


def refusal(folder: Path, **environment: str) -> tuple[int, str]:
    """The exit code and the one line that it leaves."""
    with begin(folder, **environment) as process:
        out, complaint = process.communicate(timeout=PATIENCE)
    assert out == ""
    assert complaint.count("\n") == 1, complaint
    return process.returncode, complaint


def test_the_admin_key_is_printed_by_the_first_start_once(tmp_path: Path):
    with begin(tmp_path) as process:
        lines, url = first_lines(process)
        (key,) = [word for line in lines for word in line.split() if word.startswith("sk-")]
        headers = {"authorization": f"Bearer {key}"}
        assert httpx.get(url + "/admin/users", headers=headers).status_code == 200
        assert httpx.get(url + "/admin/users", headers={"authorization": "Bearer sk-no"}).status_code == 401
        out, complaints = end(process)
    assert "".join([*lines, out, complaints]).count(key) == 1
    with begin(tmp_path) as process:
        lines, url = first_lines(process)
        assert httpx.get(url + "/admin/users", headers=headers).status_code == 200, "it works on"
        out, complaints = end(process)
    assert "sk-" not in "".join([*lines, out, complaints])
    assert key.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_key_that_is_given_is_not_printed(tmp_path: Path):
    with begin(tmp_path, ADMIN_API_KEY="chosen-by-the-operator") as process:
        lines, url = first_lines(process)
        headers = {"authorization": "Bearer chosen-by-the-operator"}
        assert httpx.get(url + "/admin/users", headers=headers).status_code == 200
        out, complaints = end(process)
    printed = "".join([*lines, out, complaints])
    assert "sk-" not in printed
    assert "chosen-by-the-operator" not in printed


def test_a_misspelt_setting_is_named_in_the_log(tmp_path: Path):
    with begin(tmp_path, TOLLKEEPER_HEAD_TIMOUT="5") as process:
        first_lines(process)
        _, complaints = end(process)
    assert complaints.count("TOLLKEEPER_HEAD_TIMOUT") == 1


def test_a_second_one_on_the_same_database(tmp_path: Path):
    with begin(tmp_path) as process:
        first_lines(process)
        code, complaint = refusal(tmp_path)
        assert (code, "tollkeeper.db is open in another process" in complaint) == (1, True)
        end(process)


def test_a_port_that_is_taken(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, complaint = refusal(tmp_path, PORT=port)
    assert (code, port in complaint) == (1, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"PORT": "80000"}, "port"),
        ({"TOLLKEEPER_HEAD_TIMEOUT": "soon"}, "head_timeout"),
        ({"TOLLKEEPER_MAX_BODY_BYTES": "0"}, "max_body_bytes"),
        ({"OLLAMA_BASE_URL": "localhost:11434"}, "ollama_base_url"),
        ({"HOST": "0.0.0.0", "ADMIN_API_KEY": "admin-secret-key"}, "admin_api_key"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, environment: dict[str, str], name: str):
    code, complaint = refusal(tmp_path, **environment)
    assert (code, name in complaint) == (2, True)
    assert list(tmp_path.iterdir()) == []
