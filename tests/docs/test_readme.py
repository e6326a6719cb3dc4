"""The examples of the README do what it says, and its links lead somewhere."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.docs.tables import ROOT, blocks, text
from tests.gateway.conftest import TEST, Gateway, running
from tests.scripted import ScriptedUpstream
from tollkeeper.cli.demo.prepare import prepare

ADDRESS = "http://localhost:8000"
DOCUMENTS = ["README.md", "SECURITY.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with the demo's samples, in front of a model that is scripted."""
    async with (
        ScriptedUpstream({"llama3.2:1b": ("completion",)}) as upstream,
        running(tmp_path, upstream.url) as gateway,
    ):
        await gateway.context.accounts.create_key("alice", TEST, secret="sk-alice-123")
        await prepare(gateway.context)
        yield gateway


async def test_curl(demo: Gateway) -> None:
    answers = [await send(command, demo.url) for command in blocks("README.md", "bash")]
    chat, own, everyones = answers
    assert chat["choices"][0]["message"]["content"]
    assert own["total"]["requests"] == 1
    assert own["total"]["total_tokens"] == chat["usage"]["total_tokens"]
    assert [(row["user_id"], row["model"]) for row in everyones["data"]] == [("alice", "llama3.2:1b")]


async def test_python(demo: Gateway) -> None:
    (code,) = blocks("README.md", "python")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code.replace(ADDRESS, demo.url), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert b"tokens" in said
    assert [record.status for record in await demo.records()] == ["completed", "completed"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links(document: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", text(document)):
        assert (ROOT / document).parent.joinpath(link).exists(), link


def test_the_readme_leads_to_every_document() -> None:
    assert {f"docs/{path.name}" for path in ROOT.glob("docs/*.md")} <= set(
        re.findall(r"\]\(([^)#]+)\)", text("README.md"))
    )


async def send(command: str, url: str) -> Any:
    """What `curl` would be answered: these tests run where there is none."""
    program, *words = shlex.split(command.replace("\\\n", " ").replace(ADDRESS, url))
    assert program == "curl"
    target, headers, body = "", {}, None
    options = iter(words)
    for word in options:
        if word == "-H":
            name, _, value = next(options).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(options)
        else:
            target = word
    async with httpx.AsyncClient() as client:
        answer = await client.request("POST" if body else "GET", target, headers=headers, content=body)
    assert answer.status_code == 200, answer.text
    return answer.json()
