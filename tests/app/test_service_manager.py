"""What is taken from a service manager, and what is told to it. Real processes: tests/process/test_handover.py"""

import os
import socket

import pytest

from tollkeeper.app.service_manager import inherited_sockets, notify


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid())},
        {"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0", "LISTEN_FDNAMES": "http"},
    ],
)
def test_what_is_meant_for_another_or_for_nobody_is_left_alone(given):
    environ = {"PATH": "/bin", **given}
    assert inherited_sockets(environ) == []
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("abstract", [False, True])
def test_a_state_goes_to_the_socket_that_is_named(tmp_path, abstract):
    name = f"@tollkeeper-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        notify({"NOTIFY_SOCKET": name}, "READY=1")
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_is_told_and_one_that_has_gone_stops_nothing(tmp_path, caplog):
    notify({}, "READY=1")
    assert caplog.records == []
    notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}, "READY=1")
    assert "cannot be notified of READY=1" in caplog.text
