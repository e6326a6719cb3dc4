"""Users, keys and teams as owners of limits."""

from tollkeeper.rules.limits import Limits
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.teams import Team

LIMITS = Limits(max_concurrent_requests=1)


def test_a_user_s_requests_are_counted_whatever_the_key():
    owner = owner_of(User("ann", "user", "active", None, 0, limits=LIMITS))
    assert (owner.scope, owner.users, owner.keys, owner.limits) == (("user", "ann"), ("ann",), (), LIMITS)


def test_a_key_s_own_are_counted():
    owner = owner_of(Key("key_1", "ann", None, "sk-", b"1", 0, limits=LIMITS))
    assert (owner.scope, owner.users, owner.keys) == (("key", "key_1"), ("ann",), ("key_1",))


def test_a_key_in_another_s_place_is_counted_as_that_one_was():
    owner = owner_of(Key("key_2", "ann", None, "sk-", b"2", 0, origin="key_1"))
    assert (owner.scope, owner.keys) == (("key", "key_1"), ("key_1", "key_2"))


def test_in_a_team_what_was_used_there_is_counted_whoever_used_it():
    owner = owner_of(Team("blue", None, 0, limits=LIMITS))
    assert (owner.scope, owner.users, owner.keys, owner.teams) == (("team", "blue"), (), (), ("blue",))
    assert owner.limits == LIMITS
