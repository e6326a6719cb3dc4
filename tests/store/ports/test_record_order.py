"""Places in an order, and the cursors that stand for them."""

from __future__ import annotations

import pytest

from tests.store.values import NOON, a_record
from tollkeeper.store.ports.record_order import NEWEST, Order, Place

COST = Order("cost_usd")
RECORD = a_record(NOON, cost_pico=-25, latency_ms=700)


def test_a_cursor_is_the_place_of_a_record_whichever_way_the_list_goes() -> None:
    assert NEWEST.write_cursor(RECORD) == RECORD.request_id
    assert COST.write_cursor(RECORD) == f"cost_usd~-25~{RECORD.request_id}"
    assert Order("latency_ms").write_cursor(RECORD) == f"latency_ms~700~{RECORD.request_id}"
    for order in (NEWEST, COST):
        assert order.reverse.reverse == order
        assert order.reverse.read_cursor(order.write_cursor(RECORD)) == order.place(RECORD)


def test_places_sort_by_the_figure_and_then_by_time() -> None:
    places = [Place(2, "req_1"), Place(1, "req_2"), Place(1, "req_1")]
    assert sorted(places, reverse=True) == places


@pytest.mark.parametrize(
    "text", ["", "req_1", "cost_usd~1", "cost_usd~1~", "cost_usd~~req_1", "cost_usd~1.5~req_1", "latency_ms~1~req_1",
             f"cost_usd~{2**63}~req_1", "cost_usd~٣~req_1"]
)  # fmt: skip
def test_what_is_no_cursor_of_an_order_by_a_figure(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        COST.read_cursor(text)
