"""Connections: what they make of addresses, errors, sums and the order of texts."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from tests.store.postgres_server import PostgresServer
from tests.store.values import NOON
from tollkeeper.store.errors import StoreError
from tollkeeper.store.postgres.connections import open_engine, plain_reason
from tollkeeper.store.sql.schema import limit_templates, prices


@pytest.fixture
def connection(postgres: PostgresServer):
    engine = open_engine(postgres.clean_database())
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def template(name: str) -> dict[str, object]:
    return {"id": name, "name": name, "created_at": NOON, "limits": "{}"}


def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(StoreError) as refused:
        open_engine("postgresql//user:secret@host")
    assert "secret" not in str(refused.value)


def test_where_no_server_is_the_reason_is_one_line() -> None:
    engine = open_engine("postgresql://somebody:secret@/nothing?host=/nowhere")
    with pytest.raises(SQLAlchemyError) as failed, engine.connect():
        pass
    reason = plain_reason(failed.value)
    assert "/nowhere" in reason
    assert "secret" not in reason
    assert "\n" not in reason


def test_a_reason_has_no_stored_values(connection: Connection) -> None:
    connection.execute(insert(limit_templates), template("of ann"))
    with pytest.raises(SQLAlchemyError) as failed, connection.begin_nested():
        connection.execute(insert(limit_templates), template("of ann"))
    assert plain_reason(failed.value) == 'duplicate key value violates unique constraint "limit_templates_pkey"'


def test_texts_are_in_the_order_of_their_code_points(connection: Connection) -> None:
    names = ["b", "A", "a", "é", "Z", "_", "z"]
    connection.execute(insert(limit_templates), [template(name) for name in names])
    column = limit_templates.c.id
    assert connection.execute(select(column).order_by(column)).scalars().all() == sorted(names)
    assert connection.execute(select(func.max(column))).scalar_one() == "é"
    assert connection.execute(select(column).where(column < "a").order_by(column)).scalars().all() == ["A", "Z", "_"]


def test_a_sum_is_an_integer_and_so_is_its_quotient(connection: Connection) -> None:
    price = {"model": "m", "output": 1, "effective_at": 1, "created_at": 1}
    connection.execute(insert(prices), [{**price, "input": 2**62}, {**price, "input": 5 - 2**62}])
    total = func.sum(prices.c.input)
    found = connection.execute(select(total, total // 2, total % 2)).one()
    assert tuple(found) == (5, 2, 1)
    assert [type(each) for each in found] == [int, int, int]
