"""What becomes of each field of a chat or a prompt in Ollama's own API that is translated."""

from __future__ import annotations

from collections.abc import Mapping

from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.fields import is_given
from tollkeeper.wire.ollama.request import CHAT, GENERATE, OllamaRequest
from tollkeeper.wire.translate.losses import Fates, fates

_CHAT = fates(
    carried="messages model stream options format tools think",
    dropped="keep_alive shift truncate",
    refused="logprobs top_logprobs",
)
_GENERATE = fates(
    carried="prompt system images model stream options format think",
    dropped="keep_alive shift truncate",
    refused="context logprobs raw suffix template top_logprobs",
)
FATES: Mapping[str, Mapping[str, Fates]] = {
    CHAT.path: {"/v1/chat/completions": _CHAT, "/v1/messages": _CHAT},
    GENERATE.path: {"/v1/chat/completions": _GENERATE, "/v1/messages": _GENERATE},
}
"""By the path of clients, then by that of upstreams, the fates of the fields of a request."""


def check_supported(request: OllamaRequest, path: str, _: Kind) -> None:
    """Raise BadRequest for fields that change what the response means, and that upstreams at `path` do not have."""
    table = FATES[request.endpoint.path].get(path, {})
    for name in request.members:
        if table.get(name) == "refused" and is_given(request.members, name):
            raise UnsupportedByUpstream(
                f"'{name}' works only for models that an Ollama runs, and '{request.model}' is none. Leave it out, or "
                "use another model.",
                param=name,
            )
