"""Upstreams without HTTP, which die, rest, break off and come back as a history says; and what each of them saw."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from tollkeeper.rules.errors import GatewayError, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.rules.kinds import OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.rules.upstream_status import upstream_error
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.services.queue.selection import Selection
from tollkeeper.services.queue.ticket import Ticket
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.ports import Client

SMALL, OTHER, LARGE = "small:latest", "other:latest", "large"
CONTEXTS = {SMALL: 600, OTHER: 900, LARGE: None}
ALIASES = {"fast": ("small", "large"), "any": ("other", "large", "small")}
NAMES = ("small", "small:latest", "other", "large", "fast", "fast", "any", "small@spare", "large@cloud")
"""What clients ask for."""
LONGEST_REST = 60
TROUBLES: dict[str, Callable[[float | None], GatewayError]] = {
    "down": lambda _: UpstreamUnavailable("Refused.", status=503, progress="nothing"),
    "cuts off": lambda _: UpstreamUnavailable("Reset.", progress="part"),
    "resets": lambda _: UpstreamUnavailable("Reset.", progress="whole"),
    "slow": lambda _: UpstreamTimeout("Too slow.", progress="whole"),
    "400": lambda _: upstream_error(400, "no", None),
    "401": lambda _: upstream_error(401, "no", None),
    "402": lambda _: upstream_error(402, "no", None),
    "403": lambda _: upstream_error(403, "no", None),
    "418": lambda _: upstream_error(418, "no", None),
    "429": lambda seconds: upstream_error(429, "busy", seconds),
    "429 used up": lambda _: upstream_error(429, "no", None, code="insufficient_quota"),
    "500": lambda _: upstream_error(500, "oh", None),
    "502": lambda _: upstream_error(502, "oh", None),
    "503": lambda seconds: upstream_error(503, "busy", seconds),
    "504": lambda _: upstream_error(504, "slow", None),
    "529": lambda seconds: upstream_error(529, "busy", seconds),
}
"""How an upstream may fail, each with the error that our client makes of it."""
RESTING_UPSTREAM = {Outcome.UNAVAILABLE, Outcome.OPERATOR_FAULT}
RESTING_MODEL = {Outcome.OVERLOADED, Outcome.FORBIDDEN}
OPERATOR = {Outcome.OPERATOR_FAULT, Outcome.FORBIDDEN}
WHOLE = {Outcome.BROKEN, Outcome.MODEL_FAILED, Outcome.BAD_GATEWAY, Outcome.TOO_SLOW, Outcome.STREAM_DIED}
"""Failures of an upstream that had all of the request."""
FINAL = {Outcome.TOO_SLOW, Outcome.REFUSED, Outcome.UNEXPECTED, Outcome.STREAM_DIED}
"""Failures after which no other upstream is asked."""


@dataclass(eq=False)
class Machine:
    """An upstream, and what the gateway must keep to. `trouble`: what it does to every request; "": it serves.

    `present`: the requests that it has. `rests`: until when it must be left alone, by model, "" for all of them: an
    obvious account of what it said, kept beside that of the gateway."""

    config: UpstreamConfig
    models: list[str]
    trouble: str = ""
    asks: float | None = None
    present: dict[object, str] = field(default_factory=dict)
    rests: dict[str, float] = field(default_factory=dict)

    def check_free(self, model: str) -> None:
        """Nobody is here who may not be."""
        most, of_model = self.config.most_running, self.config.model_slots
        running = list(self.present.values())
        assert not most or len(running) <= most, f"{self.config.id} has {len(running)} requests and {most} slots"
        same = running.count(model)
        assert not of_model or same <= of_model, f"{self.config.id} has {same} requests of {model}, not {of_model}"

    def check_awake(self, model: str, now: float) -> None:
        until = max(self.rests.get("", 0.0), self.rests.get(model, 0.0))
        assert now >= until, f"{self.config.id} is tried with {model} {until - now:.3f} s before its rest ends"

    @contextmanager
    def serving(self, client: object, model: str) -> Iterator[None]:
        """It has the request, until it ends, or its connection does."""
        self.present[client] = model
        self.check_free(model)
        try:
            yield
        finally:
            self.done(client)

    def done(self, client: object) -> None:
        self.present.pop(client, None)

    def answer(self, model: str) -> None:
        """Raises what it answers, if that is a failure."""
        if self.trouble and self.trouble != "down":
            raise TROUBLES[self.trouble](self.asks)
        if self.trouble:  # it went down with the request
            raise TROUBLES["resets"](None)
        if model not in self.models:
            raise upstream_error(404, f"model '{model}' not found", None)

    def note(self, rests: dict[str, float], outcome: Outcome, model: str, seconds: float | None, now: float) -> bool:
        """It turned a request away; returns whether it must be left alone from now on. It asks for so many seconds;
        `rests` are of no use any more where it was saved since it was asked."""
        if outcome not in RESTING_UPSTREAM | RESTING_MODEL:
            return False
        place = "" if outcome in RESTING_UPSTREAM else model
        rest = LONGEST_REST if outcome in OPERATOR else 1.0 if seconds is None else min(seconds, LONGEST_REST)
        if seconds is not None or outcome in OPERATOR or now >= rests.get(place, 0.0):
            rests[place] = max(rests.get(place, 0.0), now + rest)
        return True


class ListingClient:
    """A client that lists the models of a machine, and does nothing else."""

    status = 200

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def acquire(self, model: str = "") -> ListingClient:
        if self._machine.trouble == "down":
            raise TROUBLES["down"](None)
        return self

    async def send(self, method: bytes, target: bytes, *_: object) -> ListingClient:
        return self

    async def read_all(self, limit: int) -> bytes:
        names = self._machine.models
        return msgspec.json.encode({"models": [{"model": n} for n in names], "data": [{"id": n} for n in names]})

    def redact(self, text: str) -> str:
        return text

    def abort(self) -> None: ...
    def retire(self) -> None: ...


class WatchedSelection(Selection):
    """Tells of each slot right after it was given away: (deployment, now)."""

    given: Callable[[Deployment, float], None]

    def _taken(self, ticket: Ticket[Deployment], deployment: Deployment, now: float) -> None:
        super()._taken(ticket, deployment, now)
        self.given(deployment, now)


def machines(rng: random.Random) -> dict[str, Machine]:
    """Two of one's own, one that is paid for and has one of their models too, and a provider."""

    def machine(name: str, kind: Any, slots: Sequence[int], models: Sequence[str], **more: Any) -> Machine:
        config = UpstreamConfig(
            name,
            kind,
            "http://127.0.0.1:1",
            slots=rng.choice(slots),
            weight=rng.choice((1, 1, 3)),
            priority=rng.choice((0, 0, 1)),
            spill_after=rng.choice((None, None, 0.0, 2.0)),
            **more,
        )
        return Machine(config, list(models))

    found = [
        machine("home", OLLAMA, (1, 2), (SMALL, OTHER)),
        machine("spare", OLLAMA, (1, 2, 3), (SMALL, OTHER), model_slots=rng.choice((0, 1))),
        machine("rack", OPENAI_COMPATIBLE, (0, 1, 2), (LARGE, SMALL), open=True, paid=rng.choice((True, False))),
        machine("cloud", OPENAI_COMPATIBLE, (0, 2), (LARGE,), open=rng.random() < 0.7),
    ]
    return {each.config.id: each for each in found}


def client_of(machine: Machine) -> Client:
    return cast("Client", ListingClient(machine))
