"""Owners of limits: where they are counted, and what tells two of them apart."""

from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import KEY, USER, Owner


def test_a_user_and_a_key_of_one_id_are_counted_apart():
    assert Owner(USER, "a").scope == ("user", "a")
    assert Owner(KEY, "a").scope == ("key", "a")


def test_changed_limits_make_another_owner_of_the_same_scope():
    before, after = Owner(USER, "a"), Owner(USER, "a", Limits(max_concurrent_requests=1))
    assert before.scope == after.scope
    assert before != after
    assert before == before  # noqa: PLR0124 # compared by identity
    assert Owner(USER, "a") != before


def test_it_says_who_it_is():
    assert repr(Owner(KEY, "key_1")) == "Owner(key 'key_1')"
