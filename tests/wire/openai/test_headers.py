import pytest

from tollkeeper.rules.errors import Quota
from tollkeeper.wire.openai.headers import duration, quota_headers, response_headers


def test_a_response_tells_how_long_it_took_and_what_is_left():
    quotas = [Quota("requests", 10, 9, 60_000), Quota("tokens", 500, 20, 1500)]
    assert dict(response_headers(42, quotas, 0)) == {
        b"openai-processing-ms": b"42",
        b"x-ratelimit-limit-requests": b"10",
        b"x-ratelimit-remaining-requests": b"9",
        b"x-ratelimit-reset-requests": b"1m0s",
        b"x-ratelimit-limit-tokens": b"500",
        b"x-ratelimit-remaining-tokens": b"20",
        b"x-ratelimit-reset-tokens": b"1.5s",
    }


def test_of_money_only_the_reset_is_told():
    assert quota_headers(Quota("tokens", None, None, 1), 0) == [(b"x-ratelimit-reset-tokens", b"0.001s")]
    assert quota_headers(Quota("tokens", None, None, None), 0) == []


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (0, "0s"),
        (1, "0.001s"),
        (59_999, "59.999s"),
        (90_500, "1m30.5s"),
        (3_600_000, "1h0m0s"),
        (90_061_001, "25h1m1.001s"),
    ],
)
def test_durations(ms, written):
    assert duration(ms) == written
