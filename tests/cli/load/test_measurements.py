"""Counts and durations, collected while a load runs."""

from tollkeeper.cli.load.measurements import _MAX_ERRORS, _OTHER, Measurements


def test_rates_are_over_the_time_until_the_last_response():
    measurements = Measurements()
    measurements.add_success(10.0, 10.5)
    measurements.add_success(10.5, 12.0)
    measurements.add_tokens(30)
    measurements.add_tokens(10)
    result = measurements.result(10.0, 1, 0.1)
    assert (result.answered, result.unfinished, result.seconds, result.rate) == (2, 1, 2.0, 1.0)
    assert (result.completion_tokens, result.tokens_rate) == (40, 20.0)
    assert (result.latency.count, result.latency.slowest) == (2, 1.5)


def test_without_responses_there_is_no_rate_and_no_tokens():
    result = Measurements().result(10.0, 0, 0.0)
    assert (result.seconds, result.rate, result.completion_tokens) == (0.0, 0.0, None)


def test_distinct_errors_are_bounded_and_all_are_counted():
    measurements = Measurements()
    for number in range(_MAX_ERRORS + 10):
        measurements.add_failure(f"error {number}", 1.0, 2)
    measurements.add_failure("error 0", 1.0)
    result = measurements.result(0.0, 0, 0.0)
    assert (result.failed, sum(result.errors.values())) == (2 * (_MAX_ERRORS + 10) + 1,) * 2
    assert len(result.errors) == _MAX_ERRORS + 1
    assert (result.errors["error 0"], result.errors[_OTHER]) == (3, 20)
