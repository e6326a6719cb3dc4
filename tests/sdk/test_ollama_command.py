"""The command line `ollama`, with nothing but `OLLAMA_HOST`: the gateway's address, and a key in its path."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.ollama.rig import Ollama, find_binary
from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE
from tests.process.served import PATIENCE
from tests.sdk.person import Person

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Command:
    """Runs the command in a home of its own."""

    def __init__(self, host: str, home: Path) -> None:
        self._environment = {"OLLAMA_HOST": host, "HOME": str(home), "PATH": os.defpath, "TERM": "dumb"}

    def __call__(self, *words: str) -> tuple[int, str]:
        """Its status, and what it printed, without escapes of the terminal."""
        ran = subprocess.run(
            [find_binary(), *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return ran.returncode, ESCAPES.sub("", (ran.stdout + ran.stderr).decode())

    def typed(self, *words: str, lines: list[tuple[str, str]]) -> str:
        """What it prints at a terminal, where each line is typed once a text before it has come."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [find_binary(), *words], env=self._environment, stdin=slave, stdout=slave, stderr=slave, close_fds=True
        )
        os.close(slave)
        shown, deadline = "", time.monotonic() + PATIENCE
        try:
            for before, line in lines:
                at = len(shown)
                while before not in shown[at:]:
                    ready, _, _ = select.select([master], [], [], max(0, deadline - time.monotonic()))
                    assert ready, f"{before!r} did not come:\n{shown}"
                    shown += ESCAPES.sub("", os.read(master, 65_536).decode(errors="replace"))
                os.write(master, line.encode() + b"\r")
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
            os.close(master)
        return shown


@pytest.fixture
def command(person: Person, tmp_path: Path) -> Command:
    return Command(f"{person.gateway.url}/k/{person.key}", tmp_path)


def test_list_and_show(command: Command, person: Person, ollama: Ollama) -> None:
    status, listed = command("list")
    assert status == 0
    names = {line.split()[0] for line in listed.splitlines()[1:]}
    assert names == {model["name"] for model in ollama.ask("/api/tags").json()["models"]}
    status, shown = command("show", "llama3.2:1b")
    assert status == 0
    assert re.search(r"parameters +134\.52M", shown)
    assert "tools" in shown
    assert person.records(0) == []


def test_run_and_ps(command: Command, person: Person) -> None:
    status, said = command("run", "tiny", "Say")
    assert (status, SENTENCE in " ".join(said.split())) == (0, True), said
    record = person.record()
    assert (record["endpoint"], record["completion_tokens"]) == ("/api/generate", ANSWER_TOKENS)
    deadline = time.monotonic() + PATIENCE
    while "tiny:latest" not in (listed := command("ps")[1]):  # which the gateway reads every few seconds
        assert time.monotonic() < deadline, listed
        time.sleep(0.2)
    assert "100% CPU" in listed


def test_run_with_an_image(command: Command, person: Person, tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 48), (200, 30, 30)).save(path)
    status, said = command("run", "tiny-vision", f"What is it? {path}")
    assert status == 0, said
    assert "Added image" in said
    assert person.record()["prompt_tokens"] > 22, "the image is counted"


def test_run_at_a_terminal(command: Command, person: Person) -> None:
    shown = command.typed("run", "tiny", lines=[(">>>", "Say"), ("last word.", "/bye")])
    assert "Error" not in shown
    record = person.record()
    assert (record["endpoint"], record["stream"], record["completion_tokens"]) == ("/api/chat", True, ANSWER_TOKENS)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("pull", "tiny"), "for admins"),
        (("rm", "tiny"), "for admins"),
        (("cp", "tiny", "other"), "for admins"),
        (("run", "nothing", "Say"), "for admins"),
        (("show", "nothing"), "does not exist here"),
    ],
)
def test_what_it_cannot_do_is_said(command: Command, words: tuple[str, ...], why: str) -> None:
    status, said = command(*words)
    assert (status, why in said) == (1, True), said


def test_a_wrong_key_says_so(person: Person, tmp_path: Path) -> None:
    status, said = Command(f"{person.gateway.url}/k/sk-mallory-0123456789abcdef", tmp_path)("list")
    assert status == 1
    assert "Incorrect API key provided" in said
