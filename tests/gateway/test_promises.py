"""What must hold about money, mechanism by mechanism. tests/process kills the real thing."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing

import pytest

from tests.gateway.conftest import ADMIN, TEST, ask, running
from tests.scripted import ScriptedUpstream, chat_answer, chat_chunks, json_response, sse, streamed
from tollkeeper.rules.kinds import KINDS
from tollkeeper.services.models.prices import NewPrice
from tollkeeper.services.upstreams.config import UpstreamConfig

PROVIDERS = [name for name, kind in KINDS.items() if kind.paid and "/v1/chat/completions" in kind.speaks]


@pytest.fixture
def paid(up, tmp_path):
    """A gateway before an upstream that is no Ollama, and whose model has a price."""
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "tiny"}]}))

    @asynccontextmanager
    async def begin(kind="openai"):
        async with running(
            tmp_path, up.url, upstreams=[UpstreamConfig("paid", KINDS[kind], up.url, open=True)]
        ) as gateway:
            await gateway.context.prices.put([NewPrice("tiny", input=1_000_000, output=10_000_000)], TEST)
            yield gateway

    return begin


def hold_commits(gateway, monkeypatch, method):
    """From now on this call of the ledger gives a future that the test completes."""
    commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    called = asyncio.Event()

    def held(self, entry):
        called.set()
        return commit

    monkeypatch.setattr(type(gateway.store.ledger), method, held)
    return called, commit


async def test_the_end_of_a_stream_is_held_until_its_record_is_durable(gateway, up, monkeypatch):
    up.answer(streamed(*sse(*chat_chunks(["a"]))))
    called, commit = hold_commits(gateway, monkeypatch, "settle")
    async with gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
        arriving = answer.aiter_bytes()
        got = b""
        while b'"finish_reason":"stop"' not in got:
            got += await anext(arriving)  # all before the end has left
        await called.wait()
        last = asyncio.ensure_future(anext(arriving))
        done, _ = await asyncio.wait({last}, timeout=0.2)
        assert not done
        commit.set_result(None)
        assert await last == b"data: [DONE]\n\n"


@pytest.mark.parametrize("kind", PROVIDERS)
async def test_what_is_paid_for_goes_out_only_when_its_intent_is_durable(paid, up, monkeypatch, kind):
    async with paid(kind) as gateway:
        called, commit = hold_commits(gateway, monkeypatch, "intend")
        asking = asyncio.create_task(gateway.chat())
        await called.wait()
        await asyncio.wait({asking}, timeout=0.2)
        assert not up.calls("POST /v1/chat/completions")
        commit.set_result(None)
        assert (await asking).status_code == 200
        assert len(up.calls("POST /v1/chat/completions")) == 1


async def test_an_ollama_is_not_kept_waiting_for_an_intent(gateway, up, monkeypatch):
    hold_commits(gateway, monkeypatch, "intend")
    assert (await gateway.chat()).status_code == 200


async def limited(gateway) -> None:
    await gateway.context.accounts.set_limits("alice", TEST, {"requests_total": 1, "cost_usd_per_day": 1})


async def as_if_it_had_never_come(gateway, up, folder) -> None:
    assert await gateway.records() == []
    assert not up.calls("POST /v1/chat/completions")
    usage = (await gateway.client.get("/me")).json()["usage"]
    assert [(reading["used"], reading["reserved"]) for reading in usage.values()] == [(0, 0)] * 2
    assert gateway.metrics.sums().in_flight == 0
    with closing(sqlite3.connect(folder / "t.db")) as database:
        assert database.execute("SELECT count(*) FROM intents").fetchone() == (0,)
    assert (await gateway.chat()).status_code == 200, "its connection was given back, and there is room"


async def test_who_leaves_before_it_went_out_leaves_nothing_behind(paid, up, monkeypatch, tmp_path):
    async with paid() as gateway:
        await limited(gateway)
        commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        called, intend = asyncio.Event(), type(gateway.store.ledger).intend

        def held(self, intent):
            intend(self, intent)
            called.set()
            return commit

        with monkeypatch.context() as patch:
            patch.setattr(type(gateway.store.ledger), "intend", held)
            asking = asyncio.create_task(gateway.chat())
            await called.wait()
            await gateway.store.ledger.flush()  # its intent is durable, and the request about to go out
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            while gateway.context.requests.active:
                await asyncio.sleep(0.005)
        await as_if_it_had_never_come(gateway, up, tmp_path)


async def test_a_ledger_that_stays_stuck_before_it_went_out_leaves_nothing_behind(paid, up, monkeypatch, tmp_path):
    async with paid() as gateway:
        await limited(gateway)
        with monkeypatch.context() as patch:
            patch.setattr("tollkeeper.services.ledger.commits.COMMIT_PATIENCE", 0.1)
            hold_commits(gateway, patch, "intend")
            answer = await gateway.chat()
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_unavailable")
        assert b'code="ledger_unavailable"' in gateway.metrics.text(), "it counts as refused"
        await as_if_it_had_never_come(gateway, up, tmp_path)


async def test_a_connection_that_ends_before_it_went_out_leaves_nothing_behind(paid, up, monkeypatch, tmp_path):
    async with paid() as gateway:
        await limited(gateway)
        with monkeypatch.context() as patch:
            called, commit = hold_commits(gateway, patch, "intend")
            asking = asyncio.create_task(gateway.chat())
            await called.wait()
            await up.stop_listening()
            for conn in up.connections:
                conn.close()
            for conn in up.connections:
                await conn.wait_closed()
            client = (await gateway.context.resolver.candidates("tiny"))[0].deployment.upstream.client
            while client.statistics().open:
                await asyncio.sleep(0.005)
            commit.set_result(None)
            answer = await asking
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_unavailable")
        async with ScriptedUpstream(port=up.port) as back:
            await as_if_it_had_never_come(gateway, back, tmp_path)


async def test_a_ledger_that_stays_stuck_ends_the_answer_with_an_error(gateway, up, monkeypatch):
    monkeypatch.setattr("tollkeeper.services.ledger.commits.COMMIT_PATIENCE", 0.1)
    hold_commits(gateway, monkeypatch, "settle")
    answer = await gateway.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_unavailable")
    up.answer(streamed(*sse(*chat_chunks(["a"]))))
    answer = await gateway.chat(stream=True)
    assert answer.status_code == 200
    assert b'"ledger_unavailable"' in answer.content
    assert b"[DONE]" not in answer.content


async def test_one_client_that_leaves_does_not_end_the_commit_of_others(gateway, up, monkeypatch):
    _, commit = hold_commits(gateway, monkeypatch, "settle")
    first, second = asyncio.create_task(gateway.chat()), asyncio.create_task(gateway.chat())
    while len(gateway.context.requests.active) or len(up.calls("POST /v1/chat/completions")) < 2:
        await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not commit.cancelled()
    commit.set_result(None)
    assert (await second).status_code == 200


async def test_when_a_key_was_last_used_is_written_at_the_stop(tmp_path, up):
    async with running(tmp_path, up.url) as gateway:
        await gateway.chat()
    async with running(tmp_path, up.url, users=()) as gateway:
        answer = await gateway.client.get("/admin/users/alice/keys", headers={"authorization": f"Bearer {ADMIN}"})
        assert answer.json()["data"][0]["last_used_at"] is not None


async def test_an_answer_that_is_charged_anyway_is_read_to_its_end(paid, up):
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(conn, request):
        asked.set()
        await go.wait()
        await conn.send(json_response(chat_answer(usage=(5, 200))))

    up.answer(script)
    async with paid() as gateway:
        asking = asyncio.create_task(gateway.chat())
        await asked.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.sleep(0.05)
        go.set()
        record = await gateway.record()
        assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("completed", 200, False)


async def test_an_answer_without_usage_is_estimated_not_free(gateway, up):
    up.answer(json_response(chat_answer("x" * 400, usage=None)))
    await gateway.chat()
    record = await gateway.record()
    assert record.usage.estimated
    assert 100 <= record.usage.completion_tokens <= 125
