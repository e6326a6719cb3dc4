"""Revisions: an empty database is made at the newest, others are refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, inspect

from tests.store.postgres_server import PostgresServer
from tests.store.shipping import open_shipping_store
from tollkeeper.store.errors import StoreError
from tollkeeper.store.postgres.connections import open_engine
from tollkeeper.store.postgres.revision import bring_to_head
from tollkeeper.store.postgres.schema import METADATA
from tollkeeper.store.sql.migrations.head import HEAD
from tollkeeper.store.sql.schema import METADATA as OF_ALL_ENGINES


def engines(url: str, number: int = 1) -> list[Engine]:
    return [open_engine(url) for _ in range(number)]


async def test_of_several_who_find_it_empty_one_makes_the_tables(postgres: PostgresServer) -> None:
    url = postgres.new_database(empty=True)
    several = engines(url, 3)
    found = await asyncio.gather(*(asyncio.to_thread(bring_to_head, engine) for engine in several))
    assert sorted(found, key=str) == [HEAD, HEAD, None]
    names = {*inspect(several[0]).get_table_names()}
    assert names == {*OF_ALL_ENGINES.tables, *METADATA.tables, "alembic_version"}
    for engine in several:
        engine.dispose()
    postgres.drop(url)


async def test_an_empty_one_is_not_opened(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.new_database(empty=True)
    with pytest.raises(StoreError, match=r"revision none.*tollkeeper db upgrade"):
        await open_shipping_store(url, tmp_path / "journal.db")
    postgres.drop(url)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (
            "UPDATE alembic_version SET version_num = '9999'",
            rf"newer Tollkeeper \(revision 9999; this one knows {HEAD}",
        ),
        ("DROP TABLE alembic_version", "something else than Tollkeeper"),
    ],
)
def test_others_are_refused_and_left_alone(postgres: PostgresServer, change: str, refusal: str) -> None:
    url = postgres.new_database()
    with psycopg.connect(url) as connection:
        connection.execute(change)
    [engine] = engines(url)
    with pytest.raises(StoreError, match=refusal):
        bring_to_head(engine)
    engine.dispose()
    postgres.drop(url)
