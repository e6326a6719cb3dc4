"""One client's request and what its upstream does, in steps that the history takes when it likes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from msgspec import Struct

from tests.simulation.world import IMAGE, World, route_of
from tollkeeper.rules.errors import GatewayError, UpstreamFailure
from tollkeeper.rules.usage import Usage
from tollkeeper.services.runs import Run, Started
from tollkeeper.store.counting import Asked
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.counters import MemoryTaken
from tollkeeper.wire.openai import CHAT, EMBEDDINGS, Ask, Image
from tollkeeper.wire.openai_answer import NO_REPORT, UsageReport


class Heard(Struct, frozen=True):
    report: UsageReport = NO_REPORT
    finish_reason: str | None = None
    content_events: int = 0


@dataclass
class Plan:
    """What a request is and what becomes of it, in fractions where it depends on what it is let out with.
    `fails`: "never", "before" or "after" there is content."""

    user_id: str
    secret: str
    model: str
    stream: bool
    text_bytes: int
    images: int
    max_tokens: int | None
    choices: int
    embeds: bool
    fails: str
    told: bool
    honest: bool
    input_share: float
    output_share: float
    cached_share: float
    body_steps: int
    facts_steps: int
    ready_steps: int


@dataclass
class Client:
    """`delivered` is what the upstream told when the client had the end of its answer."""

    plan: Plan
    world: World
    created_at: int
    request_id: str = ""
    asked: Asked | None = None
    taken: MemoryTaken | None = None
    bound: int | None = None
    cost_bound: int | None = None
    granted: bool = False
    begun: bool = False
    ended: bool = False
    run: Run | None = None
    truth: UsageReport = NO_REPORT
    delivered: Usage | None = None
    refused: BaseException | None = None
    task: asyncio.Task[None] | None = None
    gate: asyncio.Future[None] | None = None

    def __post_init__(self) -> None:
        self.request_id = self.world.mint(self.created_at)

    def advance(self) -> None:
        """Let it take its next step."""
        if self.gate is not None and not self.gate.done():
            self.gate.set_result(None)

    async def live(self) -> None:
        """From the door to the end; never raises."""
        try:
            await self._handle()
        except (GatewayError, StoreError) as error:
            self.refused = error
        except asyncio.CancelledError:
            self.refused = asyncio.CancelledError()
        finally:
            self.ended = True

    def end_with(self, error: GatewayError) -> None:
        assert self.task is not None
        self.task.cancel()

    async def _pause(self) -> None:
        self.gate = asyncio.get_running_loop().create_future()
        await self.gate

    async def _handle(self) -> None:
        world, plan = self.world, self.plan
        clock = world.time.clock()
        caller = world.accounts.identify(plan.secret)
        for _ in range(plan.body_steps):
            await self._pause()
        images = tuple(Image("https://a.example/b.png", f"messages[{n}]", bare=False) for n in range(plan.images))
        endpoint = EMBEDDINGS if plan.embeds else CHAT
        ask = Ask(
            b"{}", {}, plan.model, endpoint, plan.stream, False, plan.max_tokens, plan.choices, None, images,
            plan.text_bytes,
        )  # fmt: skip
        route = route_of(plan.model)
        caller = world.accounts.again(caller)
        if plan.facts_steps:
            world.catalog.waits[asyncio.current_task()] = self._pause
        foreseen = await world.admission.foresee(caller, ask, route)
        caller = world.accounts.again(caller)
        self.created_at = world.time.now()
        self.request_id = world.mint(self.created_at)
        started = Started(self.request_id, self.created_at, clock)
        price = world.prices.in_force(plan.model, started.created_at)
        world.runs.check_open()
        world.asking.append(self)
        with await world.admission.admit(caller, ask, route, price, foreseen, started.created_at) as grant:
            for _ in range(plan.ready_steps):
                await self._pause()
            caller = world.accounts.again(caller)
            with world.runs.begin(started, caller, endpoint, ask, route, price, grant, self.end_with) as run:
                self.run = run
                if route.upstream.kind != "ollama":
                    await run.intent_durable()
                run.dispatched = self.begun = True
                asked = plan.max_tokens if grant.max_tokens is None else grant.max_tokens
                await self._answer(run, asked)

    async def _answer(self, run: Run, asked: int | None) -> None:
        plan = self.plan
        await self._pause()
        if plan.fails == "before":
            raise UpstreamFailure("The upstream failed.")
        output = 0 if plan.embeds else int((1000 if asked is None else asked) * plan.choices * plan.output_share)
        if not plan.honest:
            output = output * 3 + 50
        text = plan.text_bytes + 64
        prompt = int(text * plan.input_share) + IMAGE * plan.images
        cached = int(prompt * plan.cached_share)
        self.truth = UsageReport(prompt, output, cached, 0) if plan.told else NO_REPORT
        if plan.stream:
            for share in (3, 2):
                run.heard = Heard(NO_REPORT, None, output // share)
                run.saw_content()
                await self._pause()
            if plan.fails == "after":
                raise UpstreamFailure("The upstream broke off.")
            run.heard = Heard(NO_REPORT, "stop", output)
            run.finish_relayed = True
            await self._pause()
        run.heard = Heard(self.truth, "stop", output)
        run.settle("completed")
        await run.durable()
        self.delivered = self.truth.complete(-1, output)
