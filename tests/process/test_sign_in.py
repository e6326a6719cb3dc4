"""A storm of sign-ins from a few addresses, and the owner's from another."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.process.served import served
from tollkeeper.services.accounts.passwords import AT_ONCE, PER_ADDRESS

ADDRESSES = 8
STORM = 30 * ADDRESSES
WAITING = ADDRESSES * PER_ADDRESS


async def sign_in(port: int, source: str, name: str, password: str) -> int:
    """The status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    body = json.dumps({"username": name, "password": password}).encode()
    head = f"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def storm(port: int) -> tuple[list[int], int]:
    """What the storm was answered, and how many passwords of it were looked at before the owner's."""
    answers: list[int] = []
    all_read = asyncio.Event()

    async def one(number: int) -> None:
        answers.append(await sign_in(port, f"127.0.0.{2 + number % ADDRESSES}", f"user-{number}", "wrong"))
        if len(answers) >= STORM - WAITING - AT_ONCE:  # the gateway has read them all, and as many wait as may
            all_read.set()

    tasks = [asyncio.create_task(one(number)) for number in range(STORM)]
    await all_read.wait()
    before = answers.count(401)
    assert await sign_in(port, "127.0.0.1", "alice", "wonderland") == 200
    looked_at = answers.count(401) - before
    await asyncio.gather(*tasks)
    return answers, looked_at


@pytest.mark.process
def test_a_storm_of_sign_ins_from_a_few_addresses_is_refused_and_the_owner_need_not_wait_for_it(tmp_path):
    with served(tmp_path, "http://127.0.0.1:9") as gateway:
        gateway.admin("POST", "/admin/users", {"user_id": "alice", "password": "wonderland"})
        answers, looked_at = asyncio.run(storm(gateway.port))
    assert sorted(set(answers)) == [401, 429]
    # Each address has one turn before the owner; first come, first served, all that waited would come first. How many
    # turns end while the owner's request is on its way depends on the machine; tests/rules/test_turns.py has the order.
    assert looked_at < WAITING / 2
