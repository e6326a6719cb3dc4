"""Words of PostgreSQL: months, and documents that its types refuse."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests.store.postgres_server import PostgresServer
from tests.store.values import NOON
from tollkeeper.rules.times import month_bounds
from tollkeeper.store.postgres.connections import open_engine
from tollkeeper.store.postgres.words import PostgresWords

MOMENTS = [
    0,
    NOON,
    *(
        int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000) - 1
        for year in (2024, 2027)
        for month in (1, 3, 12)
    ),
    *(int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000) for year in (2024, 2027) for month in (1, 3, 12)),
]


@pytest.fixture
def connection(postgres: PostgresServer):
    engine = open_engine(postgres.clean_database())
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_months_are_those_of_the_rules(connection) -> None:
    connection.exec_driver_sql("SET LOCAL timezone = 'Pacific/Auckland'")
    query = text(f"SELECT {PostgresWords().month_of('CAST(:at AS BIGINT)')}")
    for at in MOMENTS:
        assert connection.execute(query, {"at": at}).scalar_one() == month_bounds(at)[0]


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ('{"a":"1","b":"","c":2,"d":null}', ["a", "b", "c", "d"]),
        (r'{"a":"\u0000"}', []),
        (r'{"a":"\\u0000"}', ["a"]),
        ('{"a":1e999999}', ["a"]),
    ],
)
def test_members_of_metadata_that_no_text_can_hold_are_none(connection, document: str, names: list[str]) -> None:
    query = text(f"SELECT tag.name FROM (SELECT :document AS metadata) AS these {PostgresWords().tags}")
    assert connection.execute(query, {"document": document}).scalars().all() == names
