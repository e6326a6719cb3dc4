"""The record of Ollama's dialect."""

import json

from tests.wire.ollama.test_request import SAY, body
from tollkeeper.wire.ndjson import NdjsonSplitter
from tollkeeper.wire.ollama.dialect import OLLAMA
from tollkeeper.wire.ollama.request import CHAT


def test_each_endpoint_is_served_as_it_is_by_the_same_path():
    assert {path: adapters[0].path for path, adapters in OLLAMA.adapters.items()} == {
        path: path for path in ("/api/chat", "/api/generate", "/api/embed", "/api/embeddings")
    }


def test_its_parts_fit_together():
    request = OLLAMA.read_request(body(messages=SAY), CHAT)
    adapter = OLLAMA.adapters[CHAT.path][0]
    reader, splitter = adapter.open_stream(request, "req_1"), adapter.split_events(1000)
    assert isinstance(splitter, NdjsonSplitter)
    end = json.dumps({"done": True, "prompt_eval_count": 1, "eval_count": 2}).encode() + b"\n"
    assert b"".join(reader.read(line) for line in splitter.feed(b'{"message":{"content":"a"}}\n' + end, 9))
    assert reader.end == end
    assert adapter.stream_type == OLLAMA.stream_type == b"application/x-ndjson"
    assert adapter.rename("Tiny", "tiny:latest", b'{"model":"Tiny"}') == b'{"model":"tiny:latest"}'
    assert OLLAMA.comment is None, "clients read every line as JSON"
