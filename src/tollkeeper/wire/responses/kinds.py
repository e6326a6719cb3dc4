"""What kinds of upstream do not support in the Responses dialect, and what they charge for beside tokens, by their
traits (`rules/kinds.py`)."""

from __future__ import annotations

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.fields import priced_fields
from tollkeeper.wire.responses.request import ResponsesRequest


def check_kind(request: ResponsesRequest, kind: Kind) -> None:
    """Raise BadRequest for tools that this kind of upstream does not run, or that reach what it has stored."""
    if not request.hosted:
        return
    if not kind.hosts_tools:
        hosted = request.hosted[0]
        raise BadRequest(
            f"'{hosted.where}' is of the type '{hosted.type}', which runs at the provider; the upstream of "
            f"'{request.model}' runs no tools. Send tools of the types 'function', 'custom' and 'namespace'.",
            param=f"{hosted.where}.type",
        )
    stored = next((hosted.stored for hosted in request.hosted if hosted.stored is not None), None)
    if stored is not None:
        raise BadRequest(
            f"'{stored}' may reach what others have stored, since users here share an account of the upstream. "
            "Leave it out.",
            param=stored,
        )


def charged_fields(request: ResponsesRequest, kind: Kind) -> list[tuple[str, str]]:
    """The fields that change the price at this kind of upstream, and the tools that it charges for beside tokens, each
    with the `tier` of a price that names it."""
    tools = {hosted.type: f"{hosted.where}.type" for hosted in request.hosted if hosted.type in kind.priced_tools}
    return [*priced_fields(request, kind), *((where, name) for name, where in tools.items())]
