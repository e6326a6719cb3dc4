"""Responses requests, as the gateway reads them."""

from __future__ import annotations

import json
from typing import Any

from tollkeeper.wire.responses.request import RESPONSES, ResponsesRequest
from tollkeeper.wire.responses.request import read_request as read
from tollkeeper.wire.translate.conversation import Conversation
from tollkeeper.wire.translate.responses.read_request import read_request

PNG = "data:image/png;base64,AAAA"
REQUEST_ID = f"req_{1795183175_123:012x}0011223344556677"
SCHEMA = {"type": "object", "properties": {"a": {"type": "number", "maximum": 1.50}}}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}


def asking(**fields: Any) -> ResponsesRequest:
    return read(json.dumps({"model": "tiny", "input": "hi"} | fields).encode(), RESPONSES)


def conversation(**fields: Any) -> Conversation:
    request = asking(**fields)
    return read_request(request, [image.url for image in request.images], request.output_cap)
