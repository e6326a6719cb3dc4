from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.token_ratio import ENOUGH, TokenRatio


def test_nothing_is_believed_before_enough_was_seen():
    learned = TokenRatio()
    for _ in range(ENOUGH - 1):
        learned.note(1, 100)
    assert (learned.bound(1000), learned.mean(1000)) == (1000, 250)
    learned.note(1, 100)
    assert (learned.bound(1000), learned.mean(1000)) == (16, 10)


def test_the_bound_covers_the_dear_ones_and_the_mean_does_not():
    learned = TokenRatio()
    for number in range(1000):
        learned.note(90 if number % 20 == 0 else 10, 100)
    assert learned.bound(100) >= 90
    assert learned.mean(100) == 14


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=ENOUGH, max_size=200))
def test_the_bound_covers_99_of_100(seen):
    learned = TokenRatio()
    for tokens, size in seen:
        learned.note(tokens, size)
    covered = sum(tokens <= learned.bound(size) for tokens, size in seen if tokens <= 2 * size)
    large = sum(tokens > 2 * size for tokens, size in seen)
    assert covered + large >= len(seen) * 0.99


def test_what_tells_nothing_is_left_out():
    learned = TokenRatio()
    learned.note(0, 100)
    learned.note(5, 0)
    assert learned.seen == 0


def test_old_ones_are_forgotten_slowly():
    learned = TokenRatio()
    for _ in range(20_000):
        learned.note(50, 100)
    for _ in range(15_000):
        learned.note(10, 100)
    assert learned.mean(100) < 30
    assert learned.seen < 30_000


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=ENOUGH, max_size=200), st.integers(1, 9))
def test_the_bound_is_the_same_however_often_it_was_asked(seen, every):
    asked, fresh = TokenRatio(), TokenRatio()
    for number, (tokens, size) in enumerate(seen):
        asked.note(tokens, size)
        fresh.note(tokens, size)
        if number % every == 0:
            asked.bound(100)
    assert asked.bound(1000) == fresh.bound(1000)


def test_the_bound_is_the_same_after_the_weights_were_halved():
    asked, fresh = TokenRatio(), TokenRatio()
    for number in range(20_100):
        for learned in (asked, fresh):
            learned.note(1 + number * number % 97, 100)
        asked.bound(100)
    assert asked.seen < 20_000
    assert asked.bound(1000) == fresh.bound(1000)
