"""What is left of limits, read from counters in memory."""

import pytest

from tests.store.values import NOON
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import USER, Owner
from tollkeeper.services.limits.usage import LimitUsage, spellings
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports.counters import PastUse


async def reading(*past):
    counters = MemoryCounters()
    await counters.begin(
        {("user", "ann"): {"": frozenset({"tokens_total"}), "tiny:latest": frozenset({"tokens_total"})}}
    )
    await counters.add([PastUse(scope, name, amount, NOON) for scope, name, amount in past])
    return LimitUsage(counters, lambda: NOON)


async def test_each_limit_by_its_name():
    usage = await reading((("user", "ann"), "tokens_total", 4))
    of = await usage.of(Owner(USER, "ann", Limits(counts={"tokens_total": 10}, max_concurrent_requests=2)))
    assert {name: (status.used, status.remaining) for name, status in of.items()} == {
        "max_concurrent_requests": (0, 2),
        "tokens_total": (4, 6),
    }


async def test_a_model_without_its_tag_has_what_is_left_of_the_canonical_one():
    usage = await reading((("user", "ann", "tiny:latest"), "tokens_total", 4))
    models = {name: {"tokens_total": 10} for name in ("tiny", "tiny:latest", *map(str, range(20)))}
    of = await usage.by_model(Owner(USER, "ann", Limits(models=models)))
    assert list(of) == list(models)
    assert {name: status["tokens_total"].remaining for name, status in of.items() if name.startswith("tiny")} == {
        "tiny": 6,
        "tiny:latest": 6,
    }


@pytest.mark.parametrize(
    ("model", "spelled"), [("tiny", ("tiny", "tiny:latest")), ("tiny:1b", ("tiny:1b",)), ("", ("",))]
)
def test_spellings(model, spelled):
    assert spellings(model) == spelled
