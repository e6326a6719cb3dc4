"""Check that a kind of upstream supports a request in the Messages dialect, by its traits (`rules/kinds.py`)."""

from __future__ import annotations

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.anthropic.request import AnthropicRequest
from tollkeeper.wire.fields import priced_fields


def check_kind(request: AnthropicRequest, kind: Kind) -> None:
    """Raise BadRequest for what reaches the account at this kind of upstream, which all users here share."""
    if request.stored is not None and not kind.passes_over_unknown:
        raise BadRequest(
            f"'{request.stored}' may reach what others have stored, since users here share an account of the upstream. "
            "Send the content itself.",
            param=request.stored,
        )


def charged_fields(request: AnthropicRequest, kind: Kind) -> list[tuple[str, str]]:
    """The fields that change the price at this kind of upstream, and the tools that it charges for beside tokens, each
    with the `tier` of a price that names it."""
    found = priced_fields(request, kind)
    tools = {tool.name: f"{tool.where}.type" for tool in request.server_tools if tool.name in kind.priced_tools}
    return [*found, *((where, name) for name, where in tools.items())]
