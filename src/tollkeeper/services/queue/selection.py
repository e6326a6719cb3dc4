"""Selection: which upstream serves a request, and what happens after an attempt.

    with selection.enter(user_id, weight, offers, path, conversation) as route:
        offer = route.slot_at_once() or await route.slot()   # waits in line where nobody has a free slot
        …                                    # an attempt, which ends in one of:
        route.settled(usage, served=True)
        if not route.failed(error): raise    # True: the next `slot` gives another upstream

The order is that of `rules/routing.py`, the wait that of `line.py`, what a failure means that of `rules/failover.py`;
the health of upstreams and the conversations that they served are noted on the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import TracebackType

from tollkeeper.rules.affinity import Affinity
from tollkeeper.rules.errors import GatewayError, ServerOverloaded, UpstreamFailure, outcome_of
from tollkeeper.rules.failover import ROWS, Attempts, RetryBudget, Verdict
from tollkeeper.rules.fairness import service_of
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.rules.routing import Candidate, Rotation, order, within_reach
from tollkeeper.rules.usage import Usage
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.models.offers import Offer
from tollkeeper.services.queue.line import Bounds, Line
from tollkeeper.services.queue.ticket import Ticket
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.health import NO_TRIAL, Health, Trial
from tollkeeper.services.upstreams.ports import Client

_NOT_THE_UPSTREAMS = frozenset({Outcome.TOO_LONG, Outcome.REFUSED})
"""Outcomes that are no failure of the upstream, wherever in the answer they come: the gateway's own bound, and what is
wrong with the request, a context that is full say."""
Tiers = Sequence[Sequence[Deployment]]
"""Deployments, best first, in classes: one of a later class serves only while none of an earlier one can."""


class Selection:
    """Selects upstreams for requests. `clock` is monotonic seconds; `within_budget`: whether an upstream that has a
    budget may still spend."""

    def __init__(
        self,
        bounds: Bounds,
        catalog: Catalog,
        *,
        clock: Callable[[], float],
        within_budget: Callable[[UpstreamConfig], bool] = lambda _: True,
    ) -> None:
        self.line: Line[Deployment] = Line(
            bounds, clock=clock, can_serve=self._can_serve, due_at=self._due_at, taken=self._taken
        )
        self._clock = clock
        self._within_budget = within_budget
        self._rotation = Rotation()
        self._affinity = Affinity()
        self._retries = RetryBudget()
        self._trials: dict[Ticket[Deployment], tuple[Health, Trial]] = {}
        """Trials that have begun and have no result yet, by the request that is the trial."""
        self._catalog = catalog
        catalog.on_change.append(self._catalog_changed)

    def __repr__(self) -> str:
        return f"Selection({self.line!r}, {self._affinity!r})"

    def enter(self, user_id: str, weight: int, offers: Sequence[Offer], path: str, conversation: str | None) -> Route:
        """Begin the way of a request, in no line yet. `path` is that of the client's request; `conversation` names the
        conversation that it belongs to, which matters only where there is a choice; None: it belongs to none."""
        if len(offers) == 1:
            tiers: Tiers = ((offers[0].deployment,),)
        else:
            tiers = self._tiers(user_id, weight, offers, path, conversation)
        return Route(self, offers, self.line.enter(user_id, weight, tiers), conversation)

    def _tiers(self, user_id: str, weight: int, offers: Sequence[Offer], path: str, conversation: str | None) -> Tiers:
        now = self._clock()
        found: dict[Candidate, Deployment] = {}
        for place, offer in enumerate(offers):
            deployment = offer.deployment
            model, config = deployment.model, deployment.upstream.config
            health, load = deployment.upstream.health, deployment.upstream.load
            candidate = Candidate(
                model=model,
                upstream=config.id,
                entry=offer.entry,
                place=place,
                can_serve=self._can_serve(deployment, now),
                on_trial=health.on_trial(model, now),
                priority=config.priority,
                speaks_itself=offer.adapter.path == path,
                in_flight=load.running,
                weight=config.weight,
                has_free_slot=load.room(config, model),
                loaded=None if load.loaded is None else model in load.loaded,
                has_affinity=conversation is not None
                and self._affinity.upstream(model, conversation, now) == config.id,
                wait=0.0 if config.spill_after is None else self.line.wait(user_id, weight, deployment),
                spill_after=config.spill_after,
            )
            found[candidate] = deployment
        ordered = order(list(found), self._rotation)
        first = within_reach(ordered)
        tiers = [[found[each] for each in first]] if first else []
        rest: dict[tuple[int, int], list[Deployment]] = {}
        for each in ordered:
            if each not in first:
                rest.setdefault((each.entry, each.priority), []).append(found[each])
        return [*tiers, *(rest[place] for place in sorted(rest))]

    def _catalog_changed(self) -> None:
        deployments = self._catalog.deployments()
        self._rotation.keep({(each.model, each.upstream.config.id) for each in deployments})
        for upstream in {each.upstream for each in deployments}:
            if self._upstream_changed not in upstream.health.on_change:
                upstream.health.on_change.append(self._upstream_changed)
        self.line.changed()

    def _upstream_changed(self) -> None:
        self.line.changed()

    # For the line

    def _can_serve(self, deployment: Deployment, now: float) -> bool:
        upstream = deployment.upstream
        config, health = upstream.config, upstream.health
        return (
            config.state == "active"  # requests that wait for one that is drained go elsewhere
            and (health.is_calm or health.can_serve(deployment.model, now))
            and ((config.budget_per_day is None and config.budget_per_month is None) or self._within_budget(config))
        )

    def _due_at(self, deployment: Deployment, now: float) -> float | None:
        config = deployment.upstream.config
        if config.state != "active" or not self._within_budget(config):
            return None
        due = deployment.upstream.health.due_at(deployment.model, now)
        return now if due is None else None if due == math.inf else due

    def _taken(self, ticket: Ticket[Deployment], deployment: Deployment, now: float) -> None:
        health = deployment.upstream.health
        if not health.is_calm and (trial := health.begin_trial(deployment.model, now)) is not NO_TRIAL:
            self._trials[ticket] = health, trial

    # For the route

    def answering(self, ticket: Ticket[Deployment]) -> None:
        begun = self._trials.pop(ticket, None)
        if begun is not None:
            health, trial = begun
            left = health.note_answering(self._clock(), trial)
            if left is not NO_TRIAL:
                self._trials[ticket] = health, left

    def succeeded(
        self, ticket: Ticket[Deployment], deployment: Deployment, health: Health, key: str | None, first_byte: float
    ) -> None:
        now = self._clock()
        if not ticket.returns:
            self._retries.request(now)
        trial = self._take_trial(ticket) if self._trials else NO_TRIAL
        health.note_success(deployment.model, now, first_byte, trial)
        if key is not None:
            self._affinity.served(deployment.model, key, deployment.upstream.config.id, now)

    def failed(
        self,
        ticket: Ticket[Deployment],
        deployment: Deployment,
        health: Health,
        outcome: Outcome,
        error: GatewayError,
    ) -> None:
        now = self._clock()
        if not ticket.returns:
            self._retries.request(now)
        trial = self._take_trial(ticket)
        reason = getattr(error, "detail", None) or error.message
        asked = error.asked_wait if isinstance(error, UpstreamFailure) else None
        health.note_failure(outcome, deployment.model, now, reason, retry_after=asked, trial=trial)
        if ROWS[outcome].refreshes:
            self._catalog.refresh_soon(deployment.upstream)

    def ended(self, ticket: Ticket[Deployment]) -> None:
        """End the trial of a request that has no result, if it was one."""
        begun = self._trials.pop(ticket, None)
        if begun is not None:
            health, trial = begun
            health.end_trial(trial)

    def _take_trial(self, ticket: Ticket[Deployment]) -> Trial:
        begun = self._trials.pop(ticket, None)
        return NO_TRIAL if begun is None else begun[1]

    def retryable(self, remaining: Sequence[Offer]) -> Sequence[Offer]:
        """Those of these that one more attempt may go to: slots bound retries, and elsewhere the budget does."""
        slotted = [offer for offer in remaining if offer.deployment.upstream.config.most_running]
        if len(slotted) == len(remaining) or self._retries.take(self._clock()):
            return remaining
        return slotted

    def soonest(self, offers: Sequence[Offer]) -> float | None:
        """Seconds until the first of these may serve again; None: unknown."""
        now = self._clock()
        due = [at for offer in offers if (at := self._due_at(offer.deployment, now)) is not None]
        return max(0.0, min(due) - now) if due else None


class Route:
    """The way of one request from upstream to upstream. Use it in a `with` block, from one task.

    `client`: that of the upstream of the slot, as it was when the slot was given. An upstream that is saved meanwhile
    has another client, with another secret, and a health that begins anew: the attempt goes on with what it began with,
    and its result says nothing of the new ones.
    """

    __slots__ = (
        "_attempts",
        "_conversation",
        "_current",
        "_first_byte",
        "_health",
        "_left",
        "_offers",
        "_selection",
        "client",
        "ticket",
    )

    client: Client
    _health: Health

    def __init__(
        self, selection: Selection, offers: Sequence[Offer], ticket: Ticket[Deployment], conversation: str | None
    ) -> None:
        self._selection = selection
        self._offers = self._left = offers
        self._conversation = conversation
        self._attempts: Attempts | None = None
        self._current: Offer | None = None
        self._first_byte = 0.0
        self.ticket = ticket

    def __repr__(self) -> str:
        return f"Route({self.ticket!r}, {self._attempts or 'no failure'})"

    def __enter__(self) -> Route:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selection.ended(self.ticket)  # also of one that was cancelled before it learned of its slot
        self.ticket.leave()

    def slot_at_once(self) -> Offer | None:
        """Take a slot that is free, and return the offer that it is of; None: there is none."""
        if not self._selection.line.take_at_once(self.ticket):
            return None
        if len(self._left) == 1:
            return self._begin(self._left[0])
        return self._begin(self._offer_of(self.ticket.choice))

    async def slot(self) -> Offer:
        """Wait for a slot, and return the offer that it is of. Raises as `Ticket.slot` does."""
        return self._begin(self._offer_of(await self.ticket.slot()))

    def _begin(self, offer: Offer) -> Offer:
        upstream = offer.deployment.upstream
        self._current, self.client, self._health = offer, upstream.client, upstream.health
        return offer

    def _offer_of(self, given: Deployment | None) -> Offer:
        """The offer of a deployment, which is another object where its upstream was saved, or listed its models anew,
        while the request waited."""
        assert given is not None, "who holds a slot has a choice"
        for offer in self._left:
            deployment = offer.deployment
            if deployment is given or (
                deployment.model == given.model and deployment.upstream.config.id == given.upstream.config.id
            ):
                return offer
        raise RuntimeError("a slot of no offer")

    def answered(self, seconds: float, *, whole: bool) -> None:
        """Note that the response began, so many seconds after the request was sent; `whole`: all of it is there."""
        self._first_byte = seconds
        self._selection.line.answered(self.ticket, None if whole else seconds)

    def settled(self, usage: Usage, *, served: bool) -> None:
        """Give the slot back: the request used this. `served`: it has its answer. What that says of the upstream is
        noted first, since those in line are looked at when the slot is free."""
        if served and self._current is not None:
            deployment, self._current = self._current.deployment, None
            self._selection.succeeded(self.ticket, deployment, self._health, self._conversation, self._first_byte)
        else:
            self._selection.ended(self.ticket)
        self.ticket.settled(service_of(usage.prompt_tokens, usage.completion_tokens))
        self._selection.line.release(self.ticket)

    def answering(self) -> None:
        """Note that the first event of an answer is being relayed; its end may be far."""
        self._selection.answering(self.ticket)

    def failed(self, error: GatewayError, *, answering: bool) -> bool:
        """Note that the attempt failed, and return whether to make another; False: the error is the client's.
        `answering`: an event of the response was relayed."""
        outcome = outcome_of(error)
        if self._current is None or outcome is None:
            return False
        if answering and outcome not in _NOT_THE_UPSTREAMS:
            outcome = Outcome.STREAM_DIED
        selection, deployment = self._selection, self._current.deployment
        selection.failed(self.ticket, deployment, self._health, outcome, error)
        self._attempts = self._attempts or Attempts()
        verdict = self._attempts.decide(outcome, paid=deployment.upstream.config.is_paid)
        if verdict is Verdict.NEXT:
            self._left = [offer for offer in self._left if offer.deployment is not deployment]
            if isinstance(error, ServerOverloaded) and not self._worth_waiting():
                self._tell_when(error)
                return False
        if verdict is Verdict.RAISE or not (left := selection.retryable(self._left)):
            return False
        self._left = left
        self.ticket.failed([offer.deployment for offer in self._offers if offer not in left])
        return True

    def _worth_waiting(self) -> bool:
        """Whether one of the offers that are left can serve, or will before those that have turned the request away."""
        selection, left = self._selection, self._left
        if selection.soonest(left) == 0.0:
            return True
        mine, first = selection.soonest(left), selection.soonest(self._offers)
        return mine is not None and first is not None and mine <= first

    def _tell_when(self, error: ServerOverloaded) -> None:
        """Tell the client of the last one that has no room when the first of all is due; of a single one, that is what
        it asks for itself, where it does."""
        if len(self._offers) > 1 or error.asked_wait is None:
            error.retry_after = self._selection.soonest(self._offers)
            error.should_retry = True
