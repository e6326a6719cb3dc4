"""What is left of a limit."""

from __future__ import annotations

from msgspec import Struct


class Reading(Struct, frozen=True):
    """A limit that counts, read at one moment; figures as in `Limits`: requests, tokens, or pico-dollars.

    `used` is what its window holds, `reserved` what running requests hold, `remaining` what is left of the limit, at
    least 0. `resets_at` is when all that was used will have left the window, in milliseconds; None: never, or nothing
    was used.
    """

    limit: int
    used: int
    reserved: int
    remaining: int
    resets_at: int | None
