"""Forgetting a person in a real process: among two hundred of their requests, and killed at any moment of it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.process.books import records
from tests.process.served import ADMIN, PATIENCE, Served, served
from tests.scripted import ScriptedUpstream
from tollkeeper.store.sqlite.verify import verify

pytestmark = pytest.mark.process

AT_ONCE = 200
KILLS = 12
NAME = "annabel-lee"
SECRETS = (NAME, "Kingdom by the Sea", "in-her-sepulchre", "the-moon-never-beams")
ASK = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "metadata": {"tag": "in-her-sepulchre"}}


def client_of(key: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE, limits=limits, verify=False)


async def furnish(gateway: Served, admin: httpx.AsyncClient) -> dict[str, str]:
    """A person, with whatever may name them. Returns the headers of their key, which acts for others."""
    about = {"user_id": NAME, "name": "Kingdom by the Sea", "role": "admin", "limits": {"requests_total": 10**6}}
    made = await admin.post(gateway.url + "/admin/users", json=about)
    assert made.status_code == 201, made.text
    made = await admin.post(f"{gateway.url}/admin/users/{NAME}/keys", json={"acts_for": "users"})
    headers = {"authorization": f"Bearer {made.json()['api_key']}", "x-tollkeeper-user": "the-moon-never-beams"}
    await admin.post(gateway.url + "/admin/credits", json={"user_id": NAME, "amount_usd": 5, "reason": SECRETS[1]})
    refund = {"user_id": "bob", "cost_usd": "-1", "reason": "a mistake"}
    assert (await admin.post(gateway.url + "/admin/adjustments", json=refund, headers=headers)).status_code == 201
    return headers


def named_in(folder: Path) -> list[tuple[str, str]]:
    """The files that have anything of the person, but for the log, which is out of the database's reach."""
    files = [file for file in folder.iterdir() if file.is_file() and file.name.startswith("tollkeeper.db")]
    return [(file.name, secret) for file in files for secret in SECRETS if secret.encode() in file.read_bytes()]


async def test_two_hundred_requests_while_their_person_is_forgotten(tmp_path: Path) -> None:
    async with ScriptedUpstream() as upstream:
        with served(tmp_path, upstream.url) as gateway:
            await asyncio.to_thread(gateway.new_user, "bob")
            async with client_of(ADMIN) as admin, client_of(ADMIN) as person:
                headers = await furnish(gateway, admin)

                async def say(number: int) -> tuple[int, str | None]:
                    body = ASK | {"stream": number % 2 == 0}
                    keyed = headers | {"idempotency-key": f"key {number % 50}", "x-tollkeeper-user": SECRETS[3]}
                    answer = await person.post(gateway.url + "/v1/chat/completions", json=body, headers=keyed)
                    return answer.status_code, None if answer.status_code < 500 else answer.text

                asking = [asyncio.create_task(say(number)) for number in range(AT_ONCE)]
                await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
                erasing = [
                    asyncio.create_task(admin.delete(f"{gateway.url}/admin/users/{NAME}?erase=true")) for _ in range(3)
                ]
                answers = await asyncio.gather(*erasing)
                assert sorted(answer.status_code for answer in answers) == [200, 404, 404], answers
                [left] = [answer.json()["user_id"] for answer in answers if answer.is_success]
                found = named_in(tmp_path)
                made = await admin.post(gateway.url + "/admin/users", json={"user_id": NAME})
                told = Counter(await asyncio.gather(*asking))
                assert {status for status, _ in told} <= {200, 401, 403, 409, 422}, told
                assert found == [], "the answer came before all copies were gone"
                another = {"authorization": f"Bearer {made.json()['api_key']}"}
                usage = (await person.get(gateway.url + "/v1/usage", headers=another)).json()
                assert (usage["data"], usage["totals"]["requests"]) == ([], 0)
                assert (await person.get(gateway.url + "/me/end-users", headers=another)).json()["data"] == []
                of_left = (await admin.get(f"{gateway.url}/admin/users/{left}/usage?limit=1000")).json()
        kept = [row for row in records(tmp_path / "tollkeeper.db").values() if row["endpoint"] != "adjustment"]
        assert len(kept) == of_left["totals"]["requests"] == len(upstream.calls("POST /v1/chat/completions"))
    assert verify(tmp_path / "tollkeeper.db").faults == ()


async def test_a_kill_at_any_moment_of_it_is_made_good_by_another_try(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    async with ScriptedUpstream() as upstream:
        ends: Counter[str] = Counter()
        for number in range(KILLS):
            with served(tmp_path, upstream.url) as gateway:
                async with client_of(ADMIN) as admin:
                    if number == 0:
                        await asyncio.to_thread(gateway.new_user, "bob")
                    headers = await furnish(gateway, admin)
                    for _ in range(3):
                        said = await admin.post(gateway.url + "/v1/chat/completions", json=ASK, headers=headers)
                        assert said.status_code == 200, said.text
                    erasing = asyncio.create_task(admin.delete(f"{gateway.url}/admin/users/{NAME}?erase=true"))
                    await asyncio.sleep(dice.uniform(0, 0.12) if number else 0)
                    gateway.kill()
                    ends[type((await asyncio.gather(erasing, return_exceptions=True))[0]).__name__] += 1
                await asyncio.to_thread(gateway.exit_code)
            with served(tmp_path, upstream.url) as gateway:
                async with client_of(ADMIN) as admin:
                    ends[await again(gateway, admin)] += 1
                    assert named_in(tmp_path) == []
            assert verify(tmp_path / "tollkeeper.db").faults == ()
    print(dict(ends))
    assert ends["named"], "no kill came before the person was forgotten"


async def again(gateway: Served, admin: httpx.AsyncClient) -> str:
    """Erase who was being erased when the gateway was killed; says how far it had come."""
    named = await admin.delete(f"{gateway.url}/admin/users/{NAME}?erase=true")
    if named.status_code == 200:
        return "named"
    assert named.status_code == 404, named.text
    [newest] = (await admin.get(gateway.url + "/admin/audit?limit=1")).json()["data"]
    assert newest["action"] == "user.erase"
    left = await admin.get(f"{gateway.url}/admin/users/{newest['target']}")
    assert (left.json()["status"], left.json()["name"]) == ("closed", None)
    return "forgotten"
