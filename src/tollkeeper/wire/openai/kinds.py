"""Check that a kind of upstream supports a request in the OpenAI dialect, by its traits (`rules/kinds.py`)."""

from __future__ import annotations

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.openai.request import COMPLETIONS, EMBEDDINGS, OpenAIRequest
from tollkeeper.wire.strict_json import read_items

_NULL = Raw(b"null")


def check_kind(request: OpenAIRequest, kind: Kind) -> None:
    """Raise BadRequest for what this kind of upstream would refuse with an unclear message, or silently ignore."""
    for name, value in request.uncapped:
        if value not in kind.uncapped:
            raise BadRequest(f"'{name}' must be an integer of at least 1.", param=name)
    if request.stored is not None and not kind.passes_over_unknown:
        raise BadRequest(
            f"'{request.stored}' may reach what others have stored, since users here share an account of the upstream. "
            "Send the content itself.",
            param=request.stored,
        )
    if request.endpoint is COMPLETIONS and not kind.takes_prompt_lists:
        _check_prompt(request)
    if (
        request.endpoint is EMBEDDINGS
        and not kind.takes_dimensions
        and request.members.get("dimensions", _NULL) != _NULL
    ):
        raise BadRequest(
            f"'dimensions' is not supported for '{request.model}': its server always gives vectors of the model's own "
            "length. Leave it out.",
            param="dimensions",
        )


def only_prompt(request: OpenAIRequest) -> Raw | None:
    """The only prompt of a list of one, if it is a string."""
    prompts = request.members.get("prompt", _NULL)
    if memoryview(prompts)[0] != ord("["):
        return None
    items = read_items(prompts, "prompt") if request.prompts == 1 else []
    return items[0] if items and memoryview(items[0])[0] == ord('"') else None


def _check_prompt(request: OpenAIRequest) -> None:
    if memoryview(request.members.get("prompt", _NULL))[0] == ord("[") and only_prompt(request) is None:
        raise BadRequest(
            f"'prompt' must be a string for '{request.model}': its server takes neither lists nor tokens. Send a "
            "request for each prompt.",
            param="prompt",
        )
