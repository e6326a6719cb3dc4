"""How the parts are joined, where no other test sees it."""

import subprocess
import sys

import pytest

from tollkeeper.app.build import open_gateway
from tollkeeper.config import load_settings
from tollkeeper.services.accounts.bootstrap import keep_bootstrap
from tollkeeper.services.ledger.observers import Observer, Observers, Refusal
from tollkeeper.store.sqlite import SqliteStore


async def test_the_admin_key_is_made_once(tmp_path):
    settings = load_settings(database_path=tmp_path / "t.db")
    made: list[str | None] = []
    for _ in range(2):
        async with open_gateway(settings) as gateway:
            made.append(gateway.bootstrap.made)
            await keep_bootstrap(gateway.bootstrap, gateway.store.installation)
            assert gateway.context.accounts.identify_admin(str(made[0])) == "@bootstrap"
    assert made[0] is not None
    assert made[1] is None


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
async def test_what_a_record_survives_is_a_setting(tmp_path, durability, synchronous):
    settings = load_settings(database_path=tmp_path / "t.db", durability=durability)
    async with open_gateway(settings) as gateway:
        assert isinstance(gateway.store, SqliteStore)
        levels = await gateway.store._writer.run(lambda found: found.exec_driver_sql("PRAGMA synchronous").scalar_one())
        assert levels == synchronous


def test_what_is_seldom_needed_comes_when_it_is():
    """Pillow, the price list and structlog together: 0.13 s, and 12 MB."""
    script = "import sys, tollkeeper.app.process; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert not {"alembic", "PIL", "genai_prices", "structlog"} & {*shown.stdout.split()}


class FailingObserver(Observer):
    def refused(self, refusal: Refusal) -> None:
        raise RuntimeError("broken")


async def test_metrics_and_running_totals_observe_requests_and_failures_of_observers_are_a_metric(tmp_path):
    async with open_gateway(load_settings(database_path=tmp_path / "t.db")) as gateway:
        observers = gateway.context.observers
        assert isinstance(observers, Observers)
        assert repr(observers) == (
            "Observers(Metrics, RunningTotals, UserLive, UpstreamBudgets, BudgetAlerts, RefusalCounts, ModelColors)"
        )
        observers.add(FailingObserver())
        observers.refused(Refusal("/v1/embeddings", 401, "invalid_api_key"))
        text = gateway.metrics.text()
    assert b'tollkeeper_refusals_total{code="invalid_api_key",endpoint="/v1/embeddings"} 1.0' in text
    assert b'tollkeeper_observer_failures_total{observer="FailingObserver"} 1.0' in text
