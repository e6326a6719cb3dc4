"""`tollkeeper load`, as a person runs it: options, output, exit codes, and secrecy of keys."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.commands import Program
from tests.scripted import ScriptedUpstream, chat_answer, json_response

SECRET = "sk-very-secret"
PROGRAM = [sys.executable, "-c", "from tollkeeper.cli.main import run; run()", "load"]


class ThreadedUpstream:
    """A scripted server in a separate thread: the command runs its event loop in the main thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.up = ScriptedUpstream()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.wait(self.up.__aenter__())

    def wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def end(self) -> None:
        self.wait(self.up.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedUpstream]:
    threaded = ThreadedUpstream()
    monkeypatch.setenv("TOLLKEEPER_URL", threaded.up.url)
    monkeypatch.setenv("TOLLKEEPER_API_KEY", SECRET)
    try:
        yield threaded.up
    finally:
        threaded.end()


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_the_report_is_printed(tollkeeper: Program, up: ScriptedUpstream) -> None:
    ended = tollkeeper("load", "-n", 25, "-c", 5, "-m", "tiny")
    assert ended.code == 0
    assert ended.err == ""
    for name in ("requests/s", "fastest", "average", "slowest", "p50", "p90", "p99", "status 200"):
        assert re.search(rf"^{re.escape(name)} +\S", ended.out, re.MULTILINE), name
    assert len(up.requests) == 25
    assert {request.header("authorization") for request in up.requests} == {f"Bearer {SECRET}".encode()}


def test_the_report_as_json(tollkeeper: Program, up: ScriptedUpstream) -> None:
    ended = tollkeeper("load", "-m", "tiny", "--stream", "--json", "-n", 7)
    told = json.loads(ended.out)
    assert ended.code == 0
    assert (told["url"], told["model"], told["stream"], told["connections"]) == (up.url, "tiny", True, 7)
    assert told["result"]["answered"] == 7
    assert told["result"]["completion_tokens"] == 14
    assert told["result"]["latency"]["count"] == told["result"]["first"]["count"] == 7


def test_the_default_is_100_requests(tollkeeper: Program, up: ScriptedUpstream) -> None:
    assert tollkeeper("load", "-m", "tiny").code == 0
    assert len(up.requests) == 100


def test_duration_and_rate(tollkeeper: Program, up: ScriptedUpstream) -> None:
    told = json.loads(tollkeeper("load", "-m", "tiny", "--duration", "0.2", "--rate", 100, "--json").out)
    assert told["rate"] == 100
    assert told["result"]["answered"] + told["result"]["failed"] == 20


def test_prompt_and_max_tokens(tollkeeper: Program, up: ScriptedUpstream) -> None:
    tollkeeper("load", "-m", "tiny", "-n", 1, "--prompt", "Grüße", "--max-tokens", 5)
    assert up.requests[0].json == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Grüße"}],
        "max_tokens": 5,
    }


def test_several_keys(tollkeeper: Program, up: ScriptedUpstream) -> None:
    tollkeeper("load", "-m", "tiny", "-n", 30, "-c", 3, "--key", "a, b", "--key", "c")
    assert {request.header("authorization") for request in up.requests} == {b"Bearer a", b"Bearer b", b"Bearer c"}


def test_the_key_is_never_shown(tollkeeper: Program, up: ScriptedUpstream, tmp_path: Path) -> None:
    echo = json_response({"error": {"code": SECRET, "message": SECRET}}, 401)
    up.answer(json_response(chat_answer()), echo, json_response(chat_answer()), echo)
    url = up.url.replace("//", f"//user:{SECRET}@")
    shown = [
        tollkeeper("load", "-m", "tiny", "-n", 2, "--url", url, "--html", tmp_path / "a.html"),
        tollkeeper("load", "-m", "tiny", "-n", 2, "--url", url, "--json"),
        tollkeeper("load", "-m", "tiny", "--key", f"{SECRET}\n"),
        tollkeeper("load", "-m", "tiny", "--key", f"{SECRET}é"),
    ]
    assert [ended.code for ended in shown] == [0, 0, 0, 2]
    assert SECRET not in "".join(ended.out + ended.err for ended in shown)
    assert SECRET not in (tmp_path / "a.html").read_text()
    assert "401" in (tmp_path / "a.html").read_text()


def test_the_exit_code_is_1_only_if_no_request_succeeds(tollkeeper: Program, up: ScriptedUpstream) -> None:
    refusal = json_response({"error": {"code": "rate_limit_exceeded"}}, 429)
    up.answer(json_response(chat_answer()), refusal)
    assert tollkeeper("load", "-m", "tiny", "-n", 2).code == 0
    up.answer(refusal, refusal)
    ended = tollkeeper("load", "-m", "tiny", "-n", 2, "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["result"]["errors"] == {"429 rate_limit_exceeded": 2}
    assert ended.err == "tollkeeper: no request succeeded\n"


def test_an_unreachable_gateway_is_one_line(tollkeeper: Program, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    ended = tollkeeper("load", "-m", "tiny", "--url", url)
    assert ended == (1, "", f"tollkeeper: cannot connect to {url}: connection refused\n")


def test_an_unwritable_page_fails_before_the_load(tollkeeper: Program, up: ScriptedUpstream, tmp_path: Path) -> None:
    ended = tollkeeper("load", "-m", "tiny", "--html", tmp_path / "absent" / "a.html")
    assert ended.code == 1
    assert "absent" in ended.err
    assert up.requests == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-m", "tiny", "-n", "0"],
        ["-m", "tiny", "-c", "0"],
        ["-m", "tiny", "--rate", "0"],
        ["-m", "tiny", "-n", "5", "--duration", "5"],
        ["-m", "tiny", "--url", "localhost:8000"],
        ["-m", "tiny", "--url", "ftp://localhost"],
        ["-m", "tiny", "--url", "http://localhost/?a=b"],
        ["-m", "tiny", "--timeout", "-1"],
    ],
)
def test_wrong_use(tollkeeper: Program, words: list[str]) -> None:
    assert tollkeeper("load", *words).code == 2


class Finished(NamedTuple):
    code: int
    out: str
    shown: str


def interrupted(url: str, *words: str) -> Finished:
    """The command on a terminal, ended by Ctrl-C once it reports ten responses. `shown` is its standard error."""
    master, slave = pty.openpty()
    command = [*PROGRAM, "-m", "tiny", "--url", url, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    shown = ""
    try:
        while not re.search(r"\d\d answered", shown):
            shown += os.read(master, 4096).decode()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        shown += os.read(master, 4096).decode()
    finally:
        process.kill()
        process.wait()
    os.close(master)
    return Finished(process.returncode, out, shown)


@pytest.mark.process
def test_ctrl_c_ends_the_load_with_a_report(up: ScriptedUpstream) -> None:
    ended = interrupted(up.url, "--duration", "3600", "-c", "2")
    assert ended.code == 0
    assert "stopped early" in ended.out
    assert re.search(r"^p99 +\S", ended.out, re.MULTILINE)
    assert re.search(r"of 3600 s: [\d,]+ answered, [\d,]+/s; 0 failed", ended.shown)
    assert ended.shown.endswith("\r\x1b[K")
    assert "Traceback" not in ended.shown
