"""The rate of a pull, and the time left."""

from __future__ import annotations

from tollkeeper.rules.pull_progress import MAX_LAYERS, WINDOW, PullProgress


def test_a_pull_begins_without_knowing_anything() -> None:
    progress = PullProgress()
    progress.note("pulling manifest", "", 0, 0, 0.0)
    assert (progress.status, progress.total, progress.rate(), progress.seconds_left()) == (
        "pulling manifest", 0, None, None,
    )  # fmt: skip


def test_the_rate_counts_what_arrives_and_not_what_was_there() -> None:
    progress = PullProgress()
    progress.note("pulling a", "a", 1000, 600, 10.0)
    progress.note("pulling a", "a", 1000, 700, 12.0)
    assert progress.arrived == 100
    assert (progress.completed, progress.total, progress.rate(), progress.seconds_left()) == (700, 1000, 50.0, 6.0)


def test_a_further_layer_adds_to_what_is_left() -> None:
    progress = PullProgress()
    progress.note("pulling a", "a", 100, 0, 0.0)
    progress.note("pulling a", "a", 100, 100, 1.0)
    progress.note("pulling b", "b", 300, 0, 2.0)
    assert (progress.completed, progress.total, progress.rate(), progress.seconds_left()) == (100, 400, 50.0, 6.0)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    progress = PullProgress()
    for second in range(100):
        progress.note("pulling a", "a", 10**6, 100 * min(second, 50), float(second))
    assert progress.rate() == 0.0
    assert progress.seconds_left() is None
    progress = PullProgress()
    for second in range(int(WINDOW) * 2 + 1):
        progress.note("pulling a", "a", 10**6, 100 * second if second < WINDOW else 1000 + 10 * second, float(second))
    assert progress.rate() is not None
    assert 9 < (progress.rate() or 0) < 12


def test_after_a_pause_it_is_measured_anew() -> None:
    progress = PullProgress()
    progress.note("pulling a", "a", 1000, 0, 0.0)
    progress.note("pulling a", "a", 1000, 500, 1.0)
    progress.pause()
    assert progress.rate() is None
    progress.note("pulling a", "a", 1000, 500, 100.0)
    progress.note("pulling a", "a", 1000, 510, 101.0)
    assert progress.rate() == 10.0


def test_what_an_upstream_tells_wrongly_does_no_harm() -> None:
    progress = PullProgress()
    progress.note("x", "a", 100, 500, 0.0)
    assert progress.completed == 100
    progress.note("x", "a", 100, -5, 1.0)
    progress.note("x", "b", -1, 5, 1.0)
    assert progress.arrived == 0
    assert list(progress.layers) == ["a"]
    for number in range(MAX_LAYERS + 10):
        progress.note("x", str(number), 1, 1, 2.0)
    assert len(progress.layers) == MAX_LAYERS
