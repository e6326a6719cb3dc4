from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tollkeeper.rules.pricing import Price, PriceBook, is_served
from tollkeeper.rules.usage import NO_USAGE, Usage


def price(
    number=1, model="m", at=0, *, cost=(1, 2), cached=None, write=None, upstream=None, tier=None, above=None,
    seeded=False, write_1h=None,
):  # fmt: skip
    return Price(number, model, cost[0], cost[1], cached, write, at, at, upstream, tier, above, seeded, write_1h)


def number(found):
    assert found is not None
    return found.id


def test_cost_is_the_sum_of_the_classes():
    usage = Usage(prompt_tokens=100, cached_tokens=30, cache_write_tokens=20, completion_tokens=7, reasoning_tokens=5)
    assert price(cost=(1000, 50), cached=10, write=3000).cost(usage) == 50 * 1000 + 30 * 10 + 20 * 3000 + 7 * 50


def test_classes_without_a_price_cost_as_input():
    usage = Usage(prompt_tokens=100, cached_tokens=30, cache_write_tokens=20, completion_tokens=1)
    assert price(cost=(10, 1)).cost(usage) == 100 * 10 + 1


def test_what_is_kept_for_an_hour_is_a_class_of_its_own():
    usage = Usage(100, cached_tokens=30, cache_write_tokens=20, cache_write_1h_tokens=15, completion_tokens=7)
    parts = 50 * 1000 + 30 * 10 + 7 * 50
    assert price(cost=(1000, 50), cached=10, write=1250, write_1h=2000).cost(usage) == parts + 5 * 1250 + 15 * 2000
    assert price(cost=(1000, 50), cached=10, write=1250).cost(usage) == parts + 20 * 1250  # as what is kept for less
    assert price(cost=(1000, 50), cached=10, write_1h=2000).cost(usage) == parts + 5 * 1000 + 15 * 2000
    assert price(cost=(1000, 50), write=1250, write_1h=2000).dearest_input == 2000


def test_what_is_not_counted_in_tokens_costs_by_its_own_units():
    units = replace(price(cost=(0, 0)), per_request=2_000, per_image=40_000, per_minute=6_000, per_mchar=15_000_000)
    assert units.cost(Usage(images=3), served=False) == 3 * 40_000 * 10**6  # 0.12 dollars
    assert units.cost(Usage(audio_ms=90_000), served=False) == 9_000 * 10**6  # a minute and a half
    assert units.cost(Usage(characters=1_000), served=False) == 15_000 * 10**6
    assert units.cost(NO_USAGE) == 2_000 * 10**6
    assert units.cost(NO_USAGE, served=False) == 0
    both = replace(units, input=7, output=9)
    used = Usage(10, 0, 0, 20, images=1, audio_ms=60_000, characters=1)
    assert both.cost(used) == 70 + 180 + (2_000 + 40_000 + 6_000) * 10**6 + 15_000_000
    assert price(cost=(0, 0)).cost(used) == 0, "what has no price costs nothing"


def test_parts_of_a_minute_round_up_to_a_picodollar():
    a_third = replace(price(cost=(0, 0)), per_minute=1)
    assert a_third.cost(Usage(audio_ms=1), served=False) == 17  # 16.67
    assert a_third.cost(Usage(audio_ms=3), served=False) == 50


def test_a_request_is_served_where_it_has_its_response_or_a_part_that_is_charged():
    assert is_served(NO_USAGE, completed=True)
    assert is_served(Usage(characters=1), completed=False)
    assert not is_served(NO_USAGE, completed=False)


def test_the_latest_version_that_has_begun_is_in_force():
    book = PriceBook([price(1, at=0), price(2, at=100), price(3, at=200)])
    assert [number(book.in_force("m", None, at)) for at in (0, 99, 100, 199, 200, 10**15)] == [1, 1, 2, 2, 3, 3]


def test_before_the_first_version_the_oldest_is_in_force():
    """Only a clock that was set back asks: a price must not turn into none."""
    book = PriceBook([price(3, "m*", at=50), price(1, "m", at=100), price(2, "m", at=200)])
    assert [number(book.in_force("m", None, at)) for at in (-1, 49, 50, 99, 100)] == [1, 1, 3, 3, 1]
    assert number(book.in_force("m2", None, 0)) == 3
    assert book.in_force("other", None, 0) is None
    assert [version.id for version in book.current(0)] == [1, 3]


def test_a_scheduled_version_never_begins_early():
    scheduled = Price(1, "m", 1, 2, None, None, effective_at=500, created_at=100)
    assert PriceBook([scheduled]).in_force("m", None, 99) is None
    assert PriceBook([scheduled]).in_force("m", None, 499) is None
    book = PriceBook([scheduled, price(2, at=900)])
    assert [number(book.in_force("m", None, at)) for at in (99, 499, 500, 900)] == [2, 2, 1, 2]


def test_of_two_versions_of_one_moment_the_later_made_wins():
    assert number(PriceBook([price(2, at=5), price(1, at=5)]).in_force("m", None, 5)) == 2


def test_the_most_specific_pattern_wins():
    book = PriceBook([price(1, "*"), price(2, "gpt-4*"), price(3, "gpt-4o*"), price(4, "gpt-4o-mini")])
    asked = ["llama", "gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini-2"]
    assert [number(book.in_force(model, None, 0)) for model in asked] == [1, 2, 3, 4, 3]


def test_a_pattern_that_has_not_begun_hides_no_wider_one():
    book = PriceBook([price(1, "*"), price(2, "gpt*", at=100), price(3, "gpt-4", at=200)])
    assert [number(book.in_force("gpt-4", None, at)) for at in (0, 100, 200)] == [1, 2, 3]


def test_a_price_without_a_tag_is_that_of_the_tag_that_is_meant():
    book = PriceBook([price(1, "*"), price(2, "tiny"), price(3, "tiny:l*"), price(4, "tiny:latest", at=100)])
    assert [number(book.in_force("tiny:latest", None, at)) for at in (0, 100)] == [2, 4]
    assert [number(book.in_force(model, None, 100)) for model in ("tiny", "tiny:1b", "tiny:l1", "other:latest")] == [
        2,
        1,
        3,
        1,
    ]


@given(st.lists(st.tuples(st.sampled_from(["a", "ab", "a*", "*"]), st.integers(0, 9)), max_size=8), st.integers(0, 9))
def test_in_force_is_what_a_slow_search_finds(versions, at):
    prices = [price(number, model, moment) for number, (model, moment) in enumerate(versions, 1)]
    matching = [p for p in prices if p.model == "ab" or (p.model.endswith("*") and "ab".startswith(p.model[:-1]))]
    begun = [p for p in matching if p.effective_at <= at]
    oldest = max(matching, key=lambda p: (p.model == "ab", len(p.model), -p.effective_at, -p.id), default=None)
    best = max(begun, key=lambda p: (p.model == "ab", len(p.model), p.effective_at, p.id), default=oldest)
    assert PriceBook(prices).in_force("ab", None, at) == best


@given(
    st.lists(st.tuples(st.sampled_from(["a", "ab", "ab:latest", "a*", "*"]), st.integers(0, 9)), max_size=8),
    st.lists(
        st.tuples(st.sampled_from(["a", "ab", "ab:latest", "b"]), st.integers(-1, 10) | st.just(2**63)), max_size=20
    ),
)
def test_what_was_found_before_changes_nothing(versions, questions):
    prices = [price(number, model, moment) for number, (model, moment) in enumerate(versions, 1)]
    book = PriceBook(prices)
    assert [book.in_force(model, None, at) for model, at in questions] == [
        PriceBook(prices).in_force(model, None, at) for model, at in questions
    ]


ROWS = [
    price(1, "*"),
    price(2, "gpt*", upstream="azure"),
    price(3, "gpt-4"),
    price(4, "gpt-4", upstream="azure"),
    price(5, "*", upstream="azure"),
    price(6, "gpt-4o*"),
]


def test_an_upstreams_own_price_comes_before_any_upstreams_of_the_same_sort():
    def found(*rows, model="gpt-4"):
        book = PriceBook([each for each in ROWS if each.id in rows])
        return [number(book.in_force(model, upstream, 0)) for upstream in ("azure", "openai")]

    assert found(1, 2, 3, 4, 5) == [4, 3]
    assert found(1, 2, 3, 5) == [3, 3]  # an exact name before a pattern of the upstream's own
    assert found(1, 2, 5) == [2, 1]
    assert found(1, 5) == [5, 1]
    assert found(1, 2, 5, 6, model="gpt-4o-mini") == [2, 6]  # any pattern of the upstream's own before another's


def test_an_upstream_is_the_same_whatever_the_case_of_its_name():
    rows = [
        price(1),
        price(2, upstream="Azure"),
        price(3, above=100, upstream="AZURE"),
        price(4, at=9, upstream="azure"),
    ]
    book = PriceBook(rows)
    assert [number(book.in_force("m", upstream, 0)) for upstream in ("azure", "Azure", "other")] == [2, 2, 1]
    stepped = book.in_force("m", "aZure", 0)
    assert stepped is not None
    assert stepped.for_input(101).id == 3
    assert number(book.in_force("m", "Azure", 9)) == 4
    assert {version.id for version in book.current(9)} == {1, 3, 4}


def test_a_seeded_price_is_that_of_its_upstream_where_an_admin_set_none():
    seeds = [price(1, "gpt*", upstream="azure", seeded=True), price(2, "gpt-4", upstream="azure", seeded=True)]

    def found(*rows, model="gpt-4", upstream="Azure"):
        book = PriceBook([*rows, *seeds])
        found = book.in_force(model, upstream, 0)
        return found and found.id

    assert [found(), found(model="gpt-5"), found(upstream="local"), found(upstream=None)] == [2, 1, None, None]
    assert found(price(3, "gpt-4", upstream="azure")) == found(price(3, "gpt-4")) == 3
    assert found(price(3, "*")) == found(price(3, "gpt*")) == 2  # its name is more specific
    assert found(price(3, "gpt*"), model="gpt-5") == 3
    assert found(price(3, "*"), model="gpt-5") == 1
    assert found(price(3, "*", upstream="azure"), model="gpt-5") == 3


def test_a_seeded_price_may_have_longer_inputs_of_an_admins_but_an_admins_has_none_of_a_seeds():
    seeds = [price(1, upstream="a", seeded=True), price(2, upstream="a", above=100, seeded=True)]
    longer = price(3, upstream="a", above=100)
    for rows, expected in (((), 2), ((longer,), 3), ((price(4, upstream="a"),), 4)):
        found = PriceBook([*seeds, *rows]).in_force("m", "a", 0)
        assert found is not None
        assert found.for_input(101).id == expected


def test_of_a_seed_and_an_admins_price_of_the_same_row_only_that_in_force_is_current():
    seeds = [price(1, upstream="a", seeded=True), price(3, at=20, upstream="a", seeded=True)]
    book = PriceBook([*seeds, Price(2, "m", 1, 2, None, None, effective_at=9, created_at=0, upstream="A")])
    assert [[version.id for version in book.current(at)] for at in (0, 9, 20)] == [[1], [2], [2]]
    assert [number(book.in_force("m", "a", at)) for at in (0, 9, 20)] == [1, 2, 2]
    assert [version.id for version in book.history("m")] == [3, 2, 1]


def test_a_tier_has_no_price_unless_a_row_names_it():
    book = PriceBook([price(1), price(2, tier="flex"), price(3, tier="flex", upstream="azure")])
    assert number(book.in_force("m", "openai", 0)) == 1
    assert [number(book.in_force("m", upstream, 0, "flex")) for upstream in ("openai", "azure")] == [2, 3]
    assert book.in_force("m", "openai", 0, "priority") is None


def test_a_longer_input_has_the_price_of_its_length():
    rows = [price(1, cost=(1, 9)), price(2, above=100, cost=(5, 2), cached=7), price(3, above=200, cost=(3, 10))]
    found = PriceBook(rows).in_force("m", None, 0)
    assert found is not None
    assert found.id == 1
    assert [found.for_input(tokens).id for tokens in (0, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]
    assert [found.dearest(most) for most in (100, 101, 201)] == [(1, 9), (7, 9), (7, 10)]
    assert rows[0].for_input(10**6) is rows[0]
    assert rows[1].dearest(10**6) == (7, 2)


def test_a_length_belongs_to_the_row_of_its_upstream_and_tier():
    rows = [price(1), price(2, above=100, upstream="azure"), price(3, tier="flex"), price(4, tier="flex", above=100)]
    book = PriceBook(rows)
    plain, flex = book.in_force("m", "azure", 0), book.in_force("m", "azure", 0, "flex")
    assert plain is not None
    assert flex is not None
    assert (plain.for_input(101).id, flex.for_input(101).id) == (1, 4)


def test_every_row_has_its_own_version_and_label():
    rows = [price(1), price(2), price(3, upstream="azure"), price(4, tier="flex"), price(5, above=100)]
    book = PriceBook(rows)
    assert [(each.id, each.label) for each in book.current(0)] == [
        (2, "m"),
        (5, "m >100"),
        (3, "m @azure"),
        (4, "m flex"),
    ]
    assert [each.id for each in book.history("m")] == [5, 4, 3, 2, 1]
