"""A database that cannot be written for a while, under load: nothing is let in, nothing is lost, and when it can be
written again all goes on by itself."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest

from tests.process.books import intents
from tests.process.disk import bounded, filled, locked, mount_small, read_only
from tests.process.load import CHAT, Load, ask, say_figures
from tests.process.promises import check, furnish
from tests.process.served import ADMIN, FORKS, PATIENCE, Served, served
from tests.scripted import Conn, Gate, Request, ScriptedUpstream
from tests.shapes import STREAM_HEAD, chunked, completion_answer, completion_chunks, json_response, sse
from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import verify
from tollkeeper.store.sqlite.watch import RESERVE

pytestmark = pytest.mark.process

DISK = 48 * 2**20
CLIENTS = 16
OTHER = "/v1/completions"
"""Where the test says when an answer goes on; the load asks for chats."""
UNWRITABLE = "ledger_unavailable"


class Fault(NamedTuple):
    """`begins` makes the database one that cannot be written; `told` is a pattern of what `/ready` says of it."""

    begins: Callable[[Served], AbstractContextManager[None]]
    told: str
    disk: int | None = None


@contextmanager
def full(gateway: Served) -> Iterator[None]:
    """No room, in the log neither: else it begins anew where it was written before, and takes what is under way."""
    with filled(gateway.place), bounded(gateway.process.pid or 0):
        yield


FAULTS = {
    "a disk that is full": Fault(full, "is nearly full|is full|I/O error", DISK),  # whichever is seen first
    "files that may not grow": Fault(lambda gateway: bounded(gateway.process.pid or 0), "I/O error"),
    "a lock": Fault(lambda gateway: locked(gateway.place / "tollkeeper.db"), "locked"),
}


def must_mount(folder: Path) -> None:
    process = FORKS.Process(target=mount_small, args=(folder, DISK))
    process.start()
    process.join()
    if process.exitcode:
        pytest.skip("ci-ok: THIS MACHINE LETS NOBODY MOUNT A DISK (as root or in a user namespace), so none was full")


@pytest.mark.parametrize("name", FAULTS)
async def test_what_cannot_be_written_waits_until_it_can(tmp_path: Path, name: str):
    fault = FAULTS[name]
    if fault.disk:
        must_mount(tmp_path)
    async with ScriptedUpstream() as upstream:
        say_figures(upstream, random.Random(1))
        with served(tmp_path, upstream.url, disk=fault.disk) as gateway:
            keys = await asyncio.to_thread(furnish, gateway)
            async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http:
                load = await through_a_fault(fault, gateway, http, upstream, keys)
                await until(lambda: intents(gateway.database) == 0)
            await asyncio.to_thread(check, gateway, keys, load.receipts)
            assert "the ledger can be written again" in gateway.log.read_text()
            gateway.terminate()
            assert await asyncio.to_thread(gateway.exit_code) == 0, gateway.log.read_text()


async def test_a_disk_that_is_nearly_full_is_told_of_before_a_write_fails(tmp_path: Path):
    must_mount(tmp_path)
    async with ScriptedUpstream() as upstream:
        say_figures(upstream, random.Random(1))
        with served(tmp_path, upstream.url, disk=DISK) as gateway:
            key = await asyncio.to_thread(gateway.new_user, "ann")
            async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http:
                under_way = UnderWay(http, upstream, key)
                answers = [await under_way.begin(stream=stream) for stream in (True, False)]
                with filled(gateway.place, but=RESERVE - 2**20):
                    await until_ready(http, "is nearly full")
                    refused = await http.post(CHAT, json=ask(stream=False), headers=bearer(key))
                    assert (refused.status_code, error_in(refused.text)["code"]) == (503, UNWRITABLE)
                    for answer in answers:
                        under_way.go_on(answer)
                    whole_stream, whole = await asyncio.gather(*answers)
                    assert whole_stream.text.endswith("data: [DONE]\n\n"), "what is under way has the room that is left"
                    assert (whole.status_code, "error" in whole.json()) == (200, False)
                await until_ready(http, None)
                served_again = await http.post(CHAT, json=ask(stream=False), headers=bearer(key))
                assert served_again.status_code == 200, "by itself"
            log = gateway.log.read_text()
            assert "is nearly full" in log
            assert "the ledger cannot be written" not in log
            assert verify(gateway.database).records == 3


def test_a_disk_that_is_read_only_is_told_of_and_when_it_no_longer_is_all_goes_on(tmp_path: Path):
    must_mount(tmp_path)
    process = FORKS.Process(target=on_a_read_only_disk, args=(tmp_path,))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0


def on_a_read_only_disk(folder: Path) -> None:
    """In a process of its own, which alone sees the disk. Linux lets none be made read-only under a database that is
    open, so this is about the start."""
    mount_small(folder, DISK)
    path = folder / "ledger.db"

    async def opened() -> SqliteStore:
        return await open_store(path, now=lambda: NOON)

    async def live() -> None:
        store = await opened()
        await store.ledger.settle(first := a_record(NOON))
        with pytest.raises(OSError, match="busy"), read_only(folder):
            pass
        await store.close()
        with read_only(folder), pytest.raises(StoreError, match="Read-only file system"):
            await opened()
        store = await opened()
        await store.ledger.settle(second := a_record(NOON + 1))
        assert await store.reports.records(EVERYTHING, limit=9, after=None) == [second, first]
        await store.close()
        assert verify(path).ok

    asyncio.run(live())


async def through_a_fault(
    fault: Fault, gateway: Served, http: httpx.AsyncClient, upstream: ScriptedUpstream, keys: dict[str, str]
) -> Load:
    """What came in full before, meanwhile and afterwards. What was under way meanwhile is checked here."""
    under_way = UnderWay(http, upstream, keys["bob"])
    async with loaded(gateway, keys) as load:
        await until(lambda: len(load.receipts) >= 50)
        late = [await under_way.begin(stream=stream) for stream in (True, False)]
        lucky = [await under_way.begin(stream=stream) for stream in (True, False)]
        with fault.begins(gateway):
            await until_ready(http, fault.told)
            dispatched = len(upstream.calls(f"POST {CHAT}"))
            for stream in (True, False):
                answer = await http.post(CHAT, json=ask(stream=stream), headers=bearer(keys["alice"]))
                assert answer.status_code == 503, answer.text
                assert error_in(answer.text)["code"] == UNWRITABLE
            new = await http.post("/admin/users", json={"user_id": "late"}, headers=bearer(ADMIN))
            assert new.status_code == 503, new.text
            assert not any(answer.done() for answer in (*late, *lucky)), "those who come are told at once"
            for waiting in late:
                under_way.go_on(waiting)
            cut, unconfirmed = await asyncio.gather(*late)
            assert "[DONE]" not in cut.text
            assert (cut.status_code, error_in(cut.text.splitlines()[-2])["code"]) == (200, UNWRITABLE)
            assert (unconfirmed.status_code, error_in(unconfirmed.text)["code"]) == (503, UNWRITABLE)
            assert len(upstream.calls(f"POST {CHAT}")) == dispatched, "what cannot be recorded is not relayed"
            for waiting in lucky:
                under_way.go_on(waiting)
            await until(lambda: under_way.sent == 4)
            before = len(load.receipts)
        await until_ready(http, None)
        whole_stream, whole = await asyncio.gather(*lucky)
        assert whole_stream.text.endswith("data: [DONE]\n\n")
        assert (whole.status_code, "error" in whole.json()) == (200, False)
        await until(lambda: len(load.receipts) >= before + 50)
    assert load.borne["answer"] > CLIENTS, "the load was refused meanwhile"
    found = {
        row["request_id"]: row
        for row in (await http.get("/admin/usage?limit=1000", headers=bearer(ADMIN))).json()["data"]
    }
    for answer in (cut, unconfirmed, whole_stream, whole):
        assert found[answer.headers["x-request-id"]]["status"] == "completed", "it is recorded, if late"
    return load


@asynccontextmanager
async def loaded(gateway: Served, keys: dict[str, str]) -> AsyncIterator[Load]:
    load = Load(gateway.url, list(keys.values()), random.Random(2), lambda _: None, bears=UNWRITABLE)
    working = asyncio.create_task(load.run(CLIENTS))
    try:
        yield load
        assert not working.done()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


class UnderWay:
    """Answers that have begun, and go on when the test says. `sent` counts those whose upstream is done with them."""

    def __init__(self, http: httpx.AsyncClient, upstream: ScriptedUpstream, key: str) -> None:
        self._http = http
        self._upstream = upstream
        self._key = key
        self._gates: dict[asyncio.Task[httpx.Response], Gate] = {}
        self.sent = 0

    async def begin(self, *, stream: bool) -> asyncio.Task[httpx.Response]:
        begun = asyncio.Event()
        head, gate = b"", Gate([json_response(completion_answer())])
        if stream:
            first, *rest = (chunked(event, end=False) for event in sse(*completion_chunks()))
            head, gate = STREAM_HEAD + first, Gate([b"".join(rest) + b"0\r\n\r\n"])

        async def script(conn: Conn, request: Request) -> None:
            await conn.send(head)
            begun.set()
            await gate(conn, request)
            self.sent += 1

        self._upstream.answer(script)
        body = {"model": "tiny", "prompt": "hi", "stream": stream}
        task = asyncio.create_task(self._http.post(OTHER, json=body, headers=bearer(self._key)))
        await begun.wait()
        self._gates[task] = gate
        return task

    def go_on(self, answer: asyncio.Task[httpx.Response]) -> None:
        self._gates[answer].open()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def until_ready(http: httpx.AsyncClient, fault: str | None) -> None:
    """Until `/ready` says that all is well, or that the ledger has this fault."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await http.get("/ready")
            reason = answer.json()["parts"]["ledger"]
            if reason is None:
                assert answer.status_code == 200
                if fault is None:
                    return
            else:
                assert answer.status_code == 503
                if fault is not None and re.search(fault, reason):
                    return
            await asyncio.sleep(0.01)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def error_in(text: str) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(text.removeprefix("data: "))["error"]
    return error
