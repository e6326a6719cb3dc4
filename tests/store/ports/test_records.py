"""What a request that was under way leaves behind, and what counts as one."""

import json

from tests.store.values import NOON, a_record, an_intent
from tollkeeper.rules.usage import NO_USAGE
from tollkeeper.store.ports.records import ADJUSTMENT, lost, requests_of


def test_a_lost_request_costs_nothing_and_keeps_what_is_known_of_it() -> None:
    intent = an_intent()
    record = lost(intent, NOON + 5)
    assert (record.request_id, record.user_id, record.stream) == (intent.request_id, intent.user_id, intent.stream)
    assert (record.settled_at, record.status, record.usage, record.cost_pico) == (NOON + 5, "lost", NO_USAGE, 0)
    assert record.metadata is None


def test_it_tells_what_it_may_have_used_where_both_bounds_are_known() -> None:
    record = lost(an_intent(bound_tokens=7, bound_cost_pico=1_500_000_000_000), NOON)
    assert json.loads(record.metadata or "") == {"bound_tokens": 7, "bound_cost_usd": "1.5"}
    assert lost(an_intent(bound_tokens=7), NOON).metadata is None


def test_a_correction_is_no_request() -> None:
    assert [requests_of(a_record()), requests_of(a_record(endpoint=ADJUSTMENT))] == [1, 0]
