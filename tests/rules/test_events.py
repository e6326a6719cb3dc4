"""Events: their types, and filters of them."""

from tollkeeper.rules.events import BUDGET_EVENTS, EVENT_TYPES, MAILED, is_wanted


def test_a_filter_lets_pass_what_it_names() -> None:
    assert is_wanted("key.created", ("key.created",))
    assert not is_wanted("key.revoked", ("key.created",))


def test_without_a_filter_all_pass() -> None:
    assert all(is_wanted(event_type, None) for event_type in EVENT_TYPES)


def test_only_events_are_mailed() -> None:
    assert MAILED.issubset(EVENT_TYPES)
    assert BUDGET_EVENTS.issubset(MAILED)
