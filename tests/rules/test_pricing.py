from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.pricing import Price, PriceBook
from tollkeeper.rules.usage import Usage


def price(number=1, model="m", at=0, *, cost=(1, 2), cached=None, write=None):
    return Price(number, model, cost[0], cost[1], cached, write, at, at)


def number(found):
    assert found is not None
    return found.id


def test_cost_is_the_sum_of_the_classes():
    usage = Usage(prompt_tokens=100, cached_tokens=30, cache_write_tokens=20, completion_tokens=7, reasoning_tokens=5)
    assert price(cost=(1000, 50), cached=10, write=3000).cost(usage) == 50 * 1000 + 30 * 10 + 20 * 3000 + 7 * 50


def test_classes_without_a_price_cost_as_input():
    usage = Usage(prompt_tokens=100, cached_tokens=30, cache_write_tokens=20, completion_tokens=1)
    assert price(cost=(10, 1)).cost(usage) == 100 * 10 + 1


def test_the_latest_version_that_has_begun_is_in_force():
    book = PriceBook([price(1, at=0), price(2, at=100), price(3, at=200)])
    assert [number(book.in_force("m", at)) for at in (0, 99, 100, 199, 200, 10**15)] == [1, 1, 2, 2, 3, 3]
    assert book.in_force("m", -1) is None


def test_of_two_versions_of_one_moment_the_later_made_wins():
    assert number(PriceBook([price(2, at=5), price(1, at=5)]).in_force("m", 5)) == 2


def test_the_most_specific_pattern_wins():
    book = PriceBook([price(1, "*"), price(2, "gpt-4*"), price(3, "gpt-4o*"), price(4, "gpt-4o-mini")])
    asked = ["llama", "gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini-2"]
    assert [number(book.in_force(model, 0)) for model in asked] == [1, 2, 3, 4, 3]


def test_a_pattern_that_has_not_begun_hides_no_wider_one():
    book = PriceBook([price(1, "*"), price(2, "gpt*", at=100), price(3, "gpt-4", at=200)])
    assert [number(book.in_force("gpt-4", at)) for at in (0, 100, 200)] == [1, 2, 3]


def test_a_price_without_a_tag_is_that_of_the_tag_that_is_meant():
    book = PriceBook([price(1, "*"), price(2, "tiny"), price(3, "tiny:l*"), price(4, "tiny:latest", at=100)])
    assert [number(book.in_force("tiny:latest", at)) for at in (0, 100)] == [2, 4]
    assert [number(book.in_force(model, 100)) for model in ("tiny", "tiny:1b", "tiny:l1", "other:latest")] == [
        2,
        1,
        3,
        1,
    ]


@given(st.lists(st.tuples(st.sampled_from(["a", "ab", "a*", "*"]), st.integers(0, 9)), max_size=8), st.integers(0, 9))
def test_in_force_is_what_a_slow_search_finds(versions, at):
    prices = [price(number, model, moment) for number, (model, moment) in enumerate(versions, 1)]
    begun = [p for p in prices if p.effective_at <= at]
    matching = [p for p in begun if p.model == "ab" or (p.model.endswith("*") and "ab".startswith(p.model[:-1]))]
    best = max(matching, key=lambda p: (p.model == "ab", len(p.model), p.effective_at, p.id), default=None)
    assert PriceBook(prices).in_force("ab", at) == best


@given(
    st.lists(st.tuples(st.sampled_from(["a", "ab", "ab:latest", "a*", "*"]), st.integers(0, 9)), max_size=8),
    st.lists(
        st.tuples(st.sampled_from(["a", "ab", "ab:latest", "b"]), st.integers(-1, 10) | st.just(2**63)), max_size=20
    ),
)
def test_what_was_found_before_changes_nothing(versions, questions):
    prices = [price(number, model, moment) for number, (model, moment) in enumerate(versions, 1)]
    book = PriceBook(prices)
    assert [book.in_force(*asked) for asked in questions] == [PriceBook(prices).in_force(*asked) for asked in questions]
