"""What a translation does with each field of a request: the table that the documents print.

"carried": the upstream gets what it says. "dropped": it does not change what the answer means, so it is left out.
"refused": it does, and cannot be carried over, so a request that gives it is a 400 that names it. A field that is not
in the table is dropped: clients send many that only their own provider knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Fate = Literal["carried", "dropped", "refused"]
Fates = Mapping[str, Fate]


def fates(*, carried: str = "", dropped: str = "", refused: str = "") -> dict[str, Fate]:
    """The fates of fields that stand in three texts."""
    table: dict[str, Fate] = {}
    texts: tuple[tuple[Fate, str], ...] = (("carried", carried), ("dropped", dropped), ("refused", refused))
    for fate, text in texts:
        table |= dict.fromkeys(text.split(), fate)
    return table
