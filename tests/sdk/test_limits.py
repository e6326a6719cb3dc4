"""Limits as the SDK lives with them: it waits where waiting helps, and only there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
from openai import APIError, OpenAI, RateLimitError

from tests.ollama.rig import Ollama
from tests.sdk.person import Person, Sdk, figures
from tests.sdk.test_leaving import CHAT, ENDLESS, ON_AND_ON, SOME, check_cut, stopped, suspend

SAY: Any = [{"role": "user", "content": "Say"}]
DAY_TOKENS = 300
LONGER = 300
"""Tokens of output: alone as much as the budget of a day, which must have room for the input too."""


class Attempt(NamedTuple):
    """One request as it left the SDK, and how it was answered. `at` is when, by the monotonic clock."""

    at: float
    status: int
    wait_ms: int | None


class Patient(NamedTuple):
    """The stock SDK with its own two retries; `attempts` are all its requests."""

    sdk: Sdk
    attempts: list[Attempt]


@pytest.fixture
def patient(person: Person) -> Iterator[Patient]:
    attempts: list[Attempt] = []
    sent: list[float] = []

    def sending(_: httpx.Request) -> None:
        sent.append(time.monotonic())

    def answered(response: httpx.Response) -> None:
        wait = response.headers.get("retry-after-ms")
        attempts.append(Attempt(sent[-1], response.status_code, None if wait is None else int(wait)))

    hooks: Any = {"request": [sending], "response": [answered]}
    with (
        httpx.Client(event_hooks=hooks) as http,
        OpenAI(base_url=person.gateway.url + "/v1", api_key=person.key, http_client=http) as client,
    ):
        yield Patient(client, attempts)


def limit(person: Person, **limits: Any) -> None:
    person.gateway.admin("PUT", f"/admin/users/{person.user_id}/limits", limits)


def readings(person: Person) -> dict[str, Any]:
    return dict(person.ask("/me")["usage"])


def test_a_pace_is_waited_for_and_succeeds(patient: Patient, person: Person, ollama: Ollama):
    ollama.ask(CHAT, {"model": "tiny", "messages": SAY})  # which loads the model
    limit(person, requests_per_second=1)
    answers = 0
    while 429 not in {attempt.status for attempt in patient.attempts}:  # a machine may be slower than the limit
        assert patient.sdk.chat.completions.create(model="tiny", messages=SAY).choices[0].message.content
        answers += 1
    *_, first, refused, again = patient.attempts
    assert [first.status, refused.status, again.status] == [200, 429, 200], "told once when to come, and right"
    assert refused.wait_ms is not None
    assert 0 < refused.wait_ms <= 1020
    assert again.at - refused.at >= refused.wait_ms / 1000
    assert len(person.records(answers)) == answers


def test_an_exhausted_budget_is_not_asked_again(patient: Patient, person: Person):
    limit(person, requests_total=1)
    patient.sdk.chat.completions.create(model="tiny", messages=SAY)
    patient.attempts.clear()
    with pytest.raises(RateLimitError) as caught:
        patient.sdk.chat.completions.create(model="tiny", messages=SAY)
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
    assert [(attempt.status, attempt.wait_ms) for attempt in patient.attempts] == [(429, None)]
    assert len(person.records(1)) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_budget_shortens_the_answer(client: Sdk, person: Person, stream: bool):
    limit(person, tokens_per_day=DAY_TOKENS)
    asked: dict[str, Any] = {"model": "tiny-loop", "messages": SAY, "max_tokens": LONGER}
    if stream:
        *_, last = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        usage = last.usage
    else:
        answer = client.chat.completions.create(**asked)
        usage = answer.usage
        assert answer.choices[0].finish_reason == "length"
    assert 16 <= usage.completion_tokens < LONGER
    record = person.record()
    assert figures(record) == usage.model_dump(include=set(figures(record)))
    assert (record["finish_reason"], record["estimated"]) == ("length", False)
    reading = readings(person)["tokens_per_day"]
    assert (reading["used"], reading["reserved"]) == (usage.total_tokens, 0)
    assert reading["used"] <= DAY_TOKENS


def test_who_is_suspended_in_mid_stream_pays_for_what_came(client: Sdk, person: Person, ollama: Ollama):
    limit(person, tokens_per_month=4 * ENDLESS, cost_usd_total="1000", max_concurrent_requests=1)
    price = {"model": "tiny-loop:latest", "input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.6"}
    person.gateway.admin("PUT", "/admin/prices", price)
    before, seen = ollama.ended(CHAT), 0
    with client.chat.completions.create(**ON_AND_ON, stream=True) as stream:
        for _ in range(SOME):
            next(stream)
            seen += 1
        held = readings(person)
        assert (held["max_concurrent_requests"]["reserved"], held["tokens_per_month"]["used"]) == (1, 0)
        assert held["tokens_per_month"]["reserved"] >= ENDLESS
        suspend(person)
        error = None
        while error is None:
            try:
                next(stream)
                seen += 1
            except APIError as told:
                error = told
    assert "access was ended" in error.message
    stopped(ollama, CHAT, before)
    check_cut(person, seen)
    record = person.record()
    shown = person.gateway.admin("GET", f"/admin/users/{person.user_id}/limits")["usage"]
    assert {name: reading["reserved"] for name, reading in shown.items()} == dict.fromkeys(shown, 0)
    assert shown["tokens_per_month"]["used"] == record["total_tokens"]
    micro = record["prompt_tokens"] * 15 + record["completion_tokens"] * 60
    assert float(shown["cost_usd_total"]["used"]) == float(record["cost_usd"]) == micro / 10**8
