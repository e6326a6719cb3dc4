"""Requests for tasks, as clients send them."""

from __future__ import annotations

import json
from typing import Any

from tests.wire.http.test_multipart import form, part
from tollkeeper.wire.tasks.request import TaskEndpoint, TaskRequest, read_request


def asked(endpoint: TaskEndpoint, **fields: Any) -> TaskRequest:
    """A request of JSON for the model `m`."""
    return read_request(json.dumps({"model": "m"} | fields).encode(), endpoint)


def sent(endpoint: TaskEndpoint, *files: bytes, **fields: str) -> TaskRequest:
    """A request of a form with a file, for the model `m`."""
    texts = [part(name, text.encode()) for name, text in ({"model": "m"} | fields).items()]
    file = part("file", b"RIFF", '; filename="a.wav"')
    return read_request(form(*texts, *(files or (file,))), endpoint)
