"""A pool of scripted upstreams behind the whole gateway, and what a test looks at when it is over."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2 as httpx

from tests.gateway.conftest import ADMIN, Gateway, ask
from tests.scripted import Conn, Request, Script, ScriptedUpstream, chat_answer, chat_chunks, json_response, sse
from tests.services.upstreams.http.helpers import until
from tests.shapes import streamed
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Upstream

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
CHAT = "POST /v1/chat/completions"
Start = Callable[..., AbstractAsyncContextManager[Gateway]]


def saying(text: str) -> Script:
    """Answers every chat with this text, streamed where it is asked for."""

    async def script(conn: Conn, request: Request) -> None:
        model = request.json["model"]
        if request.json.get("stream"):
            await conn.send(streamed(*sse(*chat_chunks([text], model=model))))
        else:
            await conn.send(json_response(chat_answer(text, model=model)))

    return script


class Held:
    """A script that answers when the test says so: each request in the order in which it came, or a chosen one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """The last message of each request, in the order of their coming."""
        self._gates: list[asyncio.Event] = []

    async def __call__(self, conn: Conn, request: Request) -> None:
        gate = asyncio.Event()
        text = request.json["messages"][-1]["content"]
        self.asked.append(text)
        self._gates.append(gate)
        await gate.wait()
        answer = saying(text)
        assert not isinstance(answer, bytes)
        await answer(conn, request)

    def release(self, place: int) -> None:
        self._gates[place].set()

    def release_all(self) -> None:
        for gate in self._gates:
            gate.set()


class Pool:
    """The gateway, and its upstreams by id."""

    def __init__(self, gateway: Gateway, machines: dict[str, ScriptedUpstream]) -> None:
        self.gateway = gateway
        self.machines = machines

    def __getitem__(self, name: str) -> ScriptedUpstream:
        return self.machines[name]

    @property
    def line(self) -> Any:
        return self.gateway.context.selection.line

    def upstream(self, name: str) -> Upstream:
        return next(each for each in self.gateway.context.registry if each.config.id == name)

    def calls(self, path: str = CHAT) -> dict[str, int]:
        """How often each was called, without those that never were."""
        return {name: count for name, machine in self.machines.items() if (count := len(machine.calls(path)))}

    def recover(self) -> None:
        """Forget failures and rests, as when an admin saves the upstreams."""
        for upstream in self.gateway.context.registry:
            upstream.health.clear()

    async def disconnect(self, name: str) -> None:
        """End the connections that are kept alive to an upstream."""
        for conn in self[name].connections:
            conn.abort()
        await until(lambda: not self.upstream(name).client.statistics().open)  # type: ignore[attr-defined]

    async def say(self, text: str = "hi", user: str = "alice", *, headers: Any = None, **fields: Any) -> httpx.Response:
        """Ask as one user, who says this."""
        given = {"authorization": f"Bearer {self.gateway.secrets[user]}", **(headers or {})}
        body = ask(messages=[{"role": "user", "content": text}], **fields)
        return await self.gateway.client.post("/v1/chat/completions", json=body, headers=given)

    async def served_by(self, text: str = "hi", **given: Any) -> str:
        answer = await self.say(text, **given)
        assert answer.status_code == 200, answer.text
        return said(answer)

    def metric(self, name: str) -> dict[tuple[str, str], int]:
        """A counter, by upstream and reason."""
        rows = re.findall(
            rf'{name}_total{{reason="(\w+)",upstream="(\w+)"}} (\d+)', self.gateway.metrics.text().decode()
        )
        return {(upstream, reason): int(count) for reason, upstream, count in rows}

    async def nothing_is_left(self) -> None:
        """No reservation, place in line, slot, trial or request is left."""
        context = self.gateway.context
        await until(lambda: not context.requests.active)
        counters: Any = context.admission.counters
        assert counters.held() == 0
        assert (len(self.line), self.line.users()) == (0, {})
        for upstream in context.registry:
            assert (upstream.load.running, upstream.load.running_by_model) == (0, {})
            statistics: Any = upstream.client.statistics()  # type: ignore[attr-defined]
            assert statistics.waiting == 0
        assert {name: each.running for name, each in self.line.statistics().items() if each.running} == {}
        assert context.selection._trials == {}


def said(answer: httpx.Response) -> str:
    """The text of an answer, streamed or whole."""
    if not answer.headers["content-type"].startswith("text/event-stream"):
        text: str = answer.json()["choices"][0]["message"]["content"]
        return text
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert not any("error" in event for event in events), answer.text
    return "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])


def code_of(answer: httpx.Response) -> str:
    """The code of an error, whether it is a response of its own or the last event of a stream."""
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = [line[6:] for line in text.splitlines() if line.startswith("data: ")][-1]
    code: str = json.loads(text)["error"]["code"]
    return code


@asynccontextmanager
async def pool(
    start: Start, *configs: dict[str, Any], models: Sequence[str] = ("tiny:latest",), **settings: Any
) -> AsyncIterator[Pool]:
    """A gateway before upstreams called a, b, c …, one for each of `configs`, which are fields of `UpstreamConfig`, and
    `models`. Each answers with its id."""
    async with AsyncExitStack() as stack:
        machines, given = {}, []
        for name, config in zip("abcdefgh", configs, strict=False):
            fields = dict(config)
            listed = fields.pop("listed", models)
            machine = await stack.enter_async_context(ScriptedUpstream(dict.fromkeys(listed, ("completion",))))
            machine.always(saying(name))
            machine.route("GET /v1/models", json_response({"data": [{"id": model} for model in listed]}))
            machines[name] = machine
            given.append(UpstreamConfig(name, fields.pop("kind", OLLAMA), machine.url, **fields))
        gateway = await stack.enter_async_context(start(upstreams=given, **settings))
        await gateway.context.catalog.refresh()
        yield Pool(gateway, machines)
