"""What the claims of an OpenID provider say about a person: role, team, whether they may have an account, and its id.

A claim is named as it stands (`groups`, `https://corp.example/roles`), or by its path inside other claims
(`realm_access.roles`). Its value is a text, or a list of texts; anything else says nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TypeGuard

Claims = Mapping[str, object]

ANY_DOMAIN = "*"
MOST_TEXT = 512
"""Characters of a `sub` or `sid`; OpenID Connect allows 255."""
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,61}", re.ASCII)
"""Ids with room for a number behind them."""
_MOST_NAME = 1000
"""Characters of a name that are read: a provider may send half a million."""
_MOST_VALUES = 1000
"""Values of a claim that are read; no provider sends as many."""
_SAME_NAME = 9
"""How many users may be told apart by a number behind the same id."""


def is_text(value: object) -> TypeGuard[str]:
    """Whether a `sub` or `sid` is a text that can be kept and shown."""
    return isinstance(value, str) and 0 < len(value) <= MOST_TEXT and value.isprintable()


def values_of(claims: Claims, name: str) -> tuple[str, ...]:
    """The texts of a claim; none where it is missing, or of another type."""
    value: object = claims.get(name)
    if value is None and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(each for each in value[:_MOST_VALUES] if isinstance(each, str))
    return ()


def is_admin(claims: Claims, name: str, admin_values: Collection[str]) -> bool:
    """Whether the claim of roles has one of the values that make an admin."""
    return not frozenset(admin_values).isdisjoint(values_of(claims, name))


def team_of(claims: Claims, name: str) -> str | None:
    """The team that a claim names: its only value, or the first in alphabetical order; None: none."""
    return min((value for value in values_of(claims, name) if value), default=None)


def verified_email(claims: Claims) -> str | None:
    """The e-mail address, if the provider says that it belongs to this person."""
    email, verified = claims.get("email"), claims.get("email_verified")
    # Some providers send the text "true".
    return email if isinstance(email, str) and (verified is True or verified == "true") else None


def may_have_account(claims: Claims, *, domains: Collection[str], groups: Collection[str], groups_claim: str) -> bool:
    """Whether a newcomer's verified e-mail domain, or a group of theirs, is one of those that get an account. Of an
    address that was not verified the domain counts for nothing."""
    if ANY_DOMAIN in domains:
        return True
    email = verified_email(claims)
    if email is not None and email.rpartition("@")[2].lower() in domains:
        return True
    return not frozenset(groups).isdisjoint(values_of(claims, groups_claim))


def user_ids(claims: Claims, provider: str, subject: str) -> Iterator[str]:
    """Ids for a newcomer's account, the best first: what they are called at the provider, their verified address, and
    at last one that nobody else can have."""
    seen: set[str] = set()
    for wanted in (claims.get("preferred_username"), verified_email(claims)):
        if isinstance(wanted, str) and _USER_ID.fullmatch(wanted) and wanted.lower() not in seen:
            seen.add(wanted.lower())
            yield wanted
            for number in range(2, _SAME_NAME + 1):
                yield f"{wanted}-{number}"
    yield f"{provider}-{hashlib.sha256(subject.encode()).hexdigest()[:16]}"


def display_name(claims: Claims) -> str | None:
    """The name to show for a newcomer: one line of at most 200 characters, or None."""
    name = claims.get("name")
    if not isinstance(name, str):
        return None
    line = " ".join("".join(c if c.isprintable() else " " for c in name[:_MOST_NAME]).split())
    return line[:200] or None
