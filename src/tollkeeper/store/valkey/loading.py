"""Filling a place that the server does not know with what its owners have used and what is held of them.

One loader at a time fills it and makes it known. Until then every call on it is answered that it is unknown, so nothing
is taken before everything is there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from tollkeeper.rules.owners import Scope
from tollkeeper.store.ports.counters import Names, PastUse
from tollkeeper.store.valkey.prepared import BASE, MOST_HELD, field_of, names_words, past_words


class HeldRequest(Struct, frozen=True):
    """What one running request holds, by its id. `node`: whose it is. `several`: whether one of several models will
    serve it. `scopes`: where it is counted. The amounts are those of `rules.admission.Amounts`."""

    id: bytes
    node: bytes
    several: bool
    at: int
    pace_tokens: int
    budget_tokens: int
    cost: int
    scopes: Sequence[Scope]


class PlaceContents(Struct, frozen=True):
    """What a place has to hold: the limits to count, by owner; past usage; and what `nodes` hold. What the server still
    has of other nodes' holds stays."""

    names: Mapping[Scope, Names] = {}
    past: Sequence[PastUse] = ()
    holds: Sequence[HeldRequest] = ()
    nodes: Sequence[bytes] = ()


class Ask(Protocol):
    def __call__(self, function: str, words: Sequence[bytes], *, epoch: bytes) -> Awaitable[list[Any]]:
        """Call a function on the place."""


KNOWN, UNKNOWN, BUSY = 1, 2, 3
_ASK_AGAIN_SECONDS = 0.01


async def load(ask: Ask, epoch: bytes, contents: PlaceContents) -> bool:
    """Fill a place for this epoch, or let another loader do it. False: that one took over, or the server is another."""
    own = b"loading:" + os.urandom(8).hex().encode()
    while (found := (await ask("load", [own, *contents.nodes], epoch=epoch))[0]) == BUSY:  # noqa: ASYNC110 (in a process)
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
    if found == KNOWN:
        return True
    numbered = 0

    async def part(function: str, words: Sequence[bytes]) -> bool:
        nonlocal numbered
        numbered += 1
        return bool((await ask(function, [b"%b-%d" % (own, numbered), *words], epoch=own))[0] == KNOWN)

    for owner, names in contents.names.items():
        for words in names_words(names, owner):
            if not await part("begin", words):
                return False
    for words in past_words(contents.past):
        if not await part("add", words):
            return False
    for hold in contents.holds:
        micro, rest = divmod(hold.cost, BASE)
        most = (min(figure, MOST_HELD) for figure in (hold.pace_tokens, hold.budget_tokens, micro))
        figures = (hold.at, *most, rest)
        words = [
            hold.id, hold.node, b"1" if hold.several else b"0", *(b"%d" % figure for figure in figures),
            *map(field_of, hold.scopes),
        ]  # fmt: skip
        if (await ask("put_hold", words, epoch=own))[0] != KNOWN:
            return False
    return bool((await ask("loaded", [own], epoch=epoch))[0] == KNOWN)
