"""Input tokens are counted by an upstream that can, else estimated: no slot, no limit used, no record."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import TEST
from tests.gateway.messages_shapes import CLAUDE, ask, be_anthropic, error
from tests.gateway.test_limits import held, limit
from tests.gateway.test_messages import SECRET, check, config
from tests.scripted import ScriptedUpstream, chat_answer, json_response
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.token_ratio import ENOUGH
from tollkeeper.services.upstreams.config import UpstreamConfig

COUNT = "POST /v1/messages/count_tokens"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
async def both(start, up):
    """An Ollama, and Anthropic, whose model has no price."""
    async with ScriptedUpstream({}) as provider:
        be_anthropic(provider)
        async with start(upstreams=[UpstreamConfig("ollama", OLLAMA, up.url), config(provider)]) as gateway:
            await gateway.context.catalog.refresh()
            yield gateway, provider


async def count(gateway, model=CLAUDE, headers=None, query="", **fields):
    body = {name: value for name, value in ask(model=model, **fields).items() if name != "max_tokens"}
    return await gateway.client.post(f"/v1/messages/count_tokens{query}", json=body, headers=headers)


async def test_the_upstream_is_asked_as_it_is(both):
    gateway, provider = both
    provider.route(COUNT, json_response({"input_tokens": 77, "context_management": {"original_input_tokens": 80}}))
    await gateway.context.aliases.replace({"sonnet": [CLAUDE]}, TEST)
    betas = {"anthropic-beta": "token-counting-2024-11-01,files-api-2025-04-14"}
    answer = await count(gateway, "sonnet", betas, "?beta=true", thinking={"type": "adaptive"})
    assert (answer.status_code, answer.json()["input_tokens"]) == (200, 77)
    assert answer.json()["context_management"] == {"original_input_tokens": 80}
    assert "x-estimated" not in answer.headers
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    [call] = provider.calls(COUNT)
    assert (call.json["model"], call.json["thinking"], "max_tokens" in call.json) == (
        CLAUDE,
        {"type": "adaptive"},
        False,
    )
    assert call.header("x-api-key") == SECRET.encode()
    assert call.header("anthropic-beta") == b"token-counting-2024-11-01"


async def test_it_takes_no_slot_uses_no_limit_and_leaves_no_record(both):
    gateway, _ = both
    await limit(gateway, requests_per_minute=1, requests_per_day=1, tokens_per_day=1, max_concurrent_requests=1)
    for model in (CLAUDE, "tiny"):
        for _ in range(3):
            assert (await count(gateway, model)).status_code == 200
    assert await gateway.records() == []
    assert held(gateway) == 0
    used = (await gateway.client.get("/me")).json()["usage"]
    assert {each["used"] for each in used.values()} == {0}


async def test_elsewhere_it_is_estimated_by_what_was_learned(both, up):
    gateway, _ = both
    text = "x" * 1000
    answer = await count(gateway, "tiny", messages=[{"role": "user", "content": text}])
    assert (answer.headers["x-estimated"], answer.headers["content-type"]) == ("1", "application/json")
    size = len(answer.request.content)
    assert answer.json() == {"input_tokens": -(-size // 4)}
    chat = {"messages": [{"role": "user", "content": text}]}
    up.always(json_response(chat_answer(usage=(2000, 1))))
    for _ in range(ENOUGH):
        sent = await gateway.chat(**chat)
    answer = await count(gateway, "tiny", messages=[{"role": "user", "content": text}])
    assert answer.json() == {"input_tokens": -(-size * 2000 // len(sent.request.content))}
    assert not up.calls(COUNT)


async def test_an_image_counts_too(both):
    gateway, provider = both
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    messages = [{"role": "user", "content": [image]}]
    plain = (await count(gateway, "tiny")).json()["input_tokens"]
    assert (await count(gateway, "tiny", messages=messages)).json()["input_tokens"] >= plain + 1000
    assert (await count(gateway, messages=messages)).json() == {"input_tokens": 77}
    assert provider.calls(COUNT)[-1].json["messages"] == messages


@pytest.mark.parametrize(
    "script",
    [
        error(529, "overloaded_error", "busy"),
        error(401, "authentication_error", f"bad {SECRET}"),
        json_response({"tokens": 5}),
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nxyz",
    ],
)
async def test_what_the_upstream_cannot_count_now_is_estimated(both, caplog, script):
    gateway, provider = both
    provider.route(COUNT, script)
    answer = await count(gateway)
    assert (answer.status_code, answer.headers["x-estimated"]) == (200, "1")
    assert "upstream anthropic counts no tokens" in caplog.text
    assert SECRET not in caplog.text + answer.text


async def test_what_is_wrong_is_told_in_its_shape(both):
    gateway, provider = both
    provider.route(COUNT, error(400, "invalid_request_error", f"tools: wrong {SECRET}"))
    assert "tools: wrong" in (told := check(await count(gateway), 400, "invalid_request_error"))
    assert SECRET not in told
    check(await count(gateway, "nothing"), 404, "not_found_error")
    check(await count(gateway, container="c_1"), 400, "invalid_request_error")
    check(await gateway.client.post("/v1/messages/count_tokens", content=b"[]"), 400, "invalid_request_error")
    check(await gateway.client.get("/v1/messages/count_tokens"), 405, "invalid_request_error")
    check(await count(gateway, headers={"authorization": "Bearer sk-wrong"}), 401, "authentication_error")
    await limit(gateway, allowed_models=["tiny"])
    check(await count(gateway), 403, "permission_error")
    assert (await count(gateway, "tiny")).status_code == 200
    suspended = await gateway.client.patch(
        "/admin/users/alice",
        json={"status": "suspended"},
        headers={"authorization": f"Bearer {gateway.secrets['admin']}"},
    )
    assert suspended.status_code == 200
    check(await count(gateway, "tiny"), 403, "permission_error")
