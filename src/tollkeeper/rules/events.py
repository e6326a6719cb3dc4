"""Events: what the gateway tells of to the world outside, by webhook and by e-mail."""

from __future__ import annotations

from typing import Literal, get_args

EventType = Literal[
    "budget.threshold",
    "budget.exhausted",
    "user.suspended",
    "key.created",
    "key.revoked",
    "invoice.finalized",
    "invoice.paid",
    "invoice.void",
    "upstream.down",
    "upstream.up",
    "ledger.failing",
    "ledger.recovered",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
TEST_TYPE = "webhook.test"
"""The type of the message that tries a webhook out. It is no event: nothing happened, and nothing is kept of it."""

MAILED: frozenset[EventType] = frozenset(
    {
        "budget.threshold",
        "budget.exhausted",
        "user.suspended",
        "upstream.down",
        "upstream.up",
        "ledger.failing",
        "ledger.recovered",
    }
)
"""What operators get by e-mail: what somebody may have to act on."""
BUDGET_EVENTS: frozenset[EventType] = frozenset({"budget.threshold", "budget.exhausted"})
"""What its owner gets by e-mail, too."""
EVENT_PREFIX = "evt_"
DELIVERY_PREFIX = "dlv_"
WEBHOOK_PREFIX = "wh_"


def is_wanted(event_type: str, wanted: tuple[str, ...] | None) -> bool:
    """Whether a filter lets an event pass; None lets all pass."""
    return wanted is None or event_type in wanted
