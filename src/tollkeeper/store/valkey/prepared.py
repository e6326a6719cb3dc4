"""What calls send: names, amounts and demands as the functions in `lua/` read them; and what all admissions on the same
terms send alike."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tollkeeper.rules.admission import Demand
from tollkeeper.rules.limits import CHECKED_LIMITS, CONCURRENCY
from tollkeeper.rules.owners import TEAM, Scope
from tollkeeper.rules.terms import Terms
from tollkeeper.store.ports.counters import PastUse
from tollkeeper.store.valkey.library import CODES, PREFIX
from tollkeeper.store.valkey.protocol import bulk

BASE = 10**6
"""Amounts of money travel as a pair: micro-dollars, and the rest in pico-dollars (`amounts.lua`)."""
MOST = 2**50
"""The most tokens that travel, which is more than any limit: who may use more is counted as this."""
MOST_HELD = 2**46
"""The most tokens, and micro-dollars, that one request holds (`admission.lua`)."""
_CHECK = struct.Struct("<BBdI")
_DEMAND = struct.Struct("<10d")
_PAST = struct.Struct("<BBdId")
AT_ONCE = 64
"""Counters that one call reads or adds to, so that none takes the server more than a millisecond."""
_NAMES = {code: name for name, code in CODES.items()}


class Prepared(NamedTuple):
    """The place of these terms, the first and the last part of an admission's command, the first of a settlement's, and
    the pace limits on requests and tokens. `owner`: the engine that made it."""

    owner: object
    place: bytes
    head: bytes
    tail: bytes
    settle_head: bytes
    pace: tuple[tuple[str, int], ...]


def place_of(terms: Terms) -> bytes:
    """Where the requests on these terms are counted: at the user's place, or that of the user's team."""
    for owner in terms.owners:
        if owner.kind is TEAM:
            return team_place(owner.id)
    return user_place(terms.owners[0].id)


def user_place(user_id: str) -> bytes:
    return b"{u:%b}" % user_id.encode()


def team_place(team_id: str) -> bytes:
    return b"{t:%b}" % team_id.encode()


def field_of(scope: Scope) -> bytes:
    """The field of a scope's counters in its place."""
    return b"c" + "\0".join(scope).encode()


def pair_of(name: str, amount: int) -> tuple[int, int]:
    """An amount of a limit, as it travels."""
    return divmod(amount, BASE) if CHECKED_LIMITS[name].quantity == "cost" else (amount, 0)


def amount_of(name: str, high: int, low: int) -> int:
    """An amount of a limit that has travelled."""
    return high * BASE + low if CHECKED_LIMITS[name].quantity == "cost" else high


def names_words(of_owner: Mapping[str, Collection[str]], owner: Scope) -> Iterator[list[bytes]]:
    """The words for limits of an owner by model, in parts of at most `AT_ONCE`: a field, then the codes."""
    words: list[bytes] = []
    size = 0
    for model, names in of_owner.items():
        if words and size + len(names) > AT_ONCE:
            yield words
            words, size = [], 0
        words += (field_of((*owner, model) if model else owner), codes_of(names))
        size += len(names)
    if words:
        yield words


def codes_of(names: Iterable[str]) -> bytes:
    return bytes(CODES[name] for name in names)


def names_of(codes: bytes) -> frozenset[str]:
    return frozenset(_NAMES[code] for code in codes)


def past_words(past: Sequence[PastUse]) -> Iterator[list[bytes]]:
    """The words for past usage at one place, in parts of at most `AT_ONCE`: amounts, then the fields."""
    for start in range(0, len(past), AT_ONCE):
        numbers: dict[bytes, int] = {}
        amounts = b""
        for scope, name, amount, at in past[start : start + AT_ONCE]:
            number = numbers.setdefault(field_of(scope), len(numbers) + 1)
            amounts += _PAST.pack(number, CODES[name], *pair_of(name, amount), at)
        yield [amounts, *numbers]


SETTLE_WORDS = 8
"""Words of a settlement after the place: epoch, time, id, model, tokens, cost in two parts, moment."""


def head_of(function: str, place: bytes, words: int) -> bytes:
    """The command of a function with so many words after the place, up to that."""
    return b"*%d\r\n$5\r\nFCALL\r\n" % (words + 4) + bulk((PREFIX + function).encode()) + b"$1\r\n1\r\n" + bulk(place)


def prepare(terms: Terms, owner: object, node: bytes) -> Prepared:
    """What admissions on these terms send. `node` is whose holds they are."""
    number = {scope: place for place, scope in enumerate(terms.scopes, 1)}
    checks = [_CHECK.pack(number[scope], CODES[name], *pair_of(name, limit)) for name, scope, limit in terms.ceilings]
    # Running requests are counted before there is a limit on them.
    checks += [_CHECK.pack(number[owner.scope], CODES[CONCURRENCY], -1, 0) for owner in terms.owners]
    fields = [field_of(scope) for scope in terms.scopes]
    words = (node, b"1" if terms.models else b"0", b"".join(checks), *fields)
    pace = tuple(
        (name, limit) for name, _, limit in terms.ceilings if name != CONCURRENCY and not CHECKED_LIMITS[name].is_budget
    )
    place = place_of(terms)
    head, settle_head = head_of("admit", place, 4 + len(words)), head_of("settle", place, SETTLE_WORDS)
    return Prepared(owner, place, head, b"".join(map(bulk, words)), settle_head, pace)


def packed(demand: Demand) -> bytes:
    """A demand, as it travels."""
    tokens = demand.pace_input, demand.budget_input, demand.allowance, demand.choices
    if max(tokens) > MOST:
        tokens = tuple(min(figure, MOST) for figure in tokens)  # type: ignore[assignment]
    return _DEMAND.pack(
        *tokens, *divmod(demand.input_price, BASE), *divmod(demand.output_price, BASE), *divmod(demand.flat, BASE)
    )
