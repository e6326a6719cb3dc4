"""The API key of a request: where clients send it, and which one counts.

A key is a bearer token (RFC 6750), or the value of `x-api-key` or of Azure's `api-key`. Schemes other than Bearer are
meant for a proxy in front, and an empty value comes from a client without a key: neither is one. Two different keys are
refused, since it is unclear who should pay. But a client with its key in the path often cannot omit the header and
fills it with a placeholder: there, a key in a header counts only if it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tollkeeper.rules.errors import InvalidKey

_CARRIERS = frozenset((b"authorization", b"x-api-key", b"api-key"))
"""Headers that carry keys."""
_HIDDEN_AT_LEAST = 16
"""Characters of a key that stay hidden where ten are shown: 64 bits even in hexadecimal."""
_PLACEHOLDERS = 3
"""Placeholders that are accepted beside a key in the path: one for each header. More are not looked up."""
_FIRST, _LAST, _FIRST_OF_SHORT = 6, 4, 3


def presented_key(
    headers: Iterable[tuple[bytes, bytes]],
    in_path: str | None = None,
    is_key: Callable[[str], bool] = lambda _: True,
) -> str | None:
    """The key of a request, from its headers (names in lower case) and its path; None when it has none. `is_key`:
    whether a key exists, valid or not. Raises InvalidKey for two different keys."""
    found: set[str] = set()
    for name, value in headers:
        if name not in _CARRIERS:  # names are in a dict already, so their hashes are known
            continue
        if name == b"authorization":
            scheme, _, value = value.partition(b" ")  # noqa: PLW2901 (it is the rest of it)
            if scheme.lower() != b"bearer":
                continue
        key = value.strip()
        if key:
            found.add(key.decode("latin-1"))
    if in_path and len(found) <= _PLACEHOLDERS:
        found = {in_path, *(key for key in found if key != in_path and is_key(key))}
    if len(found) > 1:
        raise InvalidKey("The request carries two API keys that differ. Send one.")
    return found.pop() if found else None


def missing_key() -> InvalidKey:
    """The error for a request without a key, on every path."""
    return InvalidKey("No API key was sent. Send yours as 'Authorization: Bearer <key>' or as 'x-api-key: <key>'.")


def wrong_key(shown: str, why: str) -> InvalidKey:
    """The error for a wrong key. `shown`: the redacted key; `why`: what is wrong with it, and what to do. Clients
    recognise the beginning of the message, which is OpenAI's."""
    return InvalidKey(f"Incorrect API key provided: {shown}. {why}")


def redacted(key: str) -> str:
    """The part of a key that may be shown: of a long one the first 6 and last 4 characters, of a short one at most 3
    and never more than a quarter. Only printable ASCII is shown as it is."""
    if len(key) >= _FIRST + _LAST + _HIDDEN_AT_LEAST:
        first, last = key[:_FIRST], key[-_LAST:]
    else:
        first, last = key[: min(_FIRST_OF_SHORT, len(key) // 4)], ""
    return "…".join("".join(c if "!" <= c <= "~" else "?" for c in part) for part in (first, last))


def shown_as(text: str) -> Callable[[str], bool]:
    """Whether what is shown of a key (`redacted`) is of the one that somebody looks for by this text: it is that part,
    its beginning or end, or the key itself, of which no more is compared."""
    first, cut, last = text.replace("...", "…").partition("…")
    if not cut and len(text) > _FIRST:
        whole = len(text) >= _FIRST + _LAST + _HIDDEN_AT_LEAST
        first, cut, last = redacted(text).partition("…") if whole else (text[:_FIRST], "", "")
    if len(first) + len(last) <= _FIRST_OF_SHORT:
        return lambda _: False

    def fits(shown: str) -> bool:
        head, _, tail = shown.partition("…")
        return (head.startswith(first) and tail.endswith(last)) or (not cut and first == tail)

    return fits
