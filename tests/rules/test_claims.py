"""What claims say of a person."""

from __future__ import annotations

from typing import Any

import pytest

from tollkeeper.rules.claims import display_name, is_admin, may_have_account, team_of, user_ids, values_of


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("groups", ("a", "b")),
        ("one", ("a",)),
        ("https://corp.example/roles", ("r",)),
        ("realm_access.roles", ("x",)),
        ("realm_access.none", ()),
        ("one.two", ()),
        ("groups.0", ()),
        ("number", ()),
        ("mixed", ("a",)),
        ("none", ()),
        ("", ()),
        (".", ()),
    ],
)
def test_values_of_a_claim(name, found):
    claims = {
        "groups": ["a", "b"], "one": "a", "https://corp.example/roles": ["r"], "realm_access": {"roles": ["x"]},
        "number": 7, "mixed": ["a", 7, None, ["b"]],
    }  # fmt: skip
    assert values_of(claims, name) == found


def test_a_name_that_stands_there_as_it_is_counts_before_a_path():
    assert values_of({"a.b": "literal", "a": {"b": "nested"}}, "a.b") == ("literal",)


@pytest.mark.parametrize(
    ("value", "admin"),
    [("admin", True), (["x", "admin"], True), ("administrator", False), ("Admin", False), (True, False), (None, False),
     ({"admin": 1}, False), ([["admin"]], False)],
)  # fmt: skip
def test_admins(value, admin):
    assert is_admin({"roles": value}, "roles", {"admin"}) is admin


def test_teams():
    assert team_of({"team": ["red", "", "blue"]}, "team") == "blue"
    assert team_of({"team": ""}, "team") is None
    assert team_of({}, "team") is None


@pytest.mark.parametrize(
    ("verified", "fits"), [(True, True), ("true", True), (False, False), ("yes", False), (1, False)]
)
def test_only_a_verified_address_has_a_domain(verified, fits):
    claims = {"email": "ann@corp.example", "email_verified": verified}
    assert may_have_account(claims, domains={"corp.example"}, groups=(), groups_claim="groups") is fits


def test_everybody_of_the_provider_where_the_setting_says_so():
    assert may_have_account({}, domains={"*"}, groups=(), groups_claim="groups")
    assert not may_have_account({}, domains=(), groups=(), groups_claim="groups")


def test_ids_for_a_newcomer():
    claims: dict[str, Any] = {"preferred_username": "ann", "email": "ann@corp.example", "email_verified": True}
    found = list(user_ids(claims, "corp", "sub-1"))
    assert found[:3] == ["ann", "ann-2", "ann-3"]
    assert found[9] == "ann@corp.example"
    assert found[-1].startswith("corp-")
    assert list(user_ids({}, "corp", "sub-1")) == found[-1:]
    assert list(user_ids({}, "corp", "sub-2")) != found[-1:]


@pytest.mark.parametrize("name", ["", " ", "-ann", "a b", "ann/..", "é", "@bootstrap", "x" * 63, 7, ["ann"], "ann\n"])
def test_what_can_be_no_id_is_none(name):
    assert len(list(user_ids({"preferred_username": name}, "corp", "sub-1"))) == 1


def test_an_address_that_was_not_verified_is_no_id():
    assert len(list(user_ids({"email": "ann@corp.example"}, "corp", "sub-1"))) == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Ann  B", "Ann B"), ("a\nb\u202ec", "a b c"), ("", None), ("\n", None), (7, None), ("x" * 300, "x" * 200),
     (" " * 5000 + "Ann", None)],
)  # fmt: skip
def test_names_to_show_are_one_line(name, shown):
    assert display_name({"name": name}) == shown
