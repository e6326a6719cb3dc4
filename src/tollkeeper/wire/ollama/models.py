"""Lists and descriptions of models in Ollama's dialect, for any model, whichever kind of upstream has it.

Ollama's own clients take the first twelve characters of every digest, and fail over a `model_info` that lacks what they
show of it: so every model has a digest, and those that no Ollama has have no `model_info`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.dialect import ListedModel
from tollkeeper.wire.ollama.empty import timestamp
from tollkeeper.wire.strict_json import check_text, names, read_object, read_string

VERSION = (0, 11, 4)
"""The version that this dialect is made after, and tested with: what clients are told where no upstream is an
Ollama."""
RUNNING = b"Ollama is running"
"""What clients expect of the root; the command line asks for it first."""
_SHORTEST_DIGEST = 12
_SHOW = names("model name options system template verbose")
_NULL = Raw(b"null")


def tags_body(models: Sequence[ListedModel]) -> bytes:
    """The body of `/api/tags`."""
    return msgspec.json.encode({"models": [_entry(model) for model in models]})


def loaded_body(models: Sequence[ListedModel]) -> bytes:
    """The body of `/api/ps`, of models that are in memory."""
    return msgspec.json.encode({"models": [_loaded(model) for model in models]})


def version_body(versions: Sequence[tuple[int, ...]]) -> bytes:
    """The body of `/api/version`: the smallest of the upstreams' versions. A client that looks at it does so to know
    what it may ask for, and its requests may go to any of them."""
    return msgspec.json.encode({"version": ".".join(map(str, min(versions, default=VERSION)))})


def described_body(model: ListedModel) -> bytes:
    """The body of `/api/show` about a model that no Ollama has. Where it is not known whether a model sees images, it
    may be tried."""
    capabilities = ["completion", "tools"] + (["vision"] if model.sees_images is not False else [])
    return msgspec.json.encode(
        {
            "modelfile": f"FROM {model.name}\n",
            "parameters": "",
            "template": "",
            "details": _details(model),
            "capabilities": capabilities,
            "modified_at": timestamp(model.modified_at),
        }
    )


class _Show(Struct, omit_defaults=True):
    """What the gateway asks an Ollama for."""

    model: str
    verbose: bool = False


def read_described(body: bytes) -> str:
    """The model that a request to describe one names. Raises BadRequest."""
    check_text(body)
    members = read_object(body, _SHOW)
    name = read_string(members.get("model", _NULL)) or read_string(members.get("name", _NULL))  # as it was called once
    if not name:
        raise BadRequest("'model' is missing. Name a model; GET /api/tags lists them.", param="model")
    return name


def rewrite_described(body: bytes, model: str) -> bytes:
    """The request to describe `model`, as the upstream spells it."""
    verbose = read_object(body, _SHOW).get("verbose") == Raw(b"true")
    return msgspec.json.encode(_Show(model, verbose))


def _entry(model: ListedModel) -> dict[str, Any]:
    digest = model.digest
    if len(digest) < _SHORTEST_DIGEST:
        digest = sha256(model.name.encode()).hexdigest()
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": timestamp(model.modified_at),
        "size": model.size,
        "digest": digest,
        "details": _details(model),
    }


def _loaded(model: ListedModel) -> dict[str, Any]:
    entry = _entry(model)
    del entry["modified_at"]
    memory = model.memory
    if memory is None:
        return entry
    return entry | {
        "size": memory.size,
        "size_vram": memory.size_vram,
        "expires_at": timestamp(memory.expires_at),
        "context_length": memory.context,
    }


def _details(model: ListedModel) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf" if model.size else "",  # as nearly all of its models are
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": model.quantization,
    }
