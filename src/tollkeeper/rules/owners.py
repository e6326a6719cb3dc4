"""Owners of limits: a user, a key, a team, an end user, and whatever else limits may be set on.

A request carries all of its owners in one tuple. Admission, counters, backfill, corrections and messages go through
that tuple, so that one more kind of owner is one more entry in it.
"""

from __future__ import annotations

from msgspec import Struct

from tollkeeper.rules.limits import NO_LIMITS, Limits

Scope = tuple[str, ...]
"""Where something is counted: an owner's kind and id, followed by the canonical name of a model where only that model
counts."""


class OwnerKind(Struct, frozen=True):
    """A kind of owner, and the words for it in messages.

    `possessive` follows the name of a limit ("the limit tokens_total of this key"); `context` follows what the caller
    may not do ("You may use no model with this key").
    """

    name: str
    possessive: str = ""
    context: str = ""


USER = OwnerKind("user")
KEY = OwnerKind("key", possessive=" of this key", context=" with this key")
TEAM = OwnerKind("team", possessive=" of your team", context=" in your team")
END_USER = OwnerKind("end_user", possessive=" of this end user", context=" for this end user")


class Owner(Struct, frozen=True, eq=False):
    """One owner of limits. Compared by identity: changed limits make a new one.

    Its usage is counted under `id`: the requests with one of the `keys`, in one of the `teams` or for one of the
    `end_users` where it has any, else all those of `users`.
    """

    kind: OwnerKind
    id: str
    limits: Limits = NO_LIMITS
    users: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    end_users: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Owner({self.kind.name} {self.id!r})"

    @property
    def scope(self) -> Scope:
        """The scope of all of its requests, of any model."""
        return self.kind.name, self.id


Owners = tuple[Owner, ...]
"""All owners of one request; the user who sent it comes first."""
