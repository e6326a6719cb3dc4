"""Redaction of an upstream's secrets in the texts that it sends back.

Some providers repeat the key that they refuse, whole or shortened. Any eight characters in a row of a secret are taken
out, in whatever way they are escaped: by JSON (`\\/`, `\\u002f`), in a URL (`%2F`, `%252F`), or both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"
_LEAST = 8
"""Characters in a row of a secret that are taken out."""
_SHORTEST = 4
"""Shorter secrets are no secrets, and would be found in any text."""
_UNIT = re.compile(r"\\+u([0-9a-fA-F]{4})|%(?:25)*([0-9a-fA-F]{2})|\\*([^\\])|\\+\Z", re.DOTALL)
"""One character of a text, however it is escaped. A single backslash before a character is dropped."""


class Redactor:
    """Takes secrets out of texts: `redactor(text)`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._parts: dict[int, set[str]] = {}
        """Parts of the secrets to look for, by their length."""
        for secret in secrets:
            plain, _ = _unescape(secret)
            if len(plain) >= _SHORTEST:
                size = min(len(plain), _LEAST)
                parts = self._parts.setdefault(size, set())
                parts.update(plain[at : at + size] for at in range(len(plain) - size + 1))

    def __repr__(self) -> str:
        return "Redactor(…)"

    def __call__(self, text: str) -> str:
        """The text with `[redacted]` in place of what it repeats of the secrets."""
        plain, starts = _unescape(text)
        spans: list[tuple[int, int]] = []
        for size, parts in self._parts.items():
            spans += [(at, at + size) for at in range(len(plain) - size + 1) if plain[at : at + size] in parts]
        redacted: list[str] = []
        done = end = 0
        for first, last in sorted(spans):
            if first > end or not redacted:
                redacted += [text[done : starts[first]], REDACTED]
            end = max(end, last)
            done = starts[end]
        return "".join(redacted) + text[done:]


def _unescape(text: str) -> tuple[str, list[int]]:
    """The characters that a text stands for, and where each begins in it, with the end of the text after the last."""
    plain: list[str] = []
    starts: list[int] = []
    for unit in _UNIT.finditer(text):
        code = unit[1] or unit[2]
        plain.append(chr(int(code, 16)) if code else unit[3] or "")
        starts.append(unit.start())
    if plain and not plain[-1]:
        plain[-1] = "\\"  # at the very end
    return "".join(plain), [*starts, len(text)]
