"""Tools of a request: those that the upstream would run itself, and what they reach there.

Clients run functions, custom tools, local shells and patches themselves, and namespaces hold such. Everything else runs
at the upstream, on its account: a search, a container, another server.

Agents offer a search of the web beside their own tools in every request, whether or not there is one. The model can do
without: where it may not search, such a tool is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.responses.fields import TOOL
from tollkeeper.wire.strict_json import Members, begins, names, read_object, read_objects, read_string

SEARCH = "web_search"
"""The type of tools that search the web."""
_OWN = names("apply_patch custom function local_shell")
"""Types of tools that the client always runs."""
_STORED = names("connector_id container_id file_id file_ids skill_id tunnel_id vector_store_ids")
"""Fields of hosted tools that name something stored in the upstream's account."""
_NULL = Raw(b"null")
_TYPE = names("type")
_VERSION = re.compile(r"(_preview)?(_\d{4}_\d\d_\d\d)?\Z", re.ASCII)


class Hosted(Struct, frozen=True):
    """A tool that the upstream would run: its place, its `type` without the day of its version, and the first of its
    fields that reaches what the upstream's account has stored."""

    where: str
    type: str
    stored: str | None = None


def hosted_tools(raw: Raw, where: str) -> Iterator[Hosted]:
    """The hosted tools of a list, in order. Raises BadRequest."""
    for place, tool in enumerate(read_objects(raw, TOOL, where)):
        yield from _hosted(tool, f"{where}[{place}]")


def read_hosted(raw: Raw, choice: Raw) -> tuple[tuple[Hosted, ...], frozenset[int]]:
    """The hosted tools of a request that are not spare, and the places of those that are: searches of the web that are
    offered beside other tools, and not chosen. Raises BadRequest."""
    found = [[*_hosted(tool, f"tools[{place}]")] for place, tool in enumerate(read_objects(raw, TOOL, "tools"))]
    searches = frozenset(
        place
        for place, each in enumerate(found)
        if each and each[0] == Hosted(f"tools[{place}]", SEARCH, each[0].stored)
    )
    spare = searches if len(searches) < len(found) and _leaves_free(choice) else frozenset()
    kept = tuple(one for place, each in enumerate(found) if place not in spare for one in each)
    return kept, spare


def _is_top(tool: Hosted) -> bool:
    """Whether a tool stands in no namespace."""
    return tool.where.count("[") == 1


def _leaves_free(choice: Raw) -> bool:
    """Whether a choice of tools names no hosted one."""
    if not begins(choice, b"{"):
        return True
    return read_string(read_object(choice, _TYPE, "tool_choice").get("type", _NULL)) in ("function", "custom")


class Named(Struct, frozen=True):
    """A tool of the client's that other APIs know by another name, in a `namespace`, or as a function, a `custom`
    one."""

    name: str
    namespace: str | None = None
    custom: bool = False


def named_tools(raw: Raw, where: str, namespace: str | None = None) -> Iterator[Named]:
    """Those of a list, in order. Raises BadRequest."""
    for place, tool in enumerate(read_objects(raw, TOOL, where)):
        kind, name = read_string(tool.get("type", _NULL)), read_string(tool.get("name", _NULL)) or ""
        if kind == "namespace" and namespace is None:
            if tool.get("tools", _NULL) != _NULL:
                yield from named_tools(tool["tools"], f"{where}[{place}].tools", name)
        elif kind == "custom" or namespace is not None:
            yield Named(name, namespace, kind == "custom")


def _hosted(tool: Members, where: str) -> Iterator[Hosted]:
    kind = read_string(tool.get("type", _NULL))
    if kind is None:
        raise BadRequest(f"'{where}.type' must be a string that names a type of tool.", param=f"{where}.type")
    if kind in _OWN:
        return
    if kind == "namespace":
        if tool.get("tools", _NULL) != _NULL:
            yield from hosted_tools(tool["tools"], f"{where}.tools")
        return
    if kind == "tool_search" and read_string(tool.get("execution", _NULL)) == "client":
        return
    if kind == "shell" and _is_local(tool, where):
        return
    yield Hosted(where, _VERSION.sub("", kind), _stored_in(tool, where))


def _is_local(tool: Members, where: str) -> bool:
    environment = tool.get("environment", _NULL)
    if not begins(environment, b"{"):
        return False
    return read_string(read_object(environment, _TYPE, f"{where}.environment").get("type", _NULL)) == "local"


def _stored_in(tool: Members, where: str) -> str | None:
    if sum(map(len, tool.values())) > LARGE:
        raise BadRequest(f"'{where}' is too large for a tool that its upstream runs. Send a smaller one.", param=where)
    if read_string(tool.get("container", _NULL)):
        return f"{where}.container"
    # As pairs: of a field that is given twice, which one counts is the server's affair.
    return _named(json.loads(msgspec.json.encode(tool), object_pairs_hook=_Pairs, parse_int=str), where)


class _Pairs(list[tuple[str, Any]]):
    """The members of an object, duplicates included."""


def _named(value: Any, where: str) -> str | None:
    if isinstance(value, _Pairs):
        for name, each in value:
            found = f"{where}.{name}" if name in _STORED and each else _named(each, f"{where}.{name}")
            if found:
                return found
    elif isinstance(value, list):
        return next((found for n, each in enumerate(value) if (found := _named(each, f"{where}[{n}]"))), None)
    return None
