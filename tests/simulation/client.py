"""One client's request and what its upstream does, in steps that the history takes when it likes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from msgspec import Struct

from tests.simulation.pool import FINAL, TROUBLES, WHOLE, Machine
from tests.simulation.world import IMAGE, World
from tollkeeper.rules.errors import GatewayError, UpstreamFailure, outcome_of
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.usage import Usage
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.queue.selection import Route
from tollkeeper.services.requests.dispatched import DispatchedRequest, Started
from tollkeeper.services.requests.idempotency import RunningClaim
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.counters import MemoryReservation
from tollkeeper.store.ports.counters import AdmissionRequest
from tollkeeper.wire.openai.dialect import OPENAI
from tollkeeper.wire.openai.request import CHAT, EMBEDDINGS, OpenAIImage, OpenAIRequest
from tollkeeper.wire.usage import NO_REPORT, UsageReport


class PartialResponse(Struct, frozen=True):
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
    connect_steps: int
    conversation: str | None
    key: str | None


@dataclass(eq=False)
class Client:
    """`delivered` is what the upstream told when the client had the end of its answer. `tried`: the upstreams that were
    to have it, in turn, each with the price there. `sent`: the last of them had some of it. `whole`: those that had all
    of it. `final`: the failure that no attempt may follow. `paid`: it is sent only once its intent is durable."""

    plan: Plan
    world: World
    created_at: int
    request_id: str = ""
    asked: AdmissionRequest | None = None
    taken: MemoryReservation | None = None
    bound: int | None = None
    cost_bound: int | None = None
    granted: bool = False
    begun: bool = False
    sent: bool = False
    ended: bool = False
    paid: bool = False
    claim: RunningClaim | None = None
    run: DispatchedRequest | None = None
    route: Route | None = None
    tried: list[tuple[str, str, Price | None]] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    answering: bool = False
    rested: bool = False
    final: Outcome | None = None
    fault: Exception | None = None
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
        except Exception as fault:
            self.fault = fault
        finally:
            if self.claim is not None:
                self.claim.release()
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
        if plan.key is not None:
            self.claim = await world.keys.claim(plan.user_id, plan.key, plan.model.encode())
        images = tuple(OpenAIImage("https://a.example/b.png", f"messages[{n}]") for n in range(plan.images))
        ask = OpenAIRequest(
            endpoint=EMBEDDINGS if plan.embeds else CHAT,
            body=b"{}",
            members={},
            model=plan.model,
            stream=plan.stream,
            output_cap=plan.max_tokens,
            choices=plan.choices,
            images=images,
            text_bytes=plan.text_bytes,
        )
        choices = await world.resolver.candidates(plan.model)
        (adapter,) = OPENAI.adapters[CHAT.path]
        places = [(choice.deployment, adapter) for choice in choices]
        caller = world.accounts.refresh(caller)
        if plan.facts_steps:
            world.facts.waits[asyncio.current_task()] = self._pause
        prefetched = await world.admission.prefetch(caller.owners, ask, places)
        caller = world.accounts.refresh(caller)
        self.created_at = world.time.now()
        self.request_id = world.mint(self.created_at)
        started = Started(self.request_id, self.created_at, clock)
        offers = [
            Offer(
                each,
                adapter,
                world.prices.in_force(each.model, each.upstream.config.id, started.created_at),
                None,
                choice.entry,
            )
            for choice in choices
            for each in [choice.deployment]
        ]
        world.requests.check_open()
        world.asking.append(self)
        with await world.admission.admit(caller.owners, ask, offers, prefetched, started.created_at) as grant:
            for _ in range(plan.ready_steps):
                await self._pause()
            caller = world.accounts.refresh(caller)
            user_id, path = caller.user.user_id, ask.endpoint.path
            with (
                world.selection.enter(user_id, caller.queue_weight, grant.offers, path, plan.conversation) as route,
                world.requests.begin(started, caller, ask, grant, self.end_with, self.claim) as run,
            ):
                self.run, self.route = run, route
                run.slot = route
                await self._serve(caller, run, route, plan.max_tokens if grant.max_tokens is None else grant.max_tokens)

    async def _serve(self, caller: Caller, run: DispatchedRequest, route: Route, cap: int | None) -> None:
        """As `gateway/dispatch.py` does."""
        while True:
            offer = route.slot_at_once() or await route.slot()
            machine, model = self.world.machines[offer.deployment.upstream.config.id], offer.deployment.model
            assert self.final is None, f"it is sent to {machine.config.id} after {self.final}"
            rests = machine.rests
            try:
                await self._attempt(caller, run, offer, machine, cap)
            except GatewayError as error:
                self._note(error, machine, model, rests)
                if not route.failed(error, answering=self.answering):
                    raise
                run.attempt_failed(offer.deployment, error)
                self.sent = False
            else:
                return

    def _note(self, error: GatewayError, machine: Machine, model: str, rests: dict[str, float]) -> None:
        """What the upstream would say of this failure. `rests` are those of when it was asked."""
        outcome = outcome_of(error)
        if outcome is None:
            return
        if self.answering:
            outcome = Outcome.STREAM_DIED
        now = self.world.time.clock()
        self.rested |= machine.note(rests, outcome, model, error.retry_after, now)
        if outcome in WHOLE:
            self.whole.append(machine.config.id)
        if outcome in FINAL or (outcome is Outcome.BROKEN and machine.config.is_paid):
            self.final = outcome

    async def _attempt(
        self, caller: Caller, run: DispatchedRequest, offer: Offer, machine: Machine, cap: int | None
    ) -> None:
        """As `gateway/attempt.py` does."""
        model = offer.deployment.model
        run.attempt(offer.deployment, offer.price)
        self.tried.append((machine.config.id, model, offer.price))
        if machine.trouble == "down":
            raise TROUBLES["down"](None)
        for _ in range(self.plan.connect_steps):
            await self._pause()
        self.world.accounts.refresh(caller)
        run.journal()
        if machine.config.is_paid or self.claim is not None:
            await run.intent_durable()
            self.paid = True
        with machine.serving(self, model):
            run.sent = self.sent = self.begun = True
            assert len(self.whole) < 2, f"{machine.config.id} gets what {self.whole} had"
            await self._answer(run, machine, model, cap)

    async def _answer(self, run: DispatchedRequest, machine: Machine, model: str, cap: int | None) -> None:
        plan, since = self.plan, self.world.time.clock()
        await self._pause()
        machine.answer(model)
        if plan.fails == "before":
            raise UpstreamFailure("The upstream failed.")
        output = 0 if plan.embeds else int((1000 if cap is None else cap) * plan.choices * plan.output_share)
        if not plan.honest:
            output = output * 3 + 50
        text = plan.text_bytes + 64
        prompt = int(text * plan.input_share) + IMAGE * plan.images
        cached = int(prompt * plan.cached_share)
        self.truth = UsageReport(prompt, output, cached, 0) if plan.told else NO_REPORT
        assert run.slot is not None
        run.slot.answered(self.world.time.clock() - since, whole=not plan.stream)
        if plan.stream:
            for share in (3, 2):
                run.partial = PartialResponse(NO_REPORT, None, output // share)
                run.saw_content()
                if not self.answering:
                    assert self.route is not None
                    self.answering = True
                    self.route.answering()
                await self._pause()
            if plan.fails == "after" or machine.trouble == "down":
                raise UpstreamFailure("The upstream broke off.")
            run.partial = PartialResponse(NO_REPORT, "stop", output)
            run.finish_relayed = True
            await self._pause()
        run.partial = PartialResponse(self.truth, "stop", output)
        machine.done(self)
        run.settle("completed")
        await run.durable()
        self.whole.append(machine.config.id)
        self.delivered = self.truth.complete(-1, output)
