"""The functions that run on the server: `lua/*.lua` as one library.

Its name, and those of its functions, contain its digest. So processes of two versions share a server, and a function
that is there is the right one.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

from tollkeeper.rules.admission import kind_of
from tollkeeper.rules.limits import CHECKED_LIMITS
from tollkeeper.rules.windows import SLIDING

CODES = {name: code for code, name in enumerate(CHECKED_LIMITS, 1)}
"""Codes of limits in stored counters. They must never change: a new limit comes last."""
_FILES = ("amounts", "windows", "admission", "places", "holds", "calls")


def _codes() -> str:
    """The limits, as `windows.lua` describes them."""
    rows = []
    for counted in CHECKED_LIMITS.values():
        grid = SLIDING.get(counted.span)
        sliding = f", {grid.length}, {grid.buckets}" if grid else ""
        rows.append(f"  {{ {kind_of(counted) + 1}, {str(counted.is_budget).lower()}, '{counted.span}'{sliding} }},\n")
    return "local CODES = {\n" + "".join(rows) + "}\n"


_SOURCE = _codes() + "".join(files(__package__).joinpath("lua", f"{name}.lua").read_text() for name in _FILES)
_VERSION = sha256(_SOURCE.encode()).hexdigest()[:12]
PREFIX = f"tollkeeper_{_VERSION}_"
"""What the names of its functions begin with."""
LIBRARY = f"#!lua name=tollkeeper_{_VERSION}\nlocal PREFIX = '{PREFIX}'\n{_SOURCE}"
"""The text to load."""
