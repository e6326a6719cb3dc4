"""Admission by values, and by Hypothesis against a slow obvious model."""

from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tests.rules.admission import allow
from tests.rules.admission import limited as limited_at
from tollkeeper.rules.admission import Counter, Demand, LimitCheck, Refused, give_back, settle, take
from tollkeeper.rules.limits import COUNTED
from tollkeeper.rules.windows import DAY, HOUR, MINUTE, SECOND, month_of

START = 1_795_000_000_000
LENGTH = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY}


limited = partial(limited_at, at=START)


def refusal(checks, demand=None, at=START):
    with pytest.raises(Refused) as caught:
        allow(checks, demand or Demand(), at)
    return caught.value


def test_without_limits_nothing_is_clipped():
    assert allow([], Demand(allowance=4096), START) == 4096


@pytest.mark.parametrize("name", ["tokens_per_day", "tokens_per_month", "tokens_total"])
def test_a_budget_clips_the_allowance_to_what_is_left(name):
    asked = Demand(budget_input=100, allowance=4096)
    assert allow([limited(name, 1000, used=300)], asked, START) == 600
    assert allow([limited(name, 1000, used=300, held=400)], asked, START) == 200
    assert allow([limited(name, 1000, used=884)], asked, START) == 16
    assert refusal([limited(name, 1000, used=885)], asked).violation.reason == "exhausted"
    assert refusal([limited(name, 1000, used=800, held=85)], asked).violation.reason == "held"
    assert refusal([limited(name, 115)], asked).violation.reason == "never"
    assert refusal([limited(name, 0)], asked).violation.reason == "blocked"


def test_who_asks_for_little_is_let_in_with_little():
    assert allow([limited("tokens_total", 100, used=95)], Demand(allowance=5), START) == 5
    assert refusal([limited("tokens_total", 100, used=96)], Demand(allowance=5)).retry_at is None


def test_cost_is_clipped_by_the_price_of_output():
    asked = Demand(budget_input=10, allowance=1000, input_price=5, output_price=20)
    assert allow([limited("cost_usd_per_day", 50 + 20 * 700 + 19)], asked, START) == 700
    free_output = Demand(budget_input=10, allowance=1000, input_price=5)
    assert allow([limited("cost_usd_per_day", 50)], free_output, START) == 1000


def test_several_choices_are_clipped_alike():
    asked = Demand(allowance=300, choices=3)
    assert allow([limited("tokens_total", 100)], asked, START) == 99
    assert refusal([limited("tokens_total", 47)], asked).violation.needed == 48


def test_a_pace_refuses_and_never_clips():
    asked = Demand(pace_input=10, budget_input=500, allowance=90)
    assert allow([limited("tokens_per_minute", 100)], asked, START) == 90
    refused = refusal([limited("tokens_per_minute", 100, used=1)], asked)
    assert (refused.violation.reason, refused.violation.needed) == ("exhausted", 100)
    assert START + MINUTE <= refused.retry_at <= START + MINUTE + 1001
    assert refusal([limited("tokens_per_minute", 99)], asked).violation.reason == "never"


def test_what_binds_longest_is_named():
    checks = [limited(f"requests_per_{span}", 1, 1) for span in ("minute", "day", "second")]
    refused = refusal(checks)
    assert refused.violation.name == "requests_per_day"
    assert refused.retry_at >= START + DAY
    assert refusal([*checks, limited("requests_total", 1, 1)]).violation.name == "requests_total"
    assert refusal([*checks, limited("requests_total", 0)]).violation.reason == "blocked"
    assert (
        refusal([limited("requests_total", 0), limited("tokens_total", 5)], Demand(budget_input=9)).violation.reason
        == "blocked"
    )


@pytest.mark.parametrize("used", [0, -5])
def test_a_limit_of_zero_blocks_what_costs_nothing_too(used):
    assert refusal([limited("cost_usd_total", 0, used)]).violation.reason == "blocked"


def test_a_wait_that_ends_in_what_never_fits_names_that():
    """Clipped by the day it fitted the minute; when the day has room it asks for more than the minute ever has."""
    checks = [limited("tokens_per_day", 1000, used=990), limited("tokens_per_minute", 300)]
    refused = refusal(checks, Demand(pace_input=50, budget_input=50, allowance=500))
    assert (refused.violation.name, refused.violation.reason, refused.retry_at) == (
        "tokens_per_minute",
        "never",
        None,
    )


def test_all_or_nothing():
    checks = [limited("requests_per_minute", 5), limited("tokens_per_minute", 100), limited("tokens_total", 10)]
    with pytest.raises(Refused):
        take(checks, Demand(pace_input=1, budget_input=20), START)
    assert all(check.counter.held == 0 and check.counter.window.used(START) == 0 for check in checks)


def test_a_moment_that_frees_a_budget_may_still_be_too_early_for_a_pace():
    """When the day has room again the allowance is larger than what the hour has room for."""
    day, hour = limited("tokens_per_day", 1000, used=990), limited("tokens_per_hour", 900, used=0)
    hour.counter.window.add(500, START + DAY)
    asked = Demand(allowance=800)
    refused = refusal([day, hour], asked)
    assert allow([day, hour], asked, refused.retry_at) == 800


class Admission(RuleBasedStateMachine):
    """Requests come, are settled or given back, time passes; a list of all that was ever admitted is the model."""

    @initialize(
        limits=st.dictionaries(st.sampled_from(list(COUNTED)), st.integers(0, 60), min_size=1, max_size=4),
        second=st.dictionaries(st.sampled_from(list(COUNTED)), st.integers(0, 60), max_size=2),
    )
    def begin(self, limits, second):
        self.now = START
        self.checks = [
            LimitCheck(name, scope, limit, Counter(COUNTED[name]))
            for scope, figures in ((("user", "alice"), limits), (("key", "k1"), second))
            for name, limit in figures.items()
        ]
        self.running = []
        self.settled = []  # (admitted, settled or None, tokens, cost)

    @rule(step=st.sampled_from([0, 1, 10, 500, 999, 1000, 20_000, 59_000, 60_000, HOUR // 2, HOUR, DAY, 20 * DAY]))
    def wait(self, step):
        self.now += step

    @rule(
        pace=st.integers(0, 10),
        extra=st.integers(0, 10),
        allowance=st.integers(0, 40),
        price=st.sampled_from([0, 1, 2]),
    )
    def ask(self, pace, extra, allowance, price):
        demand = Demand(pace, pace + extra, allowance, 1, price, 2 * price)
        before = [(check.counter.held, check.counter.window.used(self.now)) for check in self.checks]
        try:
            hold = take(self.checks, demand, self.now)
        except Refused as refused:
            assert before == [(check.counter.held, check.counter.window.used(self.now)) for check in self.checks]
            self.check_honest(refused, demand)
            return
        assert demand.min_allowance <= hold.allowance <= demand.allowance
        self.running.append((demand, hold))

    def check_honest(self, refused, demand):
        """At the moment it names the request, alone, goes out; and not before (asked at some moments in between)."""
        bare = [replace(check, counter=_without_holds(check)) for check in self.checks]
        if refused.violation.reason == "held":
            allow(bare, demand, self.now)
        elif refused.retry_at is None:
            with pytest.raises(Refused):
                allow(bare, demand, self.now + 10 * DAY)
        else:
            allow(bare, demand, refused.retry_at)
            with pytest.raises(Refused):
                allow(bare, demand, refused.retry_at - 1)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), part=st.floats(0, 1))
    def settle(self, data, part):
        demand, hold = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        tokens_in, tokens_out = int(part * demand.budget_input), int(part * hold.allowance)
        tokens_in = min(tokens_in, demand.pace_input)
        cost = tokens_in * demand.input_price + tokens_out * demand.output_price
        settle(hold, tokens_in + tokens_out, cost, self.now)
        self.settled.append((hold.at, self.now, tokens_in + tokens_out, cost))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def abandon(self, data):
        _, hold = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        give_back(hold)

    @invariant()
    def never_over(self):
        for check in getattr(self, "checks", ()):
            assert check.counter.window.used(self.now) + check.counter.held <= check.limit
            assert self.truly_used(check) <= check.limit
            if COUNTED[check.name].span in ("month", "total"):
                assert check.counter.window.used(self.now) == self.truly_used(check)

    @invariant()
    def nothing_is_held_when_nothing_runs(self):
        if not getattr(self, "running", True):
            assert all(check.counter.held == 0 for check in self.checks)

    def truly_used(self, check):
        quantity, span = COUNTED[check.name]
        if quantity == "requests":
            events = [(at, 1) for at, *_ in self.settled] + [(hold.at, 1) for _, hold in self.running]
        else:
            which = 2 if quantity == "tokens" else 3
            events = [(record[0] if span == "month" else record[1], record[which]) for record in self.settled]
        if span == "total":
            return sum(amount for _, amount in events)
        if span == "month":
            return sum(amount for at, amount in events if month_of(at) == month_of(self.now))
        return sum(amount for at, amount in events if self.now - LENGTH[span] < at)


def _without_holds(check):
    bare = Counter(COUNTED[check.name])
    bare.window = check.counter.window
    return bare


Admission.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestAdmission = Admission.TestCase
