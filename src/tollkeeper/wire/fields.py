"""Fields of requests that mean the same in every dialect: their value, whether they ask for anything, for more output
than the cap allows, or for what changes the price."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any, Protocol

import msgspec

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.strict_json import Members, names, read_string

_EMPTY = frozenset((b"null", b"false", b'""', b"[]", b"{}"))
_ZERO = re.compile(rb"-?0(\.0*)?")

MORE_OUTPUT = names(
    "best_of ignore_eos max_completion_length max_gen_len max_length max_new_tokens max_output_tokens"
    " max_tokens_to_sample min_completion_tokens min_length min_new_tokens min_tokens n_predict num_beams"
    " num_predict use_beam_search"
)
"""Fields by which servers other than a dialect's own take a request for longer or more responses."""
_MORE_OUTPUT = sorted(MORE_OUTPUT)
_FLAGS = names("ignore_eos use_beam_search")
"""Those of them where 1 means true. In the others 1 is one response, or one token."""

_NEUTRAL = _EMPTY | {b'"default"', b'"auto"', b'"standard"', b'"global"'}
"""Values that ask for nothing, or for what an absent field does: OpenAI's `service_tier` "auto", Anthropic's `speed`
"standard" and `inference_geo` "global"."""
_TIERS = names("service_tier speed inference_geo")
"""Fields with a value that names what is asked for; of the others the field itself does."""


_MAX_SCALAR = 1 << 16
"""Bytes of a field that is one short value."""


class WithMembers(Protocol):
    """A request whose top-level fields are at hand, values left raw."""

    @property
    def members(self) -> Members: ...


def read_scalar(members: Members, name: str, kind: type[Any], must_be: str) -> Any:
    """The value of a field of one short value; None where it is null or absent. Raises BadRequest."""
    raw = members.get(name)
    if raw is None:
        return None
    try:
        value = msgspec.json.decode(raw) if len(raw) <= _MAX_SCALAR else ...
    except msgspec.DecodeError:  # a number beyond all ranges
        value = ...
    if value is not None and type(value) is not kind:
        raise BadRequest(f"'{name}' must be {must_be}.", param=name)
    return value


def is_given(members: Members, name: str) -> bool:
    """Whether a field requests anything: null, false, 0 and empty values do not."""
    raw = members.get(name)
    if raw is None:
        return False
    if len(raw) > 32:
        return True
    text = bytes(raw)
    return not (text in _EMPTY or _ZERO.fullmatch(text) or (text[:1] in b"[{" and not text[1:-1].strip()))


def unknown_field(members: Members, known: Set[str], where: str) -> str | None:
    """The first field that is unknown and requests something. `where` names the object; "": the body itself."""
    found = next((name for name in members if name not in known and is_given(members, name)), None)
    return f"{where}.{found}" if where and found is not None else found


def more_output(members: Members, counted: str | None = None) -> str | None:
    """The first field that may raise the output beyond the cap. `counted`: one that the dialect counts itself."""
    return next(
        (name for name in _MORE_OUTPUT if name in members and name != counted and _asks_more(members, name)), None
    )


def _asks_more(members: Members, name: str) -> bool:
    return is_given(members, name) and (name in _FLAGS or bytes(members[name]) not in (b"1", b"1.0"))


def priced_fields(request: WithMembers, kind: Kind) -> list[tuple[str, str]]:
    """The fields that change the price at this kind of upstream, or the model behind the price's back, each with the
    `tier` of a price that names it (`rules/kinds.py`)."""
    return list(_priced(request.members, kind))


def _priced(members: Members, kind: Kind) -> Iterator[tuple[str, str]]:
    for name in kind.priced_fields:
        raw = members.get(name)
        if raw is not None and bytes(raw) not in _NEUTRAL:
            yield name, (read_string(raw) or name) if name in _TIERS else name
