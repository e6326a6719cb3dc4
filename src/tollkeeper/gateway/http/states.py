"""The states of a connection, and the events that lead from one to the next.

An HTTP/1.1 connection has two sides, each a state machine of its own: what the client sends, and what the server sends.
They run side by side: the client may send its next request while the server responds to the one before, and the server
may respond before all of a body has arrived.

The client's side:

    IDLE ──HEAD_BEGAN──▶ HEAD ──REQUEST──▶ BODY ──END──▶ IDLE
     │                    └──LAST_REQUEST─▶ LAST_BODY ──END──▶ IGNORED
     └ a head that arrives in one piece leads from IDLE to the body at once

    LAST_REQUEST is a request after which the client sends no other. GIVEN_UP leads from every state to IGNORED: the
    input is invalid, or the connection ends.

The server's side:

    READY ──BEGIN──▶ RESPONDING ──RESPONDED──▶ READY
      └──FINISH──▶ FINISHED ──CLOSE──▶ CLOSED

    In FINISHED the last byte and the end of the stream are sent; the client still has a moment to read the response
    before the connection is closed. CLOSE leads from every state to CLOSED.

Three things depend on both sides, and are in `connection.py`: a request begins when the server is READY; the refusal of
invalid input is sent when the server is READY and the client IGNORED; and the deadline for the next head.

A transition is one lookup in a nested table, `RECEIVING[state][event]`. One that is not allowed raises
IllegalTransition, which is always a bug of ours, never a fault of the client.
"""

from __future__ import annotations

from collections.abc import Mapping


class IllegalTransition(Exception):
    """An event that cannot happen in this state."""


class _Named:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class State(_Named):
    """A state of one side."""

    __slots__ = ()


class Event(_Named):
    """An event on one side."""

    __slots__ = ()


class _After(dict[Event, State]):
    """The transitions from one state."""

    def __init__(self, state: State, after: Mapping[Event, State]) -> None:
        super().__init__(after)
        self._state = state

    def __missing__(self, event: Event) -> State:
        raise IllegalTransition(f"{event} in {self._state}")


Table = Mapping[State, Mapping[Event, State]]


def _table(rows: Table) -> Table:
    return {state: _After(state, after) for state, after in rows.items()}


# The client's side.
IDLE = State("IDLE")
HEAD = State("HEAD")
BODY = State("BODY")
LAST_BODY = State("LAST_BODY")
IGNORED = State("IGNORED")

HEAD_BEGAN = Event("HEAD_BEGAN")
REQUEST = Event("REQUEST")
LAST_REQUEST = Event("LAST_REQUEST")
END = Event("END")
GIVEN_UP = Event("GIVEN_UP")

RECEIVING = _table(
    {
        IDLE: {HEAD_BEGAN: HEAD, REQUEST: BODY, LAST_REQUEST: LAST_BODY, GIVEN_UP: IGNORED},
        HEAD: {HEAD_BEGAN: HEAD, REQUEST: BODY, LAST_REQUEST: LAST_BODY, GIVEN_UP: IGNORED},
        BODY: {END: IDLE, GIVEN_UP: IGNORED},
        LAST_BODY: {END: IGNORED, GIVEN_UP: IGNORED},
        IGNORED: {GIVEN_UP: IGNORED},
    }
)

# The server's side.
READY = State("READY")
RESPONDING = State("RESPONDING")
FINISHED = State("FINISHED")
CLOSED = State("CLOSED")

BEGIN = Event("BEGIN")
RESPONDED = Event("RESPONDED")
FINISH = Event("FINISH")
CLOSE = Event("CLOSE")

SENDING = _table(
    {
        READY: {BEGIN: RESPONDING, FINISH: FINISHED, CLOSE: CLOSED},
        RESPONDING: {RESPONDED: READY, CLOSE: CLOSED},
        FINISHED: {CLOSE: CLOSED},
        # The response in progress may still end, unseen.
        CLOSED: {RESPONDED: CLOSED, CLOSE: CLOSED},
    }
)
