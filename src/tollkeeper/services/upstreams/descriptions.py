"""Descriptions of an upstream's models, for each API that has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.image_tokens import DEAREST, OLLAMA_DEFAULT, ollama_image_tokens, provider_image_tokens
from tollkeeper.rules.kinds import DescribesBy
from tollkeeper.services.upstreams.ports import Client
from tollkeeper.services.upstreams.query import query

PROVIDER_OVERHEAD = 64
"""Bytes assumed to surround a request at a provider that does not describe its models."""


class Facts(Struct, frozen=True):
    """Facts about a model on an upstream. `sees_images`, `context` (tokens): None where unknown. `overhead`: bytes that
    its template, system text and first messages add to every request. `image_tokens`: the most that one image costs.
    `complete` False: the upstream describes its models, but has not described this one yet."""

    sees_images: bool | None
    context: int | None
    overhead: int
    image_tokens: int = DEAREST
    complete: bool = True


UNKNOWN = Facts(None, None, PROVIDER_OVERHEAD, OLLAMA_DEFAULT, complete=False)
"""The facts about a model that its upstream has not described yet."""


def undescribed(model: str, sees_images: bool | None) -> Facts:
    """The facts about a model on an upstream that describes none. `sees_images`: what its list of models says."""
    return Facts(sees_images, None, PROVIDER_OVERHEAD, provider_image_tokens(model))


class _Show(Struct):
    capabilities: list[str] | None = None
    template: str = ""
    system: str = ""
    messages: Raw = Raw(b"")
    model_info: dict[str, Raw] = {}
    projector_info: dict[str, Raw] = {}


async def _show(client: Client, model: str) -> Facts:
    shown = await query(client, b"POST", b"/api/show", {"model": model}, _Show)
    capabilities = shown.capabilities
    context = _number(shown.model_info, ".context_length")
    # The punctuation of the JSON counts, too: it stands for what the template puts around each message.
    overhead = len(shown.template.encode()) + len(shown.system.encode()) + len(bytes(shown.messages))
    image = _image_tokens(shown)
    sees_images = "vision" in capabilities if capabilities else None
    return Facts(sees_images, context or None, overhead, min(image, context or image))


DESCRIPTIONS: Mapping[DescribesBy, Callable[[Client, str], Awaitable[Facts]]] = {"/api/show": _show}
"""Functions that request the facts about a model, by the path that describes it. They raise UpstreamFailure,
UpstreamUnavailable, UpstreamTimeout."""


def _image_tokens(shown: _Show) -> int:
    """The most tokens of one image, by the kinds and sizes of its vision parts."""
    info = shown.model_info | shown.projector_info
    kinds = [
        msgspec.json.decode(table[name], type=str)
        for table in (shown.model_info, shown.projector_info)
        for name in ("general.architecture", "clip.projector_type", "clip.vision.projector_type")
        if bytes(table.get(name, b""))[:1] == b'"'
    ]
    if "clip.projector_type" in info or "clip.vision.projector_type" in info:
        kinds = [kind for kind in kinds if kind != "clip"]  # every projector of llama.cpp is a "clip"
    return ollama_image_tokens(kinds, _number(info, ".vision.image_size"), _number(info, ".vision.patch_size"))


_MOST_DIGITS = 18


def _number(info: Mapping[str, Raw], end: str) -> int:
    """The integer under a name that ends in `end`, after the name of any architecture; 0 where there is none."""
    found = next((bytes(value) for name, value in info.items() if name.endswith(end)), b"")
    return int(found) if found.isdigit() and len(found) <= _MOST_DIGITS else 0
