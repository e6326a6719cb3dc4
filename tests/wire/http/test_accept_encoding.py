"""Which coding of a response a client takes."""

import pytest

from tollkeeper.wire.http.accept_encoding import best_coding


@pytest.mark.parametrize(
    ("offered", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("BR", "br"),
        ("br;q=0.2, GZIP;q=0.5", "br"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.0", None),
        ("gzip ; q = 0.000", None),
        ("gzip;\tq=0", None),
        ("gzip\t;q\t=\t0\t", None),
        ("gzip;x=1;q=0", None),
        ("gzip;q=0;x=1", None),
        ("gzip;q=", None),
        ("gzip;x=0", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=1.0", "gzip"),
        ("zstd, *", None),
        ("identity", None),
        ("", None),
        (",,;", None),
    ],
)
def test_the_smallest_that_the_client_takes(offered, coding):
    assert best_coding([(b"accept-encoding", offered.encode())], ("br", "gzip")) == coding


def test_several_headers_are_one_list():
    headers = [(b"accept-encoding", b"gzip"), (b"accept", b"br"), (b"accept-encoding", b"br")]
    assert best_coding(headers, ("br", "gzip")) == "br"
    assert best_coding(headers, ("zstd",)) is None
    assert best_coding([], ("br", "gzip")) is None
