"""What each generation of models takes: how it is told to think, or not to, and what it takes of sampling."""

import pytest

from tollkeeper.wire.translate.conversation import Reasoning
from tollkeeper.wire.translate.messages.models import Model, Wanted, model_of, wanted_thinking

BUDGET = "claude-sonnet-4-5-20250929"
ADAPTIVE = "claude-opus-4-6"
ALWAYS = "claude-fable-5"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-3-5-sonnet-20241022", Model("none")),
        ("claude-3-opus-20240229", Model("none")),
        ("claude-3-7-sonnet-20250219", Model("budget")),
        ("claude-opus-4-20250514", Model("budget")),
        ("anthropic/claude-opus-4.5", Model("budget")),
        (BUDGET, Model("budget")),
        (ADAPTIVE, Model("adaptive")),
        ("claude-opus-4-7", Model("adaptive", xhigh=True, sampling="none")),
        ("claude-sonnet-5", Model("adaptive", on=True, xhigh=True, sampling="none")),
        ("claude-haiku-5-5", Model("adaptive", on=True, xhigh=True, sampling="none")),
        (ALWAYS, Model("adaptive", on=True, off=False, xhigh=True, sampling="none")),
        ("claude-mythos-preview", Model("adaptive", on=True, off=False, xhigh=True, sampling="none")),
        ("claude-opus-latest", Model("adaptive", xhigh=True, sampling="none")),
        ("kimi-k2-thinking", Model("budget", sampling="all")),
    ],
)
def test_what_models_know(name, model):
    assert model_of(name) == model


@pytest.mark.parametrize(
    ("reasoning", "name", "cap", "wanted"),
    [
        (Reasoning("high"), BUDGET, 10_000, ("enabled", 8000)),
        (Reasoning("low"), BUDGET, 10_000, ("enabled", 2000)),
        (Reasoning(), BUDGET, 10_000, ("enabled", 5000)),
        (Reasoning("minimal"), BUDGET, 4096, ("enabled", 1024)),
        (Reasoning("xhigh"), BUDGET, 64_000, ("enabled", 32_000)),
        (Reasoning(budget=9000), BUDGET, 10_000, ("enabled", 9000)),
        (Reasoning(budget=9000), BUDGET, 2000, ("enabled", 1999)),
        (Reasoning(budget=5), BUDGET, 2000, ("enabled", 1024)),
    ],
)
def test_a_budget_is_less_than_the_cap(reasoning, name, cap, wanted):
    kind, budget = wanted
    got = wanted_thinking(reasoning, name, cap, allowed=True)
    assert got == Wanted({"type": kind, "budget_tokens": budget}, on=True)


def test_too_small_a_cap_leaves_no_room_for_thoughts_and_old_models_have_none():
    assert wanted_thinking(Reasoning("high"), BUDGET, 1024, allowed=True) == Wanted()
    assert wanted_thinking(Reasoning("high"), "claude-3-haiku-20240307", 9000, allowed=True) == Wanted()


@pytest.mark.parametrize(
    ("effort", "name", "sent"),
    [(None, ADAPTIVE, None), ("minimal", ADAPTIVE, "low"), ("xhigh", ADAPTIVE, "high"), ("xhigh", ALWAYS, "xhigh")],
)
def test_an_effort_goes_to_models_that_know_it(effort, name, sent):
    shown = {"type": "adaptive", "display": "summarized"}
    assert wanted_thinking(Reasoning(effort), name, 5, allowed=True) == Wanted(shown, sent, on=True)
    hidden = {"type": "adaptive", "display": "omitted"}
    assert wanted_thinking(Reasoning(effort, shown=False), name, 5, allowed=True).thinking == hidden


@pytest.mark.parametrize(
    ("reasoning", "allowed"), [(Reasoning("none"), True), (Reasoning("high"), False), (None, False)]
)
def test_off_is_said_to_models_that_think_by_default(reasoning, allowed):
    assert wanted_thinking(reasoning, "claude-sonnet-5", 9000, allowed=allowed) == Wanted({"type": "disabled"})
    assert wanted_thinking(reasoning, ALWAYS, 9000, allowed=allowed) == Wanted(on=True)
    for name in (ADAPTIVE, BUDGET, "kimi-k2"):
        assert wanted_thinking(reasoning, name, 9000, allowed=allowed) == Wanted()


def test_nothing_said_is_nothing_sent():
    assert wanted_thinking(None, "claude-sonnet-5", 9000, allowed=True) == Wanted(on=True)
    assert wanted_thinking(None, ADAPTIVE, 9000, allowed=True) == Wanted()
