"""How keys act for end users, and changes to it, with the names of its fields in the API."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.services.limits.changes import LimitsChange, audited_limits, merged
from tollkeeper.store.ports.accounts import Acting, NamedIn

_FIELDS = {
    "named_in": "acts_from",
    "create": "acts_for_create",
    "most": "acts_for_max",
    "limits": "acts_for_limits",
}
"""Names in requests."""
MOST_MODELS_OF_END_USERS = 10
"""The most models that the limits of a key's new end users may limit."""


class ActingChange(Struct, frozen=True):
    """A change to how a key acts for others; fields that are unset stay. `acts_for` None: for nobody any more; `limits`
    are merged into the present ones, None removes them."""

    acts_for: Literal["users"] | UnsetType | None = UNSET
    named_in: NamedIn | UnsetType = UNSET
    create: bool | UnsetType = UNSET
    most: int | UnsetType = UNSET
    limits: LimitsChange | UnsetType | None = UNSET


def audited_acting(acting: Acting | None) -> dict[str, object]:
    """How a key acts for others in the form of the audit log; nothing for one that does not."""
    if acting is None:
        return {}
    return {
        "acts_for": "users",
        "acts_from": acting.named_in,
        "acts_for_create": acting.create,
        "acts_for_max": acting.most,
        "acts_for_limits": audited_limits(acting.limits).get("limits", {}),
    }


def merged_of_end_user(limits: Limits, change: LimitsChange, place: str = "") -> Limits:
    """Merge a change into the limits of an end user, as `merged`. Raises Unprocessable, also for a share of the line:
    end users wait in that of their owner."""
    limits = merged(limits, change, place)
    if limits.queue_weight is not None:
        raise Unprocessable(
            "End users wait in the line with their owner's 'queue_weight'. Leave it out here.",
            param=f"{place}queue_weight",
        )
    return limits


def changed_acting(acting: Acting | None, change: ActingChange) -> Acting | None:
    """How a key acts for others after a change. Raises Unprocessable for invalid limits, and where there is nothing to
    change because the key acts for nobody."""
    given = {name: value for name, value in asdict(change).items() if value is not UNSET}
    acts_for = given.pop("acts_for", None if acting is None else "users")
    if acts_for is None:
        if given:
            field = _FIELDS[next(iter(given))]
            raise Unprocessable(f"'{field}' is for keys that act for others: set 'acts_for' to \"users\".", param=field)
        return None
    acting = acting or Acting()
    if "limits" in given:
        limits = given["limits"]
        place = "acts_for_limits."
        merged_limits = NO_LIMITS if limits is None else merged_of_end_user(acting.limits, limits, place)
        if len(merged_limits.models) > MOST_MODELS_OF_END_USERS:
            raise Unprocessable(
                f"'acts_for_limits' may limit at most {MOST_MODELS_OF_END_USERS} models: each end user has counters for"
                " each. Limit fewer, or the key itself.",
                param="acts_for_limits.models",
            )
        given["limits"] = merged_limits
    return replace(acting, **given)
