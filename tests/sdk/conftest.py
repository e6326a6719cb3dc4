"""The stock `openai` SDK, the real gateway as a process of its own, the real Ollama behind it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.ollama.rig import Ollama
from tests.process.served import Served, served
from tests.sdk.person import Person
from tests.sdk.pictures import Pictures, showing

BASES = ["/v1", ""]


@pytest.fixture(scope="session")
def pictures() -> Iterator[Pictures]:
    with showing() as shown:
        yield shown


@pytest.fixture(scope="session")
def gateway(ollama: Ollama, pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("gateway"), ollama.url, image_fetch_allow=pictures.address) as running:
        yield running


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def person(gateway: Served, numbers: Iterator[int]) -> Person:
    """A new user: their records are those of one test."""
    user_id = f"user-{next(numbers)}"
    return Person(gateway, user_id, gateway.new_user(user_id))


@pytest.fixture(params=BASES)
def either(request: pytest.FixtureRequest, person: Person) -> Iterator[OpenAI]:
    """The person's client, by both spellings of the base URL."""
    with OpenAI(base_url=person.gateway.url + request.param, api_key=person.key, max_retries=0) as client:
        yield client


@pytest.fixture(params=BASES)
async def either_async(request: pytest.FixtureRequest, person: Person) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=person.gateway.url + request.param, api_key=person.key, max_retries=0) as client:
        yield client


@pytest.fixture
def client(person: Person) -> Iterator[OpenAI]:
    with OpenAI(base_url=person.gateway.url + "/v1", api_key=person.key, max_retries=0) as client:
        yield client


@pytest.fixture
async def aclient(person: Person) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=person.gateway.url + "/v1", api_key=person.key, max_retries=0) as client:
        yield client
