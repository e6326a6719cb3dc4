"""The two tables of a connection's states, by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tollkeeper.gateway.http import states
from tollkeeper.gateway.http.states import RECEIVING, SENDING, Event, IllegalTransition, State, Table


def after(table: Table, state: State, events: Sequence[Event]) -> State:
    for event in events:
        state = table[state][event]
    return state


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], states.IDLE),
        ([states.HEAD_BEGAN, states.HEAD_BEGAN], states.HEAD),
        ([states.HEAD_BEGAN, states.REQUEST], states.BODY),
        ([states.REQUEST, states.END], states.IDLE),
        ([states.REQUEST, states.END, states.REQUEST], states.BODY),
        ([states.LAST_REQUEST, states.END], states.IGNORED),
        ([states.REQUEST, states.GIVEN_UP, states.GIVEN_UP], states.IGNORED),
    ],
)
def test_what_the_client_sends(events: Sequence[Event], state: State) -> None:
    assert after(RECEIVING, states.IDLE, events) is state


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], states.READY),
        ([states.BEGIN, states.RESPONDED], states.READY),
        ([states.BEGIN, states.RESPONDED, states.FINISH, states.CLOSE], states.CLOSED),
        ([states.BEGIN, states.CLOSE, states.RESPONDED], states.CLOSED),
    ],
)
def test_what_we_answer(events: Sequence[Event], state: State) -> None:
    assert after(SENDING, states.READY, events) is state


@pytest.mark.parametrize(
    ("table", "start", "events"),
    [
        (RECEIVING, states.IDLE, [states.END]),
        (RECEIVING, states.IDLE, [states.REQUEST, states.REQUEST]),
        (RECEIVING, states.IDLE, [states.LAST_REQUEST, states.END, states.REQUEST]),
        (RECEIVING, states.IDLE, [states.GIVEN_UP, states.HEAD_BEGAN]),
        (SENDING, states.READY, [states.RESPONDED]),
        (SENDING, states.READY, [states.BEGIN, states.BEGIN]),
        (SENDING, states.READY, [states.BEGIN, states.FINISH]),
        (SENDING, states.READY, [states.FINISH, states.BEGIN]),
        (SENDING, states.READY, [states.CLOSE, states.BEGIN]),
    ],
)
def test_what_cannot_happen_raises(table: Table, start: State, events: Sequence[Event]) -> None:
    before = after(table, start, events[:-1])
    with pytest.raises(IllegalTransition, match=f"{events[-1]} in {before}"):
        after(table, start, events)


@pytest.mark.parametrize("table", [RECEIVING, SENDING])
def test_every_state_has_a_row_and_can_be_reached(table: Table) -> None:
    first = next(iter(table))
    reached, due = {first}, [first]
    while due:
        found = set(table[due.pop()].values()) - reached
        reached |= found
        due += found
    assert reached == set(table)


@pytest.mark.parametrize(("table", "event"), [(RECEIVING, states.GIVEN_UP), (SENDING, states.CLOSE)])
def test_a_connection_can_end_in_every_state(table: Table, event: Event) -> None:
    assert len({row[event] for row in table.values()}) == 1


def test_each_is_named_in_the_theory() -> None:
    for name, value in vars(states).items():
        if isinstance(value, State | Event):
            assert value.name == name
            assert name in (states.__doc__ or "")
