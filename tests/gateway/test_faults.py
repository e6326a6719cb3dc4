"""Upstreams that fail, and what the client gets."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.gateway.test_bad_input import check
from tests.scripted import ScriptedUpstream, chat_answer, json_response, ollama_error, response
from tests.shapes import head


async def reset(conn, request):
    conn.reset()


async def close(conn, request):
    conn.close()


async def hang(conn, request):
    await conn.hang()


async def half_a_body(conn, request):
    await conn.send(head(200, "Content-Type: application/json", "Content-Length: 100") + b'{"id":"a"')
    conn.close()


ERROR_IN_JSON = json_response({"error": {"message": "boom"}})


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (reset, 502, "upstream_unavailable"),
        (close, 502, "upstream_unavailable"),
        (half_a_body, 502, "upstream_unavailable"),
        (b"garbage\r\n\r\n", 502, "upstream_unavailable"),
        (response(b"<html>hello</html>", content_type="text/html"), 502, "upstream_unavailable"),
        (response(b'{"a":'), 502, "upstream_unavailable"),
        (ERROR_IN_JSON, 502, "upstream_error"),
        (ollama_error(500, "boom"), 502, "upstream_error"),
        (response(b"<html>", 500, content_type="text/html"), 502, "upstream_error"),
        (ollama_error(418, "teapot"), 502, "upstream_error"),
        (head(204), 502, "upstream_error"),
        (head(302, "Location: http://elsewhere/", "Content-Length: 0"), 502, "upstream_error"),
        (ollama_error(401, "bad key sk-secret"), 502, "upstream_unavailable"),
        (ollama_error(402, "pay"), 502, "upstream_unavailable"),
        (ollama_error(403, ""), 502, "upstream_unavailable"),
        (ollama_error(503, "server busy"), 503, "server_overloaded"),
        (ollama_error(529, "overloaded"), 503, "server_overloaded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_fault_before_the_first_byte(gateway, up, script, status, code, stream):
    up.always(script)  # also for the retry on a fresh connection
    if stream and script == ERROR_IN_JSON:
        code = "upstream_unavailable"  # a stream was asked for
    message = check(await gateway.chat(stream=stream), status, code, kind="server_error")
    assert "sk-secret" not in message
    record = await gateway.record()
    assert (record.status, record.usage.total_tokens, record.cost_pico) == ("failed", 0, 0)
    up.always(json_response(chat_answer()))
    next(iter(gateway.context.registry)).health.clear()  # as an admin does who saves it
    assert (await gateway.chat()).status_code == 200
    metrics = (await gateway.client.get("/metrics", headers={"authorization": f"Bearer {ADMIN}"})).text
    assert f'tollkeeper_upstream_errors_total{{code="{code}",upstream="default"}} 1.0' in metrics


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_the_upstreams_verdict_on_the_request_passes(gateway, up, status):
    up.answer(ollama_error(status, "because"))
    assert check(await gateway.chat(), status) == "because"


async def test_what_an_upstream_says_of_itself_is_in_the_log_alone(gateway, up, caplog):
    said = "http://admin:hush@10.0.0.1 is down"
    for answer in (ollama_error(500, said), ollama_error(401, said), json_response({"error": said})):
        up.answer(answer)
        next(iter(gateway.context.registry)).health.clear()  # which rests
        assert "hush" not in (await gateway.chat()).text
        assert said in caplog.text
        caplog.clear()


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_credentials_that_an_upstream_refuses_are_one_alert(gateway, up, caplog, status):
    up.answer(ollama_error(status, "no such key"))
    assert (await gateway.chat()).status_code == 502
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.levelno == logging.ERROR
    assert "by default: The upstream refuses" in line.getMessage()
    assert f"({status} no such key)" in line.getMessage()


async def test_an_upstream_without_room_says_when(gateway, up):
    up.answer(json_response({"error": "busy"}, 429, "Retry-After: 7"))
    answer = await gateway.chat()
    check(answer, 503, "server_overloaded", kind="server_error")
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("7", "7000")


async def test_an_upstream_too_slow_to_answer_is_504(start, up):
    async with start(first_byte_timeout=0.1) as gateway:
        up.answer(hang)
        check(await gateway.chat(), 504, "upstream_timeout", kind="server_error")
        assert (await gateway.record()).status == "failed"


async def test_no_upstream_is_503_and_leaves_no_record(start, up):
    async with start() as gateway:
        assert (await gateway.chat()).status_code == 200
        await up.stop_listening()
        for conn in up.connections:
            conn.close()
        for conn in up.connections:
            await conn.wait_closed()
        check(await gateway.chat(), 503, "upstream_unavailable", kind="server_error")
        assert len(await gateway.records()) == 1
        await gateway.context.catalog.refresh()
        ready = await gateway.client.get("/ready")
        assert ready.status_code == 503
        headers = {"authorization": f"Bearer {gateway.secrets['admin']}"}
        health = (await gateway.client.get("/admin/upstreams/default", headers=headers)).json()["health"]
        cause = "no connection to 127.0.0.1: Connection refused"
        assert (health["state"], health["error"]) == ("down", cause)
        assert cause not in ready.text, "hosts are for the operator only"
        async with ScriptedUpstream(port=up.port):
            assert (await gateway.chat()).status_code == 200


async def test_an_upstream_that_was_never_there_is_503(start):
    async with start("http://127.0.0.1:9") as gateway:
        check(await gateway.chat(), 503, "upstream_unavailable", kind="server_error")
        assert (await gateway.client.get("/health")).status_code == 200


async def test_a_connection_closed_at_the_moment_of_reuse_is_retried_once(gateway, up):
    asked = 0

    async def closes_second(conn, request):
        nonlocal asked
        asked += 1
        if asked == 2:
            conn.close()
        else:
            await conn.send(json_response(chat_answer(usage=(5, 2))))

    up.always(closes_second)
    assert (await gateway.chat()).status_code == 200
    assert (await gateway.chat()).status_code == 200
    assert asked == 3
    assert len(await gateway.records()) == 2


async def test_an_answer_over_the_bound_is_refused(start, up):
    async with start(max_answer_bytes=10_000) as gateway:
        up.answer(json_response(chat_answer("x" * 20_000)))
        check(await gateway.chat(), 502, "upstream_error", kind="server_error")


async def test_only_named_headers_pass_either_way(gateway, up):
    up.answer(json_response(chat_answer(), 200, "Set-Cookie: a=b", "Server: ollama", "X-Secret: y"))
    answer = await gateway.client.post(
        "/v1/chat/completions",
        json=ask(user="alice@example.org"),
        headers={"cookie": "c=d", "x-forwarded-for": "1.2.3.4", "openai-organization": "o", "proxy-authorization": "z"},
    )
    assert answer.status_code == 200
    assert not {"set-cookie", "server", "x-secret"} & set(answer.headers)
    request = up.requests[-1]
    assert {name.lower() for name, _ in request.headers} == {
        b"host", b"accept-encoding", b"content-type", b"content-length"
    }  # fmt: skip
    assert request.header("host") == f"127.0.0.1:{up.port}".encode()
    assert request.json["user"].startswith("user_")
    assert "alice" not in request.json["user"]
    assert gateway.secrets["alice"].encode() not in request.body


async def test_what_need_not_change_arrives_as_sent(gateway, up):
    text = b'{ "temperature": 1.0e0,\n "model" : "tiny:latest", "messages": [{"role":"user","content":"\\u00e9"}] }'
    assert (await gateway.client.post("/v1/chat/completions", content=text)).status_code == 200
    assert up.requests[-1].body == text


async def test_a_ledger_that_cannot_write_relays_nothing(gateway, up, monkeypatch):
    asked = len(up.requests)
    monkeypatch.setattr(type(gateway.store.ledger), "failing", property(lambda _: "disk full"))
    check(await gateway.chat(), 503, "ledger_unavailable", kind="server_error")
    assert (await gateway.client.get("/ready")).status_code == 503
    assert not [request for request in up.requests[asked:] if request.method == "POST"]


async def test_an_answer_is_held_until_its_record_is_durable(gateway, up, monkeypatch):
    """The last byte waits for the commit; what came before it does not."""
    up.always(json_response(chat_answer(usage=(5, 2))))
    commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    settled: list[object] = []

    def settle(self, record):
        settled.append(record)
        return commit

    monkeypatch.setattr(type(gateway.store.ledger), "settle", settle)
    waiting = asyncio.create_task(gateway.chat())
    while not settled:
        await asyncio.sleep(0.01)
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    commit.set_result(None)
    assert (await waiting).status_code == 200


async def test_prices_make_costs(gateway, up):
    admin = {"authorization": f"Bearer {ADMIN}"}
    price = {"model": "tiny:latest", "input_usd_per_mtok": "0.15", "output_usd_per_mtok": 0.6}
    assert (await gateway.client.put("/admin/prices", json=price, headers=admin)).status_code == 200
    up.always(json_response(chat_answer(usage=(1_000, 7))))
    answer = await gateway.chat()
    assert answer.headers["x-cost-usd"] == "0.0001542"
    usage = (await gateway.client.get("/v1/usage")).json()
    assert usage["data"][0]["cost_usd"] == usage["totals"]["cost_usd"] == "0.0001542"
    summary = (await gateway.client.get("/v1/usage/summary")).json()
    assert summary["data"][0]["cost_usd"] == summary["total"]["cost_usd"] == "0.0001542"
    shown = (await gateway.client.get("/v1/models/tiny")).json()
    assert shown["pricing"]["input_usd_per_mtok"] == "0.15"


async def test_no_prompt_and_no_key_is_in_the_database(gateway, tmp_path: Path):
    secret = "a very private prompt"
    await gateway.client.post("/v1/chat/completions", json=ask(messages=[{"role": "user", "content": secret}]))
    await gateway.records()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert gateway.secrets["alice"].encode() not in stored
    assert json.dumps(ask())[10:30].encode() not in stored
