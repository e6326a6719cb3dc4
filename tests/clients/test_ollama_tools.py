"""A client of Ollama's own API calls a tool. That API forces no call, so the format of the answer does, before a real
Ollama."""

from __future__ import annotations

import re
from pathlib import Path

from tests.clients.document import Block, adapted
from tests.clients.installed import run
from tests.sdk.person import Person

# As those of with_tools.py, with the model of the rig whose template takes such an answer for a call.
LANGCHAIN = """
from typing import Literal
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
@tool
def price_of(kind: Literal["bridge", "tunnel"]) -> str:
    "A toll"
    print("called", kind)
    return "2 coins"
to = {"model": "llama3.2:1b", "base_url": "http://localhost:8000/k/sk-alice-123", "num_predict": 60, "temperature": 0}
kinds = {"type": "object", "properties": {"kind": {"enum": ["bridge", "tunnel"]}}, "required": ["kind"]}
call = {"name": {"enum": ["price_of"]}, "parameters": kinds}
format = {"type": "object", "properties": call, "required": [*call]}
messages = [("user", "What is a toll?")]
called = ChatOllama(**to, format=format).bind_tools([price_of]).invoke(messages)
(call,) = called.tool_calls
messages += [called, price_of.invoke(call)]
free = ChatOllama(**to)
print("said", len(free.invoke(messages).text.split()) > 0)
print("streamed", len(list(free.stream(messages))) > 1)
"""


def test_langchain_calls_a_tool_and_streams(person: Person, tmp_path: Path) -> None:
    ran = run([Block("python", "", adapted(LANGCHAIN, person.gateway.url, person.key))], "python", tmp_path)
    assert ran.status == 0, ran
    said = " ".join(ran.stdout.split())
    assert re.fullmatch(r"called (bridge|tunnel) said True streamed True", said), ran
    records = person.records(3)
    assert {(record["endpoint"], record["status"]) for record in records} == {("/api/chat", "completed")}
    assert all(record["prompt_tokens"] > 0 and record["completion_tokens"] > 0 for record in records)
