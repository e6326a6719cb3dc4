"""What Open WebUI and n8n send, as it was recorded from them; to be run here both are too large.

What Open WebUI sends to an Ollama connection, and by the Responses API, is as its source makes it.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest

from tests.clients.conftest import TALKER
from tests.clients.document import ALIAS, EMBEDDER
from tests.clients.test_clients import WRONG
from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE, TINY_WIDTH
from tests.process.served import PATIENCE
from tests.sdk.person import Person

OPEN_WEBUI = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate, br",
    "content-type": "application/json",
    "user-agent": "Python/3.11 aiohttp/3.14.5",
}
N8N = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "accept-language": "*",
    "content-type": "application/json",
    "openai-platform": "org-qkmJQuJ2WnvoIKMr2UJwIJkZ",
    "sec-fetch-mode": "cors",
    "user-agent": "langchainjs-openai/1.0.0 ((node/v24.19.0; linux; x64))",
    "x-stainless-lang": "js",
    "x-stainless-package-version": "6.49.0",
    "x-stainless-retry-count": "0",
}
MODEL = f"{TALKER}:latest"
"""Open WebUI sends the name that it read in the list."""


class Request(NamedTuple):
    headers: dict[str, str]
    path: str
    body: str


CHAT = "/v1/chat/completions"
CHATS = {
    "Open WebUI, streamed": Request(
        OPEN_WEBUI, CHAT, f'{{"model":"{MODEL}","messages":[{{"role":"user","content":"Say"}}],"stream":true}}'
    ),
    "Open WebUI, whole": Request(
        OPEN_WEBUI,
        CHAT,
        f'{{"model":"{MODEL}","messages":[{{"role":"user","content":"Say"}}],"stream":false,"temperature":0.5}}',
    ),
    "Open WebUI, Ollama, streamed": Request(
        OPEN_WEBUI,
        "/api/chat",
        f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Say"}}], "stream": true,'
        f' "options": {{"num_ctx": 2048}}, "keep_alive": "5m"}}',
    ),
    "Open WebUI, Ollama, whole": Request(
        OPEN_WEBUI,
        "/api/chat",
        f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Say"}}], "stream": false}}',
    ),
    "Open WebUI, Responses, streamed": Request(
        OPEN_WEBUI,
        "/v1/responses",
        f'{{"stream": true, "model": "{MODEL}", "input": [{{"type": "message", "role": "user", "content":'
        f' [{{"type": "input_text", "text": "Say"}}]}}]}}',
    ),
    "Open WebUI, Responses, second turn": Request(
        OPEN_WEBUI,
        "/v1/responses",
        f'{{"stream": false, "model": "{MODEL}", "input": [{{"type": "message", "role": "user", "content":'
        f' [{{"type": "input_text", "text": "Say"}}]}}, {{"type": "message", "role": "assistant", "content":'
        f' [{{"type": "output_text", "text": "So"}}]}}, {{"type": "message", "role": "user", "content":'
        f' [{{"type": "input_text", "text": "Go on"}}]}}], "instructions": "Be brief."}}',
    ),
    "n8n": Request(N8N, CHAT, f'{{"model":"{ALIAS}","stream":false,"messages":[{{"role":"user","content":"Say"}}]}}'),
    "n8n, Responses": Request(
        N8N,
        "/v1/responses",
        f'{{"input":[{{"type":"message","role":"user","content":"Say"}}],"model":"{ALIAS}","stream":false,"text":{{}}}}',
    ),
}
DOCUMENTS = Request(
    OPEN_WEBUI, "/v1/embeddings", f'{{"input": ["A toll is a fee for a road."], "model": "{EMBEDDER}"}}'
)


def send(person: Person, request: Request, key: str | None = None) -> httpx.Response:
    headers = request.headers | {"authorization": f"Bearer {key or person.key}"}
    url = person.gateway.url + request.path
    return httpx.post(url, headers=headers, content=request.body, timeout=PATIENCE, verify=False)


def text_of(answer: httpx.Response) -> str:
    """What a client would show, of a whole answer or of events, in each of the dialects."""
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line and not line.startswith("event:")]
    return "".join(_text_of(json.loads(line)) for line in lines if line != "[DONE]")


def _text_of(part: dict[str, Any]) -> str:
    match part:
        case {"choices": choices}:
            return "".join((choice.get("message") or choice["delta"]).get("content") or "" for choice in choices)
        case {"message": {"content": text}} | {"type": "response.output_text.delta", "delta": text}:
            return str(text)
        case {"object": "response", "output": [{"content": [{"text": text}]}]}:
            return str(text)
    return ""


@pytest.mark.parametrize("name", CHATS)
def test_a_chat(name: str, person: Person) -> None:
    answer = send(person, CHATS[name])
    assert answer.status_code == 200, answer.text
    assert text_of(answer) == SENTENCE
    record = person.record()
    assert (record["status"], record["estimated"], record["completion_tokens"]) == ("completed", False, ANSWER_TOKENS)
    assert (record["model"], record["endpoint"]) == (MODEL, CHATS[name].path)


def test_open_webui_lists_the_models(person: Person) -> None:
    url, bearer = f"{person.gateway.url}/v1/models", {"authorization": f"Bearer {person.key}"}
    answer = httpx.get(url, headers=OPEN_WEBUI | bearer, timeout=PATIENCE, verify=False)
    assert answer.status_code == 200, answer.text
    assert MODEL in {model["id"] for model in answer.json()["data"]}


def test_open_webui_reads_a_document(person: Person) -> None:
    answer = send(person, DOCUMENTS)
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["data"]
    assert len(item["embedding"]) == TINY_WIDTH
    assert person.record()["prompt_tokens"] == answer.json()["usage"]["prompt_tokens"]


@pytest.mark.parametrize("path", ["/api/tags", "/api/version", "/api/ps"])
def test_open_webui_looks_at_an_ollama(path: str, person: Person) -> None:
    """With the key of the connection, or in its address."""
    url, bearer = person.gateway.url, {"authorization": f"Bearer {person.key}"}
    by_header = httpx.get(url + path, headers=OPEN_WEBUI | bearer, timeout=PATIENCE, verify=False)
    by_path = httpx.get(f"{url}/k/{person.key}{path}", headers=OPEN_WEBUI, timeout=PATIENCE, verify=False)
    assert by_header.status_code == by_path.status_code == 200, by_header.text + by_path.text
    assert by_header.json().keys() == by_path.json().keys()
    if path == "/api/tags":
        assert MODEL in {model["model"] for model in by_header.json()["models"]}


@pytest.mark.parametrize("name", CHATS)
def test_a_wrong_key_is_told(name: str, person: Person) -> None:
    answer = send(person, CHATS[name], WRONG)
    assert answer.status_code == 401
    assert "Incorrect API key provided" in answer.text
