"""What figures a ledger can hold, so that an upstream's absurd count cannot stop it.

A cost is a signed 64-bit integer (9.2 million dollars); a token count is bounded to 2⁴⁰ either way, which leaves room
to sum eight million of the largest in 64 bits.
"""

from __future__ import annotations

from msgspec.structs import replace

from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports import Intent, Record

MAX_COST = 2**63 - 1
MAX_TOKENS = 2**40


def fits(record: Record) -> bool:
    """Whether the record's figures can be kept as they are."""
    return -MAX_COST <= record.cost_pico <= MAX_COST and _usage_fits(record.usage)


def _usage_fits(usage: Usage) -> bool:
    return (
        -MAX_TOKENS <= usage.prompt_tokens <= MAX_TOKENS
        and -MAX_TOKENS <= usage.completion_tokens <= MAX_TOKENS
        and -MAX_TOKENS <= usage.cached_tokens <= MAX_TOKENS
        and -MAX_TOKENS <= usage.cache_write_tokens <= MAX_TOKENS
        and -MAX_TOKENS <= usage.reasoning_tokens <= MAX_TOKENS
    )


def fitted(record: Record) -> Record:
    """The record with every figure drawn back to its bound."""
    return replace(record, cost_pico=fitted_cost(record.cost_pico), usage=fitted_usage(record.usage))


def fitted_intent(intent: Intent) -> Intent:
    """The intent with its bounds drawn back to what can be kept: a client may ask for any number of tokens."""
    tokens, cost = intent.bound_tokens or 0, intent.bound_cost_pico or 0
    if tokens <= MAX_TOKENS and cost <= MAX_COST:
        return intent
    return replace(intent, bound_tokens=min(tokens, MAX_TOKENS), bound_cost_pico=min(cost, MAX_COST))


def fitted_cost(cost_pico: int) -> int:
    return _within(cost_pico, MAX_COST)


def fitted_usage(usage: Usage) -> Usage:
    if _usage_fits(usage):
        return usage
    return Usage(
        _within(usage.prompt_tokens, MAX_TOKENS),
        _within(usage.cached_tokens, MAX_TOKENS),
        _within(usage.cache_write_tokens, MAX_TOKENS),
        _within(usage.completion_tokens, MAX_TOKENS),
        _within(usage.reasoning_tokens, MAX_TOKENS),
        usage.estimated,
    )


def _within(figure: int, bound: int) -> int:
    return max(-bound, min(figure, bound))
