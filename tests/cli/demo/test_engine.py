"""The engine's own processes, on a tiny model; the demo as a whole is in test_demo.py."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpcore2
import pytest
from msgspec import json

from tests.ollama.tiny_models import write_all
from tollkeeper.cli.demo.engine import engine
from tollkeeper.cli.demo.job import Job
from tollkeeper.cli.demo.projector import write_projector
from tollkeeper.cli.demo.texts import SAMPLE_IMAGE
from tollkeeper.cli.failure import Failure

WIDTH = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_all(folder)
    return folder / "tiny.gguf"


def job(weights: Path, projector: Path | None = None) -> Job:
    return Job("some-model", str(weights), str(projector) if projector else None)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # One that has ended and only waits to be collected is not alive.
    return state != "Z"


def ask(address: str, content: object, **more: object) -> httpcore2.Response:
    body = {"model": "some-model", "max_tokens": 20, "messages": [{"role": "user", "content": content}], **more}
    return httpcore2.request("POST", f"{address}/v1/chat/completions", content=json.encode(body))


async def test_it_answers_until_the_context_ends(tmp_path: Path, weights: Path) -> None:
    async with engine(job(weights), tmp_path / "log") as (address, pid):
        answer = json.decode(ask(address, "Hello").content)
        assert answer["choices"][0]["message"]["content"]
        assert answer["usage"]["completion_tokens"] > 0
        assert answer["model"] == "some-model"
    assert not alive(pid)


async def test_a_projector_of_ours_lets_it_take_images(tmp_path: Path, weights: Path) -> None:
    projector = tmp_path / "projector.gguf"
    write_projector(projector, WIDTH)
    text = {"type": "text", "text": "What is this?"}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{SAMPLE_IMAGE}"}}
    async with engine(job(weights, projector), tmp_path / "log") as (address, _):
        blind, seeing = (json.decode(ask(address, content).content) for content in ([text], [text, image]))
    assert seeing["usage"]["prompt_tokens"] >= blind["usage"]["prompt_tokens"] + 16


async def test_other_pages_of_a_browser_may_not_read_it(tmp_path: Path, weights: Path) -> None:
    async with engine(job(weights), tmp_path / "log") as (address, _):
        head = httpcore2.request("GET", f"{address}/v1/models", headers={"Origin": "http://evil.example"}).headers
    assert dict(head)[b"Access-Control-Allow-Origin"] == b""


async def test_a_model_that_does_not_load_is_a_failure_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"not a model")
    with pytest.raises(Failure, match="stand-in for some-model did not start") as failure:
        async with engine(job(tmp_path / "broken.gguf"), tmp_path / "log"):
            pytest.fail("it cannot have started")
    assert "Failed to init server" in str(failure.value)


async def test_what_the_engine_says_stays_out_of_the_terminal(
    tmp_path: Path, weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with engine(job(weights), tmp_path / "log") as (address, _):
        ask(address, "Hello")
    assert capfd.readouterr() == ("", "")
    assert "loading model" in (tmp_path / "log").read_text()


PARENT = """
import asyncio, sys
from pathlib import Path
from msgspec import json
from tollkeeper.cli.demo.engine import engine
from tollkeeper.cli.demo.job import Job

async def main():
    async with engine(json.decode(sys.argv[1], type=Job), Path(sys.argv[2])) as (_, pid):
        print(pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_parent_that_is_killed_leaves_no_engine(tmp_path: Path, weights: Path) -> None:
    command = [sys.executable, "-c", PARENT, json.encode(job(weights)).decode(), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, "the engine outlived its parent"
        time.sleep(0.02)
