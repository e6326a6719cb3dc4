"""Processes of the engine, with a tiny model; the whole demo is tested in test_command.py."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from msgspec import json

from tests.ollama.tiny_models import write_all
from tests.process.served import PATIENCE
from tollkeeper.cli.demo.engine.model import EngineModel
from tollkeeper.cli.demo.engine.process import run_engine
from tollkeeper.cli.demo.projector import write_projector
from tollkeeper.cli.demo.texts import SAMPLE_IMAGE
from tollkeeper.cli.failure import Failure

WIDTH = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_all(folder)
    return folder / "tiny.gguf"


def engine_model(weights: Path, projector: Path | None = None) -> EngineModel:
    return EngineModel("some-model", str(weights), str(projector) if projector else None)


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


async def test_the_engine_runs_until_the_context_ends(tmp_path: Path, weights: Path) -> None:
    async with run_engine(engine_model(weights), tmp_path / "log") as (address, pid):
        answer = json.decode(ask(address, "Hello").content)
        assert answer["choices"][0]["message"]["content"]
        assert answer["usage"]["completion_tokens"] > 0
        assert answer["model"] == "some-model"
    assert not alive(pid)


async def test_a_random_projector_makes_the_model_take_images(tmp_path: Path, weights: Path) -> None:
    projector = tmp_path / "projector.gguf"
    write_projector(projector, WIDTH)
    text = {"type": "text", "text": "What is this?"}
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{SAMPLE_IMAGE}"}}
    async with run_engine(engine_model(weights, projector), tmp_path / "log") as (address, _):
        blind, seeing = (json.decode(ask(address, content).content) for content in ([text], [text, image]))
    assert seeing["usage"]["prompt_tokens"] >= blind["usage"]["prompt_tokens"] + 16


ADD, NAME = (
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": arguments, "required": [*arguments]}},
    }
    for name, arguments in (
        ("add", {"a": {"type": "integer"}, "b": {"type": "integer"}}),
        ("name", {"what": {"enum": ["toll", "bridge"]}}),
    )
)
NAMED = {"type": "function", "function": {"name": "name"}}


def calls_of(message: Any) -> list[tuple[str, Any]]:
    return [(call["function"]["name"], json.decode(call["function"]["arguments"])) for call in message["tool_calls"]]


async def test_a_forced_call_is_made_and_keeps_to_the_schema(tmp_path: Path, weights: Path) -> None:
    """By a model that knows nothing: the grammar alone makes it a call."""
    async with run_engine(engine_model(weights), tmp_path / "log") as (address, _):
        more: dict[str, Any] = {"tools": [ADD, NAME], "max_tokens": 500}
        required = json.decode(ask(address, "Hello", tool_choice="required", **more).content)["choices"][0]
        named = json.decode(ask(address, "Hello", tool_choice=NAMED, **more).content)["choices"][0]
        free = json.decode(ask(address, "Hello", **more | {"max_tokens": 20}).content)["choices"][0]
        streamed = ask(address, "Hello", tool_choice=NAMED, stream=True, **more).content
    ((called, arguments),) = calls_of(required["message"])
    assert (required["finish_reason"], arguments.keys()) == (
        "tool_calls",
        {"add": {"a", "b"}, "name": {"what"}}[called],
    )
    assert calls_of(named["message"]) in ([("name", {"what": "toll"})], [("name", {"what": "bridge"})])
    assert "tool_calls" not in free["message"]
    *chunks, done = [line.removeprefix(b"data: ") for line in streamed.splitlines() if line]
    choices = [choice for chunk in chunks for choice in json.decode(chunk)["choices"]]
    deltas = [call["function"] for choice in choices for call in choice["delta"].get("tool_calls", ())]
    assert [delta["name"] for delta in deltas if "name" in delta] == ["name"]
    assert json.decode("".join(delta["arguments"] for delta in deltas))["what"] in {"toll", "bridge"}
    assert not any(choice["delta"].get("content") for choice in choices)
    assert (choices[-1]["finish_reason"], done) == ("tool_calls", b"[DONE]")


async def test_a_conversation_with_calls_and_results_is_read(tmp_path: Path, weights: Path) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}
    messages = [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 2?"},
        {"role": "assistant", "content": None, "tool_calls": [call, call]},
        {"role": "tool", "tool_call_id": "a", "content": "3"},
    ]  # fmt: skip
    async with run_engine(engine_model(weights), tmp_path / "log") as (address, _):
        asked = httpcore2.request(
            "POST", f"{address}/apply-template", content=json.encode({"messages": messages, "tools": [ADD]})
        )
    function = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
    assert json.decode(asked.content)["prompt"].partition("<|im_end|>\n")[2] == (
        "<|im_start|>user\n1 + 2?<|im_end|>\n"
        f"<|im_start|>assistant\n<tool_call>{function}, {function}</tool_call><|im_end|>\n"
        "<|im_start|>user\nResult of the function: 3<|im_end|>\n<|im_start|>assistant\n"
    )


async def test_web_pages_cannot_read_responses_of_the_engine(tmp_path: Path, weights: Path) -> None:
    async with run_engine(engine_model(weights), tmp_path / "log") as (address, _):
        head = httpcore2.request("GET", f"{address}/v1/models", headers={"Origin": "http://evil.example"}).headers
    assert dict(head)[b"Access-Control-Allow-Origin"] == b""


async def test_a_model_that_does_not_load_is_a_failure_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"not a model")
    with pytest.raises(Failure, match="stand-in for some-model did not start") as failure:
        async with run_engine(engine_model(tmp_path / "broken.gguf"), tmp_path / "log"):
            pytest.fail("it cannot have started")
    # llama.cpp's own words, or those of its binding, which come behind them unless the process dies before.
    assert re.search("model loading error|Failed to init server", str(failure.value))


async def test_the_engine_writes_to_its_log_only(
    tmp_path: Path, weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with run_engine(engine_model(weights), tmp_path / "log") as (address, _):
        ask(address, "Hello")
    assert capfd.readouterr() == ("", "")
    assert "loading model" in (tmp_path / "log").read_text()


PARENT = """
import asyncio, sys
from pathlib import Path
from msgspec import json
from tollkeeper.cli.demo.engine.process import run_engine
from tollkeeper.cli.demo.engine.model import EngineModel

async def main():
    async with run_engine(json.decode(sys.argv[1], type=EngineModel), Path(sys.argv[2])) as (_, pid):
        print(pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_engine_ends_when_its_parent_is_killed(tmp_path: Path, weights: Path) -> None:
    command = [sys.executable, "-c", PARENT, json.encode(engine_model(weights)).decode(), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while alive(pid):
        assert time.monotonic() < deadline, "the engine outlived its parent"
        time.sleep(0.02)
