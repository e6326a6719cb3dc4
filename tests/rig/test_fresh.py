"""The README's commands on a bare Debian: what this machine has, and a bare one lacks, shows here."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
import pytest

ROOT = Path(__file__).parents[2]
FRESH = ROOT / "scripts/fresh"
PATIENCE = 1500.0

pytestmark = [pytest.mark.process, pytest.mark.long]


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        return port


def processes_of(pid: int) -> list[int]:
    """It and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in processes_of(int(child)))]


def test_the_demo_answers_and_shows_a_page_and_a_kill_leaves_nothing(tmp_path: Path):
    port = free_port()
    log = tmp_path / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen([FRESH, "scripts/demo", "--port", str(port)], stdout=subprocess.PIPE, stderr=said) as process,
    ):
        try:
            assert process.stdout is not None
            printed = iter(lambda: process.stdout.readline().decode(), "")  # type: ignore[union-attr] # asserted above
            assert any(f":{port}" in line for line in printed), log.read_text()
            url = f"http://127.0.0.1:{port}"
            answer = httpx.post(
                f"{url}/v1/chat/completions",
                headers={"authorization": "Bearer sk-alice-123"},
                json={
                    "model": "llama3.2",
                    "messages": [{"role": "user", "content": "What is a toll?"}],
                    "max_tokens": 8,
                },
                timeout=120,
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["choices"][0]["message"]["content"]
            page = httpx.get(f"{url}/ui/login", timeout=30)
            assert page.status_code == 200
            [script] = set(re.findall(r'<script[^>]* src="([^"]+)"', page.text))
            assert httpx.get(url + script, timeout=30).status_code == 200
            running = processes_of(process.pid)
            assert len(running) > 3
        finally:
            process.send_signal(signal.SIGKILL)
    # A killed process is gone when it was waited for; those of its namespace end right behind it.
    for pid in running:
        waited = subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], timeout=60, check=False)
        assert waited.returncode == 0
    assert "fresh/mount" not in Path("/proc/self/mounts").read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=5)


def test_the_quick_loop_passes():
    """It sets itself up, and finds all that any of its tests needs: each function is run, with one set of its
    parameters (`tests.rig.once`). That they pass with all others, too, the same tests show on this machine."""
    loop = [str(FRESH), "scripts/test", "unit", "-p", "tests.rig.once"]
    ran = subprocess.run(loop, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-20_000:]
    assert re.search(r"\d{3,} passed", ran.stdout)


def test_without_root_it_says_what_is_missing():
    ran = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/tmp", FRESH],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "needs root" in ran.stderr
