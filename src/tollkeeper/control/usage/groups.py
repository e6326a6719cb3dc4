"""Groups and figures, as the parameters `group_by` and `order_by` name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args
from urllib.parse import unquote

from pydantic import Field

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.store.ports.explorer import TAG, Figure
from tollkeeper.store.ports.reports import Group

G = TypeVar("G", bound=str)

OWN_GROUPS: tuple[Group, ...] = ("model", "day", "hour", "key", "upstream", "endpoint", "status", "end_user")
TEAM_GROUPS: tuple[Group, ...] = ("user", *OWN_GROUPS)
ALL_GROUPS: tuple[Group, ...] = ("user", "team", *OWN_GROUPS)
FIGURES: tuple[Figure, ...] = get_args(Figure)
_FIELDS: Mapping[str, str] = {"user": "user_id", "team": "team_id", "key": "key_id", "end_user": "end_user_id"}
"""The field that names a group, where it is not called as the group is."""
_ONE_TAG = f"{TAG}NAME"
"""How a group by a tag is written in messages."""
_TAG_PATTERN = f"{TAG}[^,]+"
_OF_TAGS = (
    f" One of them may be `{_ONE_TAG}`: the value of that name in the metadata of requests. `:`, `,` and `%` in the"
    " name are percent-encoded."
)


def group_by_field(groups: Sequence[str], default: str = "model", *, tags: bool = False) -> Any:
    """The parameter by which an answer is grouped: some of `groups`, and with `tags` one name in the metadata."""
    named = "|".join(groups)
    one, of_tags = (f"{named}|{_TAG_PATTERN}", _OF_TAGS) if tags else (named, "")
    return Field(
        default,
        max_length=400,
        description=f"One or more of {', '.join(groups)}, each once, separated by commas.{of_tags}",
        json_schema_extra={"pattern": f"^({one})(,({one}))*$", "examples": ["model,day"]},
    )


def order_by_field() -> Any:
    """The parameter by which groups are ordered: a figure."""
    return Field(
        None,
        max_length=100,
        description=f"One of {', '.join(FIGURES)}; with `-` in front, the largest first. Rows without that figure are"
        " last. Absent: by group.",
        json_schema_extra={"pattern": f"^-?({'|'.join(FIGURES)})$", "examples": ["-cost_usd"]},
    )


def read_groups(text: str, allowed: Sequence[G]) -> list[G]:
    """The groups of a query, which are some of `allowed`. Raises Unprocessable."""
    requested = text.split(",")
    _check(requested, allowed, allowed)
    return [group for part in requested for group in allowed if group == part]


def read_groups_and_tag(text: str, allowed: Sequence[str]) -> list[str]:
    """The groups of a query, which are some of `allowed`, and perhaps one tag. Raises Unprocessable."""
    requested = text.split(",")
    tags = [part for part in requested if part.startswith(TAG) and part != TAG]
    if len(tags) > 1:
        raise Unprocessable(f"'group_by' must not have more than one {_ONE_TAG}.", param="group_by")
    _check(requested, [*allowed, *tags], [*allowed, _ONE_TAG])
    return [TAG + unquote(part.removeprefix(TAG)) if part in tags else part for part in requested]


def _check(requested: Sequence[str], allowed: Sequence[str], written: Sequence[str]) -> None:
    unknown = [part for part in requested if part not in allowed]
    if unknown or len(set(requested)) < len(requested):
        wrong = f" {unknown[0][:40]!r} is none of them." if unknown else ""
        raise Unprocessable(
            f"'group_by' must be one or more of {', '.join(written)}, each once, separated by commas.{wrong}",
            param="group_by",
        )


def read_order(text: str | None) -> tuple[Figure | None, bool]:
    """The figure by which groups are ordered, and whether the smallest are first. Raises Unprocessable."""
    if text is None:
        return None, False
    for figure in FIGURES:
        if figure == text.removeprefix("-"):
            return figure, figure == text
    raise Unprocessable(
        f"'order_by' must be one of {', '.join(FIGURES)}, with '-' in front for the largest first."
        f" {text[:40]!r} is none of them.",
        param="order_by",
    )


def field_of(group: str) -> str:
    """The field of a row that names its group."""
    return "tag" if group.startswith(TAG) else _FIELDS.get(group, group)
