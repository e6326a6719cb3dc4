"""Routing: the order in which the upstreams that have a model are tried, decided from values alone.

    entry of the alias ─▶ healthy before on trial ─▶ priority ─▶ speaks the dialect itself ─▶ served the conversation
      ─▶ has the model loaded and a slot free ─▶ fewest in flight by weight ─▶ smooth weighted round robin

Those that cannot serve come last, in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

AFFINITY_SLACK = 2
"""Requests, by weight, that the upstream of a conversation may be busier than the least busy one: a prompt cache is
worth that much balance."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A model on one upstream, to which a request may be sent.

    `entry` counts the models that the requested name stands for, `place` the upstreams as they were registered: smaller
    comes first, as it does of `priority`. `can_serve`: neither down, nor resting, nor over its budget. `on_trial`: it
    was down, and has not shown yet that it works again. `speaks_itself`: it serves the path without translation.

    `in_flight`: requests that it runs; `weight`: its share of them. `loaded`: it has the model in memory; None: its
    kind does not show. `has_affinity`: it served this conversation last. `wait`: the estimated wait for a slot in
    seconds. `spill_after`: the estimated wait beyond which a later choice is taken; None: requests wait here.
    """

    model: str
    upstream: str
    entry: int = 0
    place: int = 0
    can_serve: bool = True
    on_trial: bool = False
    priority: int = 0
    speaks_itself: bool = True
    in_flight: int = 0
    weight: int = 1
    has_free_slot: bool = True
    loaded: bool | None = None
    has_affinity: bool = False
    wait: float = 0.0
    spill_after: float | None = None

    @property
    def load(self) -> float:
        """Requests in flight, by weight."""
        return self.in_flight / self.weight


class Rotation:
    """Whose turn it is among candidates that are equal in all else: smooth weighted round robin, as in nginx
    (ngx_http_upstream_round_robin.c). Each request adds to the credit of every peer its share of one request, by
    weight, and takes one from the peer that was chosen; the one with the most credit is next.

    A choice that load made is charged, too: else four in five would go to one of two that weigh 3 and 1 while one other
    request runs. What load keeps out for long does not save up more than `MOST_CREDIT`.

    Credit is kept by model and upstream, whichever peers it had: one state for each set of peers would begin each set
    anew, with the same first upstream; one for all models would let two models that alternate send each to the same
    upstream for ever.
    """

    MOST_CREDIT = 3.0

    def __init__(self) -> None:
        self._credit: dict[tuple[str, str], float] = {}

    def __repr__(self) -> str:
        return f"Rotation({self._credit})"

    def credit(self, each: Candidate) -> float:
        """Requests that a candidate is behind its share; rounded, so that sums of shares compare as they should."""
        return round(self._credit.get((each.model, each.upstream), 0.0), 9)

    def share(self, peers: Sequence[Candidate]) -> None:
        """Give each of these candidates its share of a request."""
        total = sum(each.weight for each in peers)
        for each in peers:
            self._add(each, each.weight / total)

    def charge(self, chosen: Candidate) -> None:
        """Charge a candidate for a request."""
        self._add(chosen, -1.0)

    def keep(self, deployments: Collection[tuple[str, str]]) -> None:
        """Forget all but these pairs of model and upstream: the rest no longer exists."""
        self._credit = {key: credit for key, credit in self._credit.items() if key in deployments}

    def _add(self, each: Candidate, amount: float) -> None:
        key = (each.model, each.upstream)
        credit = self._credit.get(key, 0.0) + amount
        self._credit[key] = max(-self.MOST_CREDIT, min(credit, self.MOST_CREDIT))


def order(candidates: Sequence[Candidate], rotation: Rotation) -> list[Candidate]:
    """Sort candidates, best first, and charge the first for the request: call this once for each. The order of the
    input does not matter."""
    if len(candidates) == 1:
        return list(candidates)
    ranks: dict[tuple[object, ...], list[Candidate]] = {}
    for each in candidates:
        ranks.setdefault(_rank(each), []).append(each)
    peers, *rest = [group for rank in sorted(ranks) for group in _peers(ranks[rank])]
    if len(peers) > 1:
        rotation.share(peers)
    found = [each for group in (peers, *rest) for each in _by_load(group, rotation)]
    if len(peers) > 1:
        rotation.charge(found[0])
    return found


def _rank(each: Candidate) -> tuple[bool, int, bool, int, bool]:
    """What comes before affinity and load."""
    return (not each.can_serve, each.entry, each.on_trial, each.priority, not each.speaks_itself)


def _peers(ranked: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates of one rank, in groups among which only load and turns decide, the best group first."""
    least = min(each.load for each in ranked)
    groups: dict[tuple[bool, bool], list[Candidate]] = {}
    for each in ranked:
        returns = each.has_affinity and each.has_free_slot and each.load <= least + AFFINITY_SLACK
        swaps = each.loaded is not None and not (each.loaded and each.has_free_slot)
        groups.setdefault((not returns, swaps), []).append(each)
    return [groups[key] for key in sorted(groups)]


def _by_load(peers: Sequence[Candidate], rotation: Rotation) -> list[Candidate]:
    """Sort peers by requests in flight by weight, in whole requests of the lightest peer: with one request in flight,
    weights of 3 and 1 would else give one to each in turn."""
    lightest = min(each.weight for each in peers)
    return sorted(
        peers,
        key=lambda each: (each.in_flight * lightest // each.weight, -rotation.credit(each), each.place, each.upstream),
    )


def within_reach(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that a request may be sent to or wait for now, in the order given.

    Those of the first entry and priority that can serve; those of the next one, too, when every healthy one before has
    a longer wait than its `spill_after`. One on trial keeps no request from those after it.
    """
    serving = [each for each in candidates if each.can_serve]
    reach: set[tuple[int, int]] = set()
    for tier in sorted({(each.entry, each.priority) for each in serving}):
        reach.add(tier)
        healthy = [each for each in serving if (each.entry, each.priority) == tier and not each.on_trial]
        if any(not _spills(each) for each in healthy):
            break
    return [each for each in serving if (each.entry, each.priority) in reach]


def _spills(each: Candidate) -> bool:
    return each.spill_after is not None and each.wait > each.spill_after
