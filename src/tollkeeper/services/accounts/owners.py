"""Accounts as owners of limits."""

from __future__ import annotations

from tollkeeper.rules.owners import END_USER, KEY, TEAM, USER, Owner
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.end_users import EndUser
from tollkeeper.store.ports.teams import Team

Account = User | Key | Team | EndUser
"""Whatever limits may be set on."""


def owner_of(account: Account) -> Owner:
    """A user, key, team or end user as an owner of limits. A rotated key's successor shares its counters."""
    if isinstance(account, User):
        return Owner(USER, account.user_id, account.limits, (account.user_id,))
    if isinstance(account, Team):
        return Owner(TEAM, account.team_id, account.limits, teams=(account.team_id,))
    if isinstance(account, EndUser):
        return Owner(END_USER, account.id, account.limits, (account.user_id,), end_users=(account.id,))
    keys = (account.id,) if account.origin is None else (account.origin, account.id)
    return Owner(KEY, account.counter_id, account.limits, (account.user_id,), keys)
