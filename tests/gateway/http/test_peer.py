"""The other end of a connection."""

import socket

import pytest

from tollkeeper.gateway.http.peer import address_of, has_disconnected


@pytest.mark.parametrize(
    ("info", "address"),
    [
        (("192.0.2.7", 5), ("192.0.2.7", 5)),
        (("::ffff:192.0.2.7", 5, 0, 0), ("192.0.2.7", 5)),
        (("2001:db8::1", 5, 0, 0), ("2001:db8::1", 5)),
        (("::ffff:c000:207", 5, 0, 0), ("::ffff:c000:207", 5)),
        ("", None),
    ],
)
def test_an_address_is_written_in_one_way(info, address):
    assert address_of(lambda: info) == address


def test_one_that_left_has_no_address():
    def gone():
        raise OSError

    assert address_of(gone) is None


def test_who_closed_has_left_though_nobody_read():
    here, there = socket.socketpair()
    with here:
        there.sendall(b"x")
        assert not has_disconnected(here)
        there.close()
        assert has_disconnected(here)
