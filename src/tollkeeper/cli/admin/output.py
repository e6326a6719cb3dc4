"""What commands for admins print: tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import json

_encode = json.Encoder(decimal_format="number").encode


def print_json(*objects: object) -> None:
    """Print each in a line of its own."""
    for each in objects:
        print(_encode(each).decode())


def facts(body: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """The name and text of each field, those of objects as `object.field`."""
    for name, value in body.items():
        if isinstance(value, dict) and value:
            yield from facts(value, f"{before}{name}.")
        else:
            yield before + name, text(value)


def text(value: object) -> str:
    """A value as people read it: `-` for none, `yes` and `no`, lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(text, value)) or "-"
    return "-" if value is None or value == {} else str(value)
