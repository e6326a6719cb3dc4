from __future__ import annotations

import pytest

from tollkeeper.wire.http.retry_after import read_retry_after

NOW = 784_111_777_000
"""Sun, 06 Nov 1994 08:49:37 GMT, the time in RFC 9110's examples."""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({b"retry-after": b"7"}, 7),
        ({b"retry-after": b" 0 "}, 0),
        ({b"retry-after": b"1.5"}, 1.5),
        ({b"retry-after": b"2", b"retry-after-ms": b"1250"}, 1.25),
        ({b"retry-after-ms": b"12.5"}, 0.0125),
        ({b"retry-after": b"3", b"retry-after-ms": b"soon"}, 3),
        ({b"retry-after": b"Sun, 06 Nov 1994 08:50:07 GMT"}, 30),
        ({b"retry-after": b"Sunday, 06-Nov-94 08:50:07 GMT"}, 30),
        ({b"retry-after": b"Sun Nov  6 08:50:07 1994"}, 30),
        ({b"retry-after": b"Sun, 06 Nov 1994 08:49:07 GMT"}, 0),
        ({b"retry-after": b"Sun, 06 Nov 1994 09:50:07 GMT", b"date": b"Sun, 06 Nov 1994 09:49:57 GMT"}, 10),
        ({b"retry-after": b"Sun, 06 Nov 1994 08:50:07 GMT", b"date": b"today"}, 30),
    ],
)
def test_how_long_to_wait(headers: dict[bytes, bytes], seconds: float) -> None:
    assert read_retry_after(headers, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [b"", b"soon", b"-1", b"1e9", b"inf", b"nan", b"9" * 400, b"1,2", b"\xff", b"\xb2", b"1_0", b"0x10",
     b"Sun, 99 Nov 1994 08:50:07 GMT", b"Sun, 06 Nov 99999 08:50:07 GMT"],
)  # fmt: skip
def test_what_cannot_be_read_says_nothing(text: bytes) -> None:
    assert read_retry_after({b"retry-after": text, b"retry-after-ms": text}, NOW) is None


def test_resets_of_limits_are_not_read() -> None:
    assert read_retry_after({b"x-ratelimit-reset-requests": b"1s", b"x-ratelimit-reset-tokens": b"6m0s"}, NOW) is None
