"""The demo as a person starts it: the process, its output, requests by the OpenAI SDK, and its end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import OpenAI

from tests.ollama.rig import TALKING_MODEL
from tests.process.served import PATIENCE
from tollkeeper.cli.demo.texts import SAMPLE_IMAGE

pytestmark = pytest.mark.process

PROGRAM = str(Path(sys.executable).with_name("tollkeeper"))
IMAGE = f"data:image/png;base64,{SAMPLE_IMAGE}"


class Demo:
    """A running demo. `output` is what it printed until it was ready."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.output = ""
        for line in process.stdout:
            self.output += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"Tollkeeper is up: (\S+)", self.output)
        assert found, f"it did not come up:\n{self.output}"
        self.url = found[1]

    def client(self, key: str = "sk-alice-123") -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)

    def children(self) -> list[int]:
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Demo]:
    """Run the demo in `folder`, which is also where its temporary files go."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOLLKEEPER_")}
    environment |= {"TMPDIR": str(folder), "OLLAMA_BASE_URL": "http://127.0.0.1:9"}
    command = [PROGRAM, "demo", "--port", "0", "--weights", str(TALKING_MODEL), *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment
    )
    with process:
        try:
            yield Demo(process)
        finally:
            process.kill()


def gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_requests_succeed_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with running(tmp_path) as demo, demo.client() as client:
        assert "small stand-in" in demo.output
        answer = client.chat.completions.create(
            model="llama3.2", messages=[{"role": "user", "content": "What is a toll?"}], max_tokens=20
        )
        assert answer.model == "llama3.2:1b"
        assert answer.choices[0].message.content
        assert answer.usage is not None
        assert answer.usage.prompt_tokens > 0
        assert answer.usage.completion_tokens > 0
        seen = client.chat.completions.create(
            model="moondream",
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": IMAGE}},
                    ],
                }
            ],
            max_tokens=20,
        )
        assert seen.choices[0].message.content
        assert seen.usage is not None
        assert seen.usage.prompt_tokens > 16
        assert seen.usage.completion_tokens > 0
        pieces = list(
            client.chat.completions.create(
                model="llama3.2",
                messages=[{"role": "user", "content": "Count to five."}],
                max_tokens=20,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
        assert pieces[-1].usage is not None
        assert pieces[-1].usage.completion_tokens > 0
        children = demo.children()
        assert len(children) == 2
        assert demo.stop() == 0
        assert all(gone(child) for child in children)
        assert list(tmp_path.iterdir()) == []


def test_a_data_folder_is_kept_and_reused(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    for round_ in (1, 2):
        with running(tmp_path, "--data", str(data)) as demo, demo.client("sk-bob-456") as client:
            client.chat.completions.create(
                model="llama3.2", messages=[{"role": "user", "content": "Hello"}], max_tokens=2
            )
            summary = client.get("/usage/summary", cast_to=dict[str, dict[str, int]])
            assert summary["total"]["requests"] == round_
            assert demo.stop(signal.SIGINT) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_engine_ends_when_the_demo_is_killed(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        children = demo.children()
        assert demo.stop(signal.SIGKILL) == -signal.SIGKILL
        assert all(gone(child) for child in children)
