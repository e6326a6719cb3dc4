"""The table of failover, row by row, and the bounds on it."""

from __future__ import annotations

import pytest

from tollkeeper.rules.failover import ROWS, Attempts, RetryBudget, Verdict
from tollkeeper.rules.outcomes import Outcome

NEXT, RAISE = Verdict.NEXT, Verdict.RAISE

FOLLOWS: list[tuple[Outcome, list[Verdict], list[Verdict]]] = [
    (Outcome.UNREACHABLE, [NEXT, NEXT, NEXT], [NEXT, NEXT, NEXT]),
    (Outcome.PARTLY_SENT, [NEXT, NEXT, NEXT], [NEXT, NEXT, NEXT]),
    (Outcome.BROKEN, [NEXT, RAISE, RAISE], [RAISE, RAISE, RAISE]),
    (Outcome.MODEL_MISSING, [NEXT, NEXT, NEXT], [NEXT, NEXT, NEXT]),
    (Outcome.OVERLOADED, [NEXT, NEXT, NEXT], [NEXT, NEXT, NEXT]),
    (Outcome.UNAVAILABLE, [NEXT, NEXT, NEXT], [NEXT, NEXT, NEXT]),
    (Outcome.OPERATOR_FAULT, [NEXT, NEXT, NEXT], [NEXT, NEXT, NEXT]),
    (Outcome.FORBIDDEN, [NEXT, NEXT, NEXT], [NEXT, NEXT, NEXT]),
    (Outcome.MODEL_FAILED, [NEXT, RAISE, RAISE], [NEXT, RAISE, RAISE]),
    (Outcome.BAD_GATEWAY, [NEXT, RAISE, RAISE], [NEXT, RAISE, RAISE]),
    (Outcome.UNSUPPORTED, [RAISE], [RAISE]),
    (Outcome.TOO_SLOW, [RAISE], [RAISE]),
    (Outcome.REFUSED, [RAISE], [RAISE]),
    (Outcome.UNEXPECTED, [RAISE], [RAISE]),
    (Outcome.TOO_LONG, [RAISE], [RAISE]),
    (Outcome.STREAM_DIED, [RAISE], [RAISE]),
]
"""What follows when it happens again and again, where the upstream does not charge, and where it may."""


@pytest.mark.parametrize("paid", [False, True])
@pytest.mark.parametrize(("outcome", "free", "charged"), FOLLOWS, ids=lambda value: getattr(value, "name", ""))
def test_what_follows(outcome: Outcome, free: list[Verdict], charged: list[Verdict], paid: bool) -> None:
    attempts = Attempts()
    expected = charged if paid else free
    assert [attempts.decide(outcome, paid=paid) for _ in expected] == expected
    assert attempts.count == len(expected)


def test_every_way_to_fail_has_its_row() -> None:
    assert [outcome for outcome, _, _ in FOLLOWS] == list(Outcome) == list(ROWS)


SEQUENCES = [
    ("what crashes one must not visit a third", [Outcome.BROKEN, Outcome.MODEL_FAILED], [NEXT, RAISE]),
    ("one that turns it away has not taken it in", [Outcome.OVERLOADED, Outcome.BROKEN, Outcome.UNAVAILABLE],
     [NEXT, NEXT, NEXT]),
    ("nor has one that cannot be reached", [Outcome.BROKEN, Outcome.UNREACHABLE, Outcome.BROKEN], [NEXT, NEXT, RAISE]),
    ("a fault of the request is one after any other", [Outcome.UNREACHABLE, Outcome.REFUSED], [NEXT, RAISE]),
]  # fmt: skip


@pytest.mark.parametrize(("outcomes", "verdicts"), [row[1:] for row in SEQUENCES], ids=[row[0] for row in SEQUENCES])
def test_attempts_of_one_request(outcomes: list[Outcome], verdicts: list[Verdict]) -> None:
    attempts = Attempts()
    found = [attempts.decide(outcome, paid=False) for outcome in outcomes]
    assert found == verdicts


@pytest.mark.parametrize(
    ("what", "outcomes"),
    [
        ("upstream", {Outcome.UNREACHABLE, Outcome.PARTLY_SENT, Outcome.BROKEN, Outcome.BAD_GATEWAY, Outcome.TOO_SLOW}),
        ("model", {Outcome.MODEL_FAILED, Outcome.UNSUPPORTED, Outcome.STREAM_DIED}),
    ],
)
def test_what_has_failed(what: str, outcomes: set[Outcome]) -> None:
    assert {outcome for outcome, row in ROWS.items() if row.fails == what} == outcomes


@pytest.mark.parametrize(
    ("what", "outcomes"),
    [
        ("upstream", {Outcome.UNAVAILABLE, Outcome.OPERATOR_FAULT}),
        ("model", {Outcome.OVERLOADED, Outcome.FORBIDDEN}),
    ],
)
def test_what_rests(what: str, outcomes: set[Outcome]) -> None:
    assert {outcome for outcome, row in ROWS.items() if row.rests == what} == outcomes


def test_what_else_is_to_do() -> None:
    assert [outcome for outcome, row in ROWS.items() if row.refreshes] == [Outcome.MODEL_MISSING]
    assert [outcome for outcome, row in ROWS.items() if row.alerts] == [Outcome.OPERATOR_FAULT, Outcome.FORBIDDEN]


@pytest.mark.parametrize(("requests", "retries"), [(0, 10), (4, 10), (5, 11), (100, 30)])
def test_retries_are_a_fifth_of_the_requests_and_ten(requests: int, retries: int) -> None:
    budget = RetryBudget()
    for _ in range(requests):
        budget.request(100.0)
    assert [budget.take(100.0) for _ in range(retries + 1)] == [True] * retries + [False]


def test_requests_and_retries_of_ten_seconds_ago_do_not_count() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.request(100.0)
    assert all(budget.take(100.0) for _ in range(30))
    assert not budget.take(105.0)
    assert [budget.take(110.0) for _ in range(11)] == [True] * 10 + [False]
