from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.services.in_memory import record
from tollkeeper.rules.kinds import OLLAMA, OPENAI
from tollkeeper.rules.usage import Usage
from tollkeeper.services.ledger.observers import Refusal
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.watching.metrics import MAX_VALUES, Metrics
from tollkeeper.services.watching.pool import UpstreamHealth
from tollkeeper.store.ports.records import ADJUSTMENT


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def labelled(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """By the values of the labels, in the order of their names."""
    return {
        tuple(value for _, value in labels): number
        for (found, labels), number in samples(metrics).items()
        if found == name
    }


@pytest.fixture
def metrics():
    return Metrics("1.2.3", lambda: None, lambda: 0, {})


def test_what_is_finished_is_counted(metrics):
    usage = Usage(prompt_tokens=10, cached_tokens=4, cache_write_tokens=1, completion_tokens=20, reasoning_tokens=5)
    for status in ("completed", "completed", "cancelled"):
        metrics.settled(record(status=status, usage=usage, cost_pico=250_000_000_000), None)
    path = "/v1/chat/completions"
    assert labelled(metrics, "tollkeeper_requests_total") == {
        (path, "tiny:latest", "completed"): 2,
        (path, "tiny:latest", "cancelled"): 1,
    }
    assert labelled(metrics, "tollkeeper_tokens_total") == {
        ("input", "tiny:latest"): 30,
        ("cached", "tiny:latest"): 12,
        ("cache_write", "tiny:latest"): 3,
        ("output", "tiny:latest"): 60,
        ("reasoning", "tiny:latest"): 15,
    }
    assert labelled(metrics, "tollkeeper_cost_usd_total") == {("tiny:latest",): 0.75}


def test_what_is_in_flight_and_which_observers_failed():
    failures: Counter[str] = Counter()
    metrics = Metrics("1", lambda: None, lambda: 3, failures)
    assert labelled(metrics, "tollkeeper_observer_failures_total") == {}
    failures["Alerts"] += 2
    assert samples(metrics)["tollkeeper_in_flight", ()] == metrics.sums().in_flight == 3
    assert labelled(metrics, "tollkeeper_observer_failures_total") == {("Alerts",): 2}


def test_the_line_and_the_upstreams_are_shown_as_they_were_sampled():
    here = UpstreamConfig("a", OLLAMA, "http://a", slots=2)
    there = UpstreamConfig("b", OPENAI, "http://b")
    pool = [
        UpstreamHealth(here, 1, "up", "closed", 2, 5, 1.5, 0.25, (), None),
        UpstreamHealth(there, 0, "probing", "half-open", 0, 0, None, None, (), "reset"),
    ]
    metrics = Metrics("1", lambda: None, lambda: 2, {}, queued=lambda: 5, upstreams=lambda: list(pool))
    assert samples(metrics)["tollkeeper_queued", ()] == metrics.sums().queued == 5
    assert labelled(metrics, "tollkeeper_upstream_queued") == {}
    metrics.sample()
    pool.clear()
    expected = {"in_flight": (2, 0), "slots": (2, 0), "queued": (5, 0), "oldest_wait_seconds": (1.5, 0), "up": (1, 0)}
    for name, (a, b) in expected.items():
        assert labelled(metrics, f"tollkeeper_upstream_{name}") == {("a",): a, ("b",): b}, name
    assert labelled(metrics, "tollkeeper_upstream_breaker") == {
        ("closed", "a"): 1, ("open", "a"): 0, ("half-open", "a"): 0,
        ("closed", "b"): 0, ("open", "b"): 0, ("half-open", "b"): 1,
    }  # fmt: skip


def test_the_time_in_line_is_a_histogram(metrics):
    for ms in (0, 1200):
        metrics.settled(record(queued_ms=ms), None)
    found = samples(metrics)
    name = "tollkeeper_queue_wait_seconds"
    assert (found[f"{name}_count", ()], found[f"{name}_sum", ()]) == (2, 1.2)
    assert labelled(metrics, f"{name}_bucket")["1.0",] == 1


def test_an_adjustment_is_no_request(metrics):
    before = metrics.sums()
    metrics.settled(record(endpoint=ADJUSTMENT, model="", cost_pico=-5), None)
    assert metrics.sums() == before
    assert labelled(metrics, "tollkeeper_requests_total") == {}


def test_an_answer_longer_than_was_allowed_is_an_overshoot(metrics):
    usage = Usage(completion_tokens=20)
    for allowance in (None, 20, 19):
        metrics.settled(record(usage=usage), allowance)
    assert labelled(metrics, "tollkeeper_overshoots_total") == {("default",): 1}


def test_attempts_that_failed_and_those_that_may_be_charged(metrics):
    metrics.attempt_failed("default", "connect", False)
    metrics.attempt_failed("default", "reset", True)
    assert labelled(metrics, "tollkeeper_failed_attempts_total") == {("connect", "default"): 1, ("reset", "default"): 1}
    assert labelled(metrics, "tollkeeper_possibly_charged_attempts_total") == {("reset", "default"): 1}


def test_refusals_and_errors_of_upstreams(metrics):
    metrics.refused(Refusal("/v1/chat/completions", 401, "invalid_api_key"))
    metrics.refused(Refusal("/v1/chat/completions", 401, "invalid_api_key"))
    metrics.refused(Refusal("/v1/embeddings", 400, "invalid_request"))
    metrics.upstream_failed("default", "upstream_timeout")
    assert labelled(metrics, "tollkeeper_refusals_total") == {
        ("invalid_api_key", "/v1/chat/completions"): 2,
        ("invalid_request", "/v1/embeddings"): 1,
    }
    assert labelled(metrics, "tollkeeper_upstream_errors_total") == {("upstream_timeout", "default"): 1}


def test_models_are_bounded_in_number(metrics):
    for number in range(MAX_VALUES + 50):
        metrics.settled(record(model=f"m{number}"), None)
    counted = labelled(metrics, "tollkeeper_requests_total")
    assert len(counted) == MAX_VALUES + 1
    assert counted["/v1/chat/completions", "other", "completed"] == 50


def test_codes_of_upstreams_are_bounded_in_number(metrics):
    for number in range(MAX_VALUES + 50):
        metrics.upstream_failed("default", f"c{number}")
    assert len(labelled(metrics, "tollkeeper_upstream_errors_total")) == MAX_VALUES + 1


def test_a_histogram_counts_up_to_each_bound(metrics):
    for milliseconds in (5, 6, 400_000):
        metrics.settled(record(latency_ms=milliseconds, first_token_ms=None), None)
    found = samples(metrics)
    name = "tollkeeper_request_duration_seconds"
    buckets = {bound: number for (bound,), number in labelled(metrics, f"{name}_bucket").items()}
    assert (buckets["0.005"], buckets["0.01"], buckets["300.0"], buckets["+Inf"]) == (1, 2, 2, 3)
    assert found[f"{name}_count", ()] == 3
    assert found[f"{name}_sum", ()] == 400.011
    assert found["tollkeeper_first_token_seconds_count", ()] == 0


def test_a_ledger_that_fails_is_shown():
    reason: list[str | None] = [None]
    metrics = Metrics("1", lambda: reason[0], lambda: 0, {})
    assert samples(metrics)["tollkeeper_ledger_failing", ()] == 0
    reason[0] = "disk full"
    assert samples(metrics)["tollkeeper_ledger_failing", ()] == 1


def test_what_runs_since_when(metrics):
    found = samples(metrics)
    assert found["tollkeeper_build_info", (("version", "1.2.3"),)] == 1
    assert found["process_start_time_seconds", ()] > 0


def test_a_label_cannot_break_out_of_its_line(metrics):
    metrics.settled(record(model='x"} 1\ny'), None)
    assert labelled(metrics, "tollkeeper_requests_total") == {
        ("/v1/chat/completions", 'x"} 1\ny', "completed"): 1,
    }


async def test_a_loop_that_is_held_up_is_seen():
    metrics = Metrics("1", lambda: None, lambda: 0, {}, lag_every=0.01)
    watching = asyncio.create_task(metrics.watch_loop())
    await asyncio.sleep(0)
    time.sleep(0.05)  # what nobody should do on the loop
    await asyncio.sleep(0.01)
    watching.cancel()
    assert samples(metrics)["tollkeeper_loop_lag_seconds", ()] >= 0.04
