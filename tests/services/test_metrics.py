from __future__ import annotations

import asyncio
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.services.house import record
from tollkeeper.rules.usage import Usage
from tollkeeper.services.metrics import MAX_VALUES, Metrics


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
    return Metrics("1.2.3", lambda: None)


def test_what_is_finished_is_counted(metrics):
    usage = Usage(prompt_tokens=10, cached_tokens=4, cache_write_tokens=1, completion_tokens=20, reasoning_tokens=5)
    for status in ("completed", "completed", "cancelled"):
        metrics.started()
        metrics.finished(record(status=status, usage=usage, cost_pico=250_000_000_000))
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


def test_what_is_in_flight(metrics):
    metrics.started()
    metrics.started()
    metrics.finished(record())
    assert samples(metrics)["tollkeeper_in_flight", ()] == 1


def test_refusals_and_errors_of_upstreams(metrics):
    metrics.refused("/v1/chat/completions", "invalid_api_key")
    metrics.refused("/v1/chat/completions", "invalid_api_key")
    metrics.refused("/v1/embeddings", None)
    metrics.upstream_error("default", "upstream_timeout")
    metrics.overshot("default")
    assert labelled(metrics, "tollkeeper_refusals_total") == {
        ("invalid_api_key", "/v1/chat/completions"): 2,
        ("invalid_request", "/v1/embeddings"): 1,
    }
    assert labelled(metrics, "tollkeeper_upstream_errors_total") == {("upstream_timeout", "default"): 1}
    assert labelled(metrics, "tollkeeper_overshoots_total") == {("default",): 1}


def test_models_are_bounded_in_number(metrics):
    for number in range(MAX_VALUES + 50):
        metrics.started()
        metrics.finished(record(model=f"m{number}"))
    counted = labelled(metrics, "tollkeeper_requests_total")
    assert len(counted) == MAX_VALUES + 1
    assert counted["/v1/chat/completions", "other", "completed"] == 50


def test_codes_of_upstreams_are_bounded_in_number(metrics):
    for number in range(MAX_VALUES + 50):
        metrics.upstream_error("default", f"c{number}")
    assert len(labelled(metrics, "tollkeeper_upstream_errors_total")) == MAX_VALUES + 1


def test_a_histogram_counts_up_to_each_bound(metrics):
    for milliseconds in (5, 6, 400_000):
        metrics.finished(record(latency_ms=milliseconds, first_token_ms=None))
    found = samples(metrics)
    name = "tollkeeper_request_duration_seconds"
    buckets = {bound: number for (bound,), number in labelled(metrics, f"{name}_bucket").items()}
    assert (buckets["0.005"], buckets["0.01"], buckets["300.0"], buckets["+Inf"]) == (1, 2, 2, 3)
    assert found[f"{name}_count", ()] == 3
    assert found[f"{name}_sum", ()] == 400.011
    assert found["tollkeeper_first_token_seconds_count", ()] == 0


def test_a_ledger_that_fails_is_shown():
    reason: list[str | None] = [None]
    metrics = Metrics("1", lambda: reason[0])
    assert samples(metrics)["tollkeeper_ledger_failing", ()] == 0
    reason[0] = "disk full"
    assert samples(metrics)["tollkeeper_ledger_failing", ()] == 1


def test_what_runs_since_when(metrics):
    found = samples(metrics)
    assert found["tollkeeper_build_info", (("version", "1.2.3"),)] == 1
    assert found["process_start_time_seconds", ()] > 0


def test_a_label_cannot_break_out_of_its_line(metrics):
    metrics.finished(record(model='x"} 1\ny'))
    assert labelled(metrics, "tollkeeper_requests_total") == {
        ("/v1/chat/completions", 'x"} 1\ny', "completed"): 1,
    }


async def test_a_loop_that_is_held_up_is_seen():
    metrics = Metrics("1", lambda: None, lag_every=0.01)
    watching = asyncio.create_task(metrics.watch_loop())
    await asyncio.sleep(0)
    time.sleep(0.05)  # what nobody should do on the loop
    await asyncio.sleep(0.01)
    watching.cancel()
    assert samples(metrics)["tollkeeper_loop_lag_seconds", ()] >= 0.04
