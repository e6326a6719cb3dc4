"""Each agent, by its block in docs/clients.md, does its task before each kind of upstream; and the ledger has the
figures of the script, to the token and to the cent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest

from tests.agents.model import KINDS, MODEL, Kind, scripted_model
from tests.agents.script import Call, Script, Usage
from tests.clients.document import ALIAS, QUESTION, Block, blocks
from tests.clients.installed import NOWHERE, run
from tests.process.served import ADMIN, PATIENCE, Served, served
from tests.process.strace import can_trace, noting_connections, reached

pytestmark = pytest.mark.process

TASK = "Write pear, apple and fig to words.txt, look at it, and sort it into sorted.txt."
"""What is asked in place of the question in the blocks."""
ANSWER = "The words are sorted."
WORDS, SORTED = "pear\napple\nfig\n", "apple\nfig\npear\n"
SORT = "sort words.txt > sorted.txt && wc -l sorted.txt"
SORTS = {"command": SORT, "description": "Sorts the words"}

PRICES = {"input": Decimal(3), "cached_input": Decimal("0.3"), "output": Decimal(15)}
"""Dollars per million tokens."""
BUDGET = {"tokens_per_day": 1_000_000, "cost_usd_per_day": 20}


class Agent(NamedTuple):
    """A section of docs/clients.md; and how the agent writes a file, reads it and runs a command, in its folder."""

    section: str
    calls: Callable[[Path], list[Call]]


def by_opencode(folder: Path) -> list[Call]:
    words = str(folder / "words.txt")
    return [
        Call("write", {"filePath": words, "content": WORDS}),
        Call("read", {"filePath": words}, "apple"),
        Call("bash", SORTS, "3 sorted.txt"),
    ]


def by_qwen_code(folder: Path) -> list[Call]:
    words = str(folder / "words.txt")
    return [
        Call("write_file", {"file_path": words, "content": WORDS}),
        Call("read_file", {"file_path": words}, "apple"),
        Call("run_shell_command", SORTS | {"is_background": False}, "3 sorted.txt"),
    ]


def by_claude_code(folder: Path) -> list[Call]:
    words = str(folder / "words.txt")
    return [
        Call("Write", {"file_path": words, "content": WORDS}),
        Call("Read", {"file_path": words}, "apple"),
        Call("Bash", SORTS, "3 sorted.txt"),
    ]


def by_codex(folder: Path) -> list[Call]:
    """Which has a shell, and writes and reads by it."""
    return [
        Call("exec_command", {"cmd": f"printf '%s' '{WORDS}' > words.txt"}),
        Call("exec_command", {"cmd": "cat words.txt"}, "apple"),
        Call("exec_command", {"cmd": SORT}, "3 sorted.txt"),
    ]


AGENTS = (
    Agent("Claude Code", by_claude_code),
    Agent("Codex", by_codex),
    Agent("opencode", by_opencode),
    Agent("Qwen Code", by_qwen_code),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.section)
async def test_does_its_task(agent: Agent, kind: Kind, tmp_path: Path) -> None:
    folder, place = tmp_path / "agent", tmp_path / "gateway"
    folder.mkdir()
    place.mkdir()
    script = Script(agent.calls(folder), ANSWER)
    async with scripted_model(kind, script) as upstream:
        await asyncio.to_thread(_let_work, agent, kind, upstream.url, folder, place, script)


def _let_work(agent: Agent, kind: Kind, url: str, folder: Path, place: Path, script: Script) -> None:
    with served(place, NOWHERE) as gateway:
        key = _prepare(gateway, kind, url)
        asking = [_asking(block) for block in blocks(agent.section, gateway.url, key)]
        connections = place / "connections"
        traced = can_trace()
        ran = run(asking, "node", folder, under=noting_connections(connections) if traced else ())
        assert ran.status == 0, ran
        if traced:
            assert reached(connections) == {"127.0.0.1"}
        assert ANSWER in ran.stdout, ran
        assert (folder / "words.txt").read_text() == WORDS
        assert (folder / "sorted.txt").read_text() == SORTED
        assert len(script.played) > len(script.calls)
        _check_books(gateway, key, script.played)


def _prepare(gateway: Served, kind: Kind, url: str) -> str:
    """The upstream, the price of its model, and a user with a budget: their key."""
    gateway.admin("DELETE", "/admin/upstreams/default")
    gateway.admin(
        "PUT", "/admin/prices", {"model": MODEL} | {f"{each}_usd_per_mtok": str(PRICES[each]) for each in PRICES}
    )
    fields = {"id": "scripted", "kind": kind.name, "base_url": url + kind.path, "secret": "sk-of-the-upstream"}
    gateway.admin("POST", "/admin/upstreams", fields)
    gateway.admin("PUT", "/admin/aliases", {ALIAS: MODEL})
    key = gateway.new_user("alice")
    gateway.admin("PUT", "/admin/users/alice/limits", BUDGET)
    return key


def _asking(block: Block) -> Block:
    return block._replace(code=block.code.replace(QUESTION, TASK))


def _check_books(gateway: Served, key: str, played: list[Usage]) -> None:
    """A record for each response, of its tokens and cost; what they sum up to is used, nothing is held, and nothing was
    refused or failed."""
    records = gateway.admin("GET", "/admin/users/alice/usage?limit=1000")["data"]
    assert Counter(map(_figures, records)) == Counter((*usage, _cost(usage)) for usage in played)
    assert {(record["status"], record["estimated"]) for record in records} == {("completed", False)}
    usage = gateway.ask(key, "GET", "/me")["usage"]
    tokens, cost = usage["tokens_per_day"], usage["cost_usd_per_day"]
    assert (tokens["used"], tokens["reserved"]) == (sum(each.prompt + each.completion for each in played), 0)
    assert (Decimal(str(cost["used"])), cost["reserved"]) == (sum(map(_cost, played)), 0)
    assert _counted(gateway, "refusals", "upstream_errors", "failed_attempts") == []


def _figures(record: dict[str, Any]) -> tuple[int, int, int, Decimal]:
    return (
        record["prompt_tokens"], record["completion_tokens"], record["cached_tokens"], Decimal(str(record["cost_usd"])),
    )  # fmt: skip


def _cost(usage: Usage) -> Decimal:
    """In dollars."""
    uncached = usage.prompt - usage.cached
    dollars = uncached * PRICES["input"] + usage.cached * PRICES["cached_input"] + usage.completion * PRICES["output"]
    return dollars / 1_000_000


def _counted(gateway: Served, *names: str) -> list[str]:
    """What the metrics of these names have counted."""
    bearer = {"authorization": f"Bearer {ADMIN}"}
    metrics = httpx.get(f"{gateway.url}/metrics", headers=bearer, timeout=PATIENCE, verify=False).text
    counters = tuple(f"tollkeeper_{name}_total" for name in names)
    return [line for line in metrics.splitlines() if line.startswith(counters)]
