"""Thousands of histories, each from its seed. SIM_SEED=123 plays one of them again."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter

import pytest

from tests.simulation.history import COUNTS, History
from tests.simulation.world import SteppedLoop
from tollkeeper.rules import token_ratio as token_ratio

HISTORIES = 2_000
QUICK = 200
"""Histories of the quick loop."""
CHUNK = 100
ASKED = os.environ.get("SIM_SEED")
CHUNKS = (
    [range(int(ASKED), int(ASKED) + 1)]
    if ASKED
    else [
        pytest.param(range(first, first + CHUNK), marks=pytest.mark.long if first >= QUICK else ())
        for first in range(0, HISTORIES, CHUNK)
    ]
)


def play(seed: int) -> History:
    """Raises AssertionError with the seed in it."""
    history = History(seed)
    try:
        with asyncio.Runner(loop_factory=lambda: SteppedLoop(history.time)) as runner:
            runner.run(history.play())
    except Exception as error:
        raise AssertionError(f"SIM_SEED={seed}: {error!r}") from error
    return history


@pytest.fixture(autouse=True)
def _short_histories_learn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(token_ratio, "ENOUGH", 3)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seeds", CHUNKS, ids=str)
def test_every_promise_holds_at_every_step(seeds: range):
    total: Counter[str] = Counter()
    for seed in seeds:
        total.update(play(seed).counts)
    print(f"{seeds}: {dict(total)}")
    # A history in which nothing happens keeps every promise.
    assert len(seeds) == 1 or all(total[name] * 100 >= least * CHUNK for name, least in COUNTS.items())


def test_a_seed_is_one_history():
    assert play(7).counts == play(7).counts
