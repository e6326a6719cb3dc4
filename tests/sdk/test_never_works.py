"""What no request like it will change, from the real Ollama: it is not to be tried again, and says why."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from openai import APIStatusError, OpenAI

from tests.ollama.rig import Ollama
from tests.ollama.tiny_models import CONTEXT, write_all
from tests.process.served import Served
from tests.sdk.person import Person

HUGE = 2_000_000_000
"""A context that no machine has the memory for."""


@pytest.fixture
def huge(gateway: Served, ollama: Ollama, tmp_path: Path) -> Iterator[str]:
    """A model of half a megabyte whose context takes terabytes."""
    write_all(tmp_path)
    key = b"llama.context_length" + struct.pack("<I", 4)
    text = (tmp_path / "tiny.gguf").read_bytes()
    assert text.count(key + struct.pack("<I", CONTEXT)) == 1
    text = text.replace(key + struct.pack("<I", CONTEXT), key + struct.pack("<I", HUGE))
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    connection = HTTPConnection("127.0.0.1", ollama.port, timeout=60)
    connection.request("POST", f"/api/blobs/{digest}", text)
    assert connection.getresponse().status == 201
    connection.close()
    made = {"model": "huge", "files": {"huge.gguf": digest}, "parameters": {"num_ctx": HUGE}, "stream": False}
    assert ollama.ask("/api/create", made).status == 200
    # The gateway may have read the list just before; what it does itself makes it read it again.
    gateway.admin("POST", "/admin/models/copy", {"model": "tiny", "to": "tiny-again"})
    yield "huge"
    ollama.ask("/api/delete", {"model": "huge"}, method="DELETE")
    gateway.admin("DELETE", "/admin/models/tiny-again")


def test_a_model_that_needs_more_memory_than_there_is(client: OpenAI, person: Person, huge: str) -> None:
    with pytest.raises(APIStatusError) as refused:
        client.chat.completions.create(model=huge, messages=[{"role": "user", "content": "hi"}])
    assert refused.value.status_code == 502
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert "model requires more system memory" in refused.value.message
    assert "than is available" in refused.value.message
    assert [record["status"] for record in person.records(1)] == ["failed"]
