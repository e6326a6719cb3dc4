"""The control plane over a memory store, and a client for each kind of caller."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fastapi import FastAPI

from tests.services.house import BOOTSTRAP, ROOT, AccountsHouse, record
from tollkeeper.control.app import create_control
from tollkeeper.control.context import ControlServices
from tollkeeper.control.live import snapshot_event, tick_event
from tollkeeper.services.audit import Actor
from tollkeeper.services.catalog import Catalog
from tollkeeper.services.figures import Figures
from tollkeeper.services.live import Live
from tollkeeper.services.metrics import Metrics
from tollkeeper.services.prices import Prices
from tollkeeper.services.readings import Reading
from tollkeeper.services.runs import Runs
from tollkeeper.services.sign_in import SignIn
from tollkeeper.store.ports import ADJUSTMENT, Key, Record, User

ALICE_KEY = "sk-alice-of-the-control-tests"
BOB_KEY = "sk-bob-of-the-control-tests"
ADMIN_KEY = "sk-root-of-the-control-tests"


@dataclass
class FakeReadings:
    """Answers its table, whoever is asked about."""

    table: dict[str, Reading] = field(default_factory=dict)
    asked: list[User | Key] = field(default_factory=list)

    async def usage_by_model(self, owner: User | Key) -> dict[str, dict[str, Reading]]:
        return {}

    async def usage(self, owner: User | Key) -> dict[str, Reading]:
        self.asked.append(owner)
        return self.table


@dataclass
class Desk:
    """alice and bob are users, root is an admin; `parts` is what `ready` answers, `adjusted` what was to be
    corrected."""

    house: AccountsHouse
    app: FastAPI
    services: ControlServices
    parts: dict[str, str | None] = field(default_factory=dict)
    readings: FakeReadings = field(default_factory=FakeReadings)
    adjusted: list[tuple[str, int, str, Actor]] = field(default_factory=list)

    @asynccontextmanager
    async def client(self, key: str | None = None, address: str = "127.0.0.1") -> AsyncIterator[httpx2.AsyncClient]:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        transport = httpx2.ASGITransport(app=self.app, client=(address, 4711))
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            yield client


async def open_desk(*, metrics_public: bool = False) -> Desk:
    house = AccountsHouse()
    parts: dict[str, str | None] = {"ledger": None, "upstreams": None}

    async def ready() -> dict[str, str | None]:
        return parts

    readings = FakeReadings()
    adjusted: list[tuple[str, int, str, Actor]] = []

    async def adjust(user_id: str, cost_pico: int, reason: str, by: Actor) -> Record:
        adjusted.append((user_id, cost_pico, reason, by))
        made = record(
            request_id=f"req_{len(adjusted)}",
            user_id=user_id,
            cost_pico=cost_pico,
            endpoint=ADJUSTMENT,
            metadata=json.dumps({"reason": reason}),
        )
        # Not by the ledger, which belongs to the loop that it was made in.
        house.store._tables.records[made.request_id] = made
        return made

    catalog = Catalog([], house.store.book, house.clock, patience=1)
    metrics = Metrics("1.2.3", lambda: None)
    figures = Figures(house.store.ledger, house.store.reports, house.clock)
    runs = Runs(house.store.ledger, metrics, figures, house.clock, time.monotonic)
    services = ControlServices(
        accounts=house.accounts,
        sign_in=SignIn(house.accounts, house.clock),
        prices=Prices(house.store.book, house.clock),
        reports=house.store.reports,
        audit=house.store.audit,
        aliases=catalog,
        catalog=catalog,
        live=Live(
            figures, metrics, runs, house.accounts, catalog, house.clock, snapshot=snapshot_event, tick=tick_event
        ),
        metrics=metrics,
        ready=ready,
        now=house.clock,
        version="1.2.3",
        metrics_public=metrics_public,
        readings=readings,
        adjust=adjust,
    )
    await house.accounts.create_user("alice", ROOT, name="Alice", secret=ALICE_KEY)
    await house.accounts.create_user("bob", ROOT, secret=BOB_KEY)
    await house.accounts.create_user("root", ROOT, role="admin", secret=ADMIN_KEY)
    return Desk(house, create_control(services), services, parts, readings, adjusted)


def shape_of(response: httpx2.Response) -> dict[str, Any]:
    """The error of an answer, once it is sure that it has the shape of every error."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    error: dict[str, Any] = body["error"]
    assert error["message"].endswith(".")
    return error


__all__ = ["ADMIN_KEY", "ALICE_KEY", "BOB_KEY", "BOOTSTRAP", "Desk", "open_desk", "shape_of"]
