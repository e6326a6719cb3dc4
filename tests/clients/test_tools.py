"""Each SDK calls a tool, answers to its result and streams, before a real engine that keeps to the tool's schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.document import ALIAS, Block, adapted
from tests.clients.engine import before_the_engine
from tests.clients.installed import run
from tests.clients.with_tools import INSTRUCTOR, SCRIPTS
from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE, write_all
from tests.process.served import Served
from tests.sdk.person import Person
from tollkeeper.cli.demo.engine.model import EngineModel

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """In place of the one before an Ollama."""
    folder = tmp_path_factory.mktemp("engine")
    write_all(folder)
    with before_the_engine(folder, EngineModel("tiny", str(folder / "tiny.gguf"), None)) as running:
        yield running


@pytest.mark.parametrize("name", SCRIPTS)
def test_calls_a_tool_and_streams(name: str, person: Person, tmp_path: Path) -> None:
    block = SCRIPTS[name]
    block = block._replace(code=adapted(block.code, person.gateway.url, person.key))
    runtime = "node" if block.language == "js" else "pydantic-ai" if name.startswith("pydantic-ai") else "python"
    ran = run([block], runtime, tmp_path)
    assert ran.status == 0, ran
    said = " ".join(ran.stdout.split())
    assert re.fullmatch(rf"called (bridge|tunnel) ({re.escape(SENTENCE)} ?){{2}}", said), ran
    streamed, answered, called = person.records(3)
    assert {record["requested_model"] for record in (streamed, answered, called)} == {ALIAS}
    assert [record["stream"] for record in (streamed, answered, called)] == [True, False, False]
    assert streamed["completion_tokens"] == answered["completion_tokens"] == ANSWER_TOKENS
    assert (called["finish_reason"], called["estimated"]) == ("tool_calls", False)


def test_instructor_reads_calls(person: Person, tmp_path: Path) -> None:
    """Of chat completions and of Messages."""
    ran = run([Block("python", "", adapted(INSTRUCTOR, person.gateway.url, person.key))], "python", tmp_path)
    assert ran.status == 0, ran
    assert re.fullmatch(r"(mood='(happy|sad)'\s){2}", ran.stdout), ran
    assert [record["endpoint"] for record in person.records(2)] == ["/v1/messages", "/v1/chat/completions"]
