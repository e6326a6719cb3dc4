"""The list of models in the OpenAI dialect: OpenAI's API reference, "Models", and `vision` and `pricing` beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tollkeeper.wire.dialect import ListedModel


def models_body(models: Sequence[ListedModel]) -> bytes:
    """The body of the list of models that the caller may use."""
    return msgspec.json.encode(
        {"object": "list", "data": [_shown(model) for model in models], "has_more": False, "next": None}
    )


def model_body(model: ListedModel) -> bytes:
    """The body of one model."""
    return msgspec.json.encode(_shown(model))


def _shown(model: ListedModel) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": (model.modified_at or 0) // 1000,
        "owned_by": "library",
        "vision": model.sees_images,
        "pricing": model.price,
    }
