"""The command `tollkeeper serve` as it is installed: what it says at the start, and how it refuses one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.process.command import COMMAND, NOBODY, begin, end, first_lines, refusal
from tests.process.served import PATIENCE

pytestmark = pytest.mark.process


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


@pytest.mark.parametrize("output", [">&-", ">/dev/full", "| true", ">&- <&-"])
def test_where_standard_output_is_no_use_the_key_is_on_standard_error(tmp_path: Path, output: str):
    shell = ["sh", "-c", f"exec {COMMAND} serve {output}"]
    if output == "| true":  # whose reader has gone before the first line
        shell = ["sh", "-c", f"mkfifo pipe; sleep 0 <pipe & exec {COMMAND} serve >pipe"]
    with subprocess.Popen(
        shell, cwd=tmp_path, env={"PATH": os.defpath, **NOBODY}, text=True, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Tollkeeper listens on "):
                break
        (key,) = [word for line in lines for word in line.split() if word.startswith("sk-bootstrap-")]
        headers = {"authorization": f"Bearer {key}"}
        assert httpx.get(lines[-1].split()[-1] + "/admin/users", headers=headers).status_code == 200
        for number in range(3):
            held = Path(f"/proc/{process.pid}/fd/{number}").resolve().name
            assert not held.startswith("tollkeeper.db"), "what is printed would be written into it"
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(PATIENCE) == 0


def test_a_key_that_nobody_can_see_is_not_made(tmp_path: Path):
    with (tmp_path / "complaint").open("w") as complaint:
        done = subprocess.run(
            ["sh", "-c", f"exec {COMMAND} serve >/dev/full 2>/dev/full"], cwd=tmp_path, check=False, stderr=complaint,
            env={"PATH": os.defpath, **NOBODY}, timeout=PATIENCE,
        )  # fmt: skip
    assert done.returncode == 1
    with begin(tmp_path) as process:
        lines, _ = first_lines(process)
        end(process)
    assert "bootstrap admin key, made just now" in lines[0], "the next start makes one that is seen"


@pytest.mark.parametrize("words", ["--help", "db check", "ledger export --format csv"])
def test_a_command_whose_output_cannot_be_written_says_so(tmp_path: Path, words: str):
    with begin(tmp_path) as process:
        first_lines(process)
        end(process)
    for output, reason in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        done = subprocess.run(
            ["sh", "-c", f"exec {COMMAND} {words} {output}"], cwd=tmp_path, env={"PATH": os.defpath}, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n"), reason in done.stderr) == (1, 1, True), done
