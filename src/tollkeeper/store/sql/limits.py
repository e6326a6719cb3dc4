"""Limits as text in a column."""

from __future__ import annotations

import json

import msgspec
from msgspec import to_builtins

from tollkeeper.rules.limits import Limits


# Not msgspec's own JSON: limits of cost may be integers beyond 64 bits, which it does not write.
def limits_text(limits: Limits) -> str:
    return json.dumps(to_builtins(limits))


def limits_of(text: str) -> Limits:
    return msgspec.json.decode(text, type=Limits)
