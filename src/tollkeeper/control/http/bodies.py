"""Request bodies: their bounds, and how they are read.

A body is bounded by what its path can need, in bytes and in values. It is JSON in UTF-8, whatever its content type,
without duplicate fields, lone surrogates or control characters. Large bodies are parsed in a thread. Numbers with a
decimal point stay decimals: some are money.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, NamedTuple, NoReturn

from fastapi import Request
from starlette.requests import ClientDisconnect

from tollkeeper.rules.errors import BadRequest, RequestTooLarge, ServerOverloaded, Unprocessable
from tollkeeper.wire.strict_json import CONTROL


class BodyBound(NamedTuple):
    """The most that a body may hold: bytes, and `values`, the fields and entries of all its objects and lists."""

    size: int
    values: int


SMALL = BodyBound(4_096, 500)
"""The bound of paths that are not in the table."""
_LIMITS = BodyBound(400_000, 5_000)
"""100 models, each with every limit there is."""
_MANY_USERS = BodyBound(900_000, 15_000)
"""10,000 users by their ids, each with the state of the account. The page divides what holds more (`bulk.ts`)."""
BOUNDS: Mapping[tuple[str, str], BodyBound] = {
    ("PATCH", "/admin/users/{user_id}"): BodyBound(16_384, 500),
    ("POST", "/admin/adjustments"): BodyBound(8_192, 500),
    ("POST", "/admin/credits"): BodyBound(8_192, 500),
    ("POST", "/admin/invoices/{invoice_id}/void"): BodyBound(8_192, 500),
    ("POST", "/admin/invoices/{invoice_id}/credit-note"): BodyBound(8_192, 500),
    ("POST", "/auth/password"): BodyBound(8_192, 500),
    ("POST", "/admin/users"): _LIMITS,
    ("POST", "/admin/teams"): _LIMITS,
    ("PUT", "/admin/teams/{team_id}/limits"): _LIMITS,
    ("PUT", "/admin/users/{user_id}/limits"): _LIMITS,
    ("PUT", "/admin/limits/defaults"): _LIMITS,
    ("POST", "/admin/users/bulk"): _MANY_USERS,
    ("POST", "/admin/users/bulk/undo"): _MANY_USERS,
    ("POST", "/admin/limit-templates"): _LIMITS,
    ("PATCH", "/admin/limit-templates/{template_id}"): _LIMITS,
    ("PUT", "/admin/end-users/{end_user_id}/limits"): _LIMITS,
    ("POST", "/me/keys"): _LIMITS,
    ("POST", "/admin/users/{user_id}/keys"): _LIMITS,
    ("PATCH", "/admin/keys/{key_id}"): _LIMITS,
    ("PUT", "/admin/aliases"): BodyBound(400_000, 2_000),
    ("PUT", "/admin/prices"): BodyBound(400_000, 5_000),
}
MOST_AT_ONCE = 1_000_000
"""Bytes of large bodies that are read at once for one user or admin."""
_LARGE = 16_384
"""Bytes from which on a body is parsed in a thread."""
_MAX_NAME_SHOWN = 64
"""Characters of a field's name that an error repeats."""
# Only a body that holds one of these as bytes can hold a character that is refused: an escape, DEL, or a C1 control.
_SUSPECT = re.compile(rb"\\[ubf]|\x7f|\xc2[\x80-\x9f]")


class LargeBodies:
    """Bytes of large bodies in memory, by sender: a sender of too many at once is refused, and nobody else."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"LargeBodies({self._held.total()} bytes of {len(self._held)})"

    @contextmanager
    def share(self, owner: str) -> Iterator[_Share]:
        """A sender's share, released at the end of the block."""
        share = _Share(self._held, owner)
        try:
            yield share
        finally:
            share.release()


class _Share:
    def __init__(self, held: Counter[str], owner: str) -> None:
        self._held = held
        self._owner = owner
        self._size = 0

    def take(self, size: int) -> None:
        """Count these bytes. Raises ServerOverloaded."""
        if self._held[self._owner] + size > MOST_AT_ONCE:
            raise ServerOverloaded("You send too many large bodies at once. Send one after another.", retry_after=1)
        self._held[self._owner] += size
        self._size += size

    def release(self) -> None:
        self._held[self._owner] -= self._size
        if not self._held[self._owner]:
            del self._held[self._owner]


def bound_of(method: str, path: str) -> BodyBound:
    """The bound of a route; `path` is its template."""
    return BOUNDS.get((method, path), SMALL)


async def read_body(request: Request, bound: BodyBound, share: _Share) -> bytes:
    """Read the body, up to its bound. Raises RequestTooLarge, ServerOverloaded, BadRequest."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > bound.size:
        raise _too_large(bound)
    content = bytearray()
    try:
        async for part in request.stream():
            if len(content) + len(part) > bound.size:
                raise _too_large(bound)
            if bound.size > _LARGE:
                share.take(len(part))
            content += part
    except ClientDisconnect:
        raise BadRequest("The body ended early.") from None
    return bytes(content)


async def parse_body(content: bytes, bound: BodyBound) -> Any:
    """Parse a body, in a thread if it is large. Raises BadRequest for what is not JSON or has duplicate fields,
    RequestTooLarge for too many values, Unprocessable for characters that no text may have."""
    read = partial(parse, content, bound)
    return read() if len(content) < _LARGE else await asyncio.to_thread(read)


def parse(content: bytes, bound: BodyBound) -> Any:
    """Parse a body in this thread; otherwise as `parse_body`."""
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_float=_exact, parse_constant=_refuse_constant, object_pairs_hook=_fields)
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8. Send JSON in UTF-8.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply. Send it with fewer levels.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error.msg}, at character {error.pos}.") from None
    except (ValueError, InvalidOperation):  # an integer of thousands of digits; an exponent of twenty
        raise BadRequest("The body holds a number with too many digits.") from None
    _check_values(value, bound, suspect=_SUSPECT.search(content) is not None)
    return value


def _check_values(value: Any, bound: BodyBound, *, suspect: bool) -> None:
    """Check every value once, and stop at the bound. `suspect`: texts may hold forbidden characters."""
    count = 0
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        place, found = waiting.pop()
        if isinstance(found, str):
            if suspect:
                _check_text(found, place)
            continue
        if not isinstance(found, dict | list):
            continue
        count += len(found)
        if count > bound.values:
            raise RequestTooLarge(
                f"The body has more than {bound.values} fields and entries, the most that this path reads. Send fewer."
            )
        if isinstance(found, list):
            waiting += [(place, entry) for entry in found]
            continue
        for name, entry in found.items():
            within = f"{place}.{name[:_MAX_NAME_SHOWN]}" if place else name[:_MAX_NAME_SHOWN]
            if suspect:
                _check_text(name, within)
            waiting.append((within[:200], entry))


def _check_text(text: str, place: str) -> None:
    shown = "".join(c if c.isprintable() else "�" for c in place)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unprocessable(
                f"'{shown}' holds a lone surrogate, which is half a character. Send whole characters.",
                param=shown or None,
            ) from None
    if CONTROL.search(text):
        raise Unprocessable(f"'{shown}' holds a control character. Remove it.", param=shown or None)


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        shown = "".join(c if c.isprintable() else "�" for c in name[:_MAX_NAME_SHOWN])
        raise BadRequest(f"The field '{shown}' is given more than once. Send it once.", param=shown)
    return found


def _too_large(bound: BodyBound) -> RequestTooLarge:
    return RequestTooLarge(f"The body is over {bound.size} bytes, the most that this path reads. Send a smaller one.")


def _exact(text: str) -> int | Decimal:
    number = Decimal(text)
    # JSON's 1.0 is an integer; but 1e999999 must not be expanded.
    return int(number) if -16 < number.adjusted() < 16 and number == number.to_integral_value() else number


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not a number of JSON", name, 0)
