"""Bounds of the figures in a ledger, so that an upstream's absurd count cannot stop it.

A cost is a signed 64-bit integer (9.2 million dollars); a count is bounded to 2⁴⁰ either way, which leaves room
to sum eight million of the largest in 64 bits.
"""

from __future__ import annotations

from msgspec.structs import astuple, replace

from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.records import Intent, Record

MAX_COST = 2**63 - 1
MAX_TOKENS = 2**40


def within_bounds(record: Record) -> bool:
    """Whether all figures of a record can be stored as they are."""
    return -MAX_COST <= record.cost_pico <= MAX_COST and _usage_within_bounds(record.usage)


def _usage_within_bounds(usage: Usage) -> bool:
    # One look at all of their bits, which is enough for nearly all: none is negative or has a bit of `MAX_TOKENS`. To
    # compare each takes four times the instructions.
    bits = (
        usage.prompt_tokens
        | usage.completion_tokens
        | usage.cached_tokens
        | usage.cache_write_tokens
        | usage.reasoning_tokens
        | usage.cache_write_1h_tokens
        | usage.images
        | usage.audio_ms
        | usage.characters
    )
    return 0 <= bits < MAX_TOKENS or all(-MAX_TOKENS <= figure <= MAX_TOKENS for figure in astuple(usage))


def clamp_record(record: Record) -> Record:
    """The record with every figure clamped to its bound."""
    return replace(record, cost_pico=clamp_cost(record.cost_pico), usage=clamp_usage(record.usage))


def clamp_intent(intent: Intent) -> Intent:
    """The intent with its bounds clamped to what can be stored: a client may request any number of tokens."""
    tokens, cost = intent.bound_tokens or 0, intent.bound_cost_pico or 0
    if tokens <= MAX_TOKENS and cost <= MAX_COST:
        return intent
    return replace(intent, bound_tokens=min(tokens, MAX_TOKENS), bound_cost_pico=min(cost, MAX_COST))


def clamp_cost(cost_pico: int) -> int:
    return _within(cost_pico, MAX_COST)


def clamp_usage(usage: Usage) -> Usage:
    if _usage_within_bounds(usage):
        return usage
    return Usage(
        _within(usage.prompt_tokens, MAX_TOKENS),
        _within(usage.cached_tokens, MAX_TOKENS),
        _within(usage.cache_write_tokens, MAX_TOKENS),
        _within(usage.completion_tokens, MAX_TOKENS),
        _within(usage.reasoning_tokens, MAX_TOKENS),
        usage.estimated,
        _within(usage.cache_write_1h_tokens, MAX_TOKENS),
        _within(usage.images, MAX_TOKENS),
        _within(usage.audio_ms, MAX_TOKENS),
        _within(usage.characters, MAX_TOKENS),
    )


def _within(figure: int, bound: int) -> int:
    return figure if -bound <= figure <= bound else bound if figure > 0 else -bound
