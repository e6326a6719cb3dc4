"""What a kind of upstream does not support, by its traits (`rules/kinds.py`), and what no budget can bound.

A `template` may repeat the prompt as often as it likes, and with `raw` no template of the model's own bounds what is
around it. An unknown field may make a server that is no Ollama fetch something of a size that no limit can foresee.
"""

from __future__ import annotations

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.fields import is_given
from tollkeeper.wire.ollama.request import EMBED, OllamaRequest
from tollkeeper.wire.strict_json import names

_NULL = Raw(b"null")
_TEMPLATES = names("raw template")


def check_kind(request: OllamaRequest, kind: Kind) -> None:
    """Raise BadRequest for what this kind of upstream would silently ignore."""
    if request.endpoint is EMBED and not kind.takes_dimensions and request.members.get("dimensions", _NULL) != _NULL:
        raise BadRequest(
            f"'dimensions' is not supported for '{request.model}': its server always gives vectors of the model's own "
            "length. Leave it out.",
            param="dimensions",
        )


def external_input_field(request: OllamaRequest, kind: Kind) -> str | None:
    """The first field that may bring input from outside the body at this kind of upstream."""
    known = request.endpoint.known
    for name in request.members:
        is_unbounded = name in _TEMPLATES if name in known else not kind.passes_over_unknown
        if is_unbounded and is_given(request.members, name):
            return name
    return None


def extra_output_field(_: OllamaRequest, __: Kind) -> str | None:
    """The first field that may raise the output beyond the cap: none, since options pass by a list."""
    return None
