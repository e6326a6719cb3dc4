"""What connections share: the date, and the end of all of them."""

from tollkeeper.gateway.http.server_state import ServerState
from tollkeeper.wire.openai.dialect import OPENAI


class Drained:
    def __init__(self):
        self.drained = 0

    def drain(self):
        self.drained += 1


def state_at(now):
    timeouts = dict.fromkeys(("head_timeout", "body_timeout", "keep_alive_timeout", "stall_timeout"), 30.0)
    return ServerState(dialect=OPENAI, per_address=0, now=now, new_request_id=str, **timeouts)


def test_the_date_is_that_of_the_second():
    at = 784_111_777_999
    state = state_at(lambda: at)
    assert state.date() == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert state.date() is state.date()
    at += 1
    assert state.date() == b"Sun, 06 Nov 1994 08:49:38 GMT"


def test_draining_reaches_every_connection_and_shortens_what_is_idle():
    state = state_at(lambda: 0)
    connections = [Drained(), Drained()]
    state.connections.update(connections)
    state.drain(5)
    assert state.draining
    assert [one.drained for one in connections] == [1, 1]
    assert state.keep_alive_timeout == 5
    state.drain(60)
    assert state.keep_alive_timeout == 5
