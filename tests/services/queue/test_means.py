from __future__ import annotations

import pytest

from tollkeeper.services.queue.means import DEFAULT_HOLD, DEFAULT_SERVICE, Means


def test_nothing_is_known_at_first():
    mean = Means().of("ann", "m")
    assert (mean.service, mean.hold) == (DEFAULT_SERVICE, DEFAULT_HOLD)
    assert repr(mean) == "Mean(1000 in 5.0 s)"


def test_a_new_user_is_expected_to_do_as_others_of_the_model():
    means = Means()
    for service in (100.0, 300.0):
        means.of("ann", "m").note(service, service / 100)
    assert (means.of("bob", "m").service, means.of("bob", "m").hold) == (200.0, 2.0)
    means.of("bob", "m").note(50.0, 1.0)
    assert (means.of("bob", "m").service, means.of("bob", "m").hold) == (50.0, 1.0)
    assert means.of("ann", "m").service == 200.0
    assert means.of("eve", "m").service == 150.0
    assert means.of("ann", "other").service == DEFAULT_SERVICE


def test_what_was_learned_long_ago_fades():
    mean = Means().of("ann", "m")
    for service in [1000.0] * 100 + [10.0] * 100:
        mean.note(service, 1.0)
    assert mean.service == pytest.approx(10.0, abs=10.0)


def test_the_pairs_known_longest_are_forgotten():
    means = Means(most=2)
    for user in ("ann", "bob"):
        means.of(user, "m").note(7.0, 1.0)
    means.of("bob", "n").note(9.0, 1.0)
    assert means.of("bob", "m").count == 1
    assert repr(means) == "Means(2 of 2 models)"
    assert means.of("ann", "m").count == 0
    means.of("bob", "o")
    assert repr(means) == "Means(2 of 2 models)"
