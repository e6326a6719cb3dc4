"""E-mail addresses."""

from __future__ import annotations

import re

MAX_ADDRESS = 254
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*",
    re.ASCII,
)
"""As the forms of browsers take it: no quotes, no comments, nothing that could end a header."""


def is_mail_address(text: str) -> bool:
    """Whether this is an e-mail address that mail is sent to."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None
