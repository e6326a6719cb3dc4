"""A gateway before the demo's engine, which keeps to the grammar of tools where a call is forced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.document import ALIAS
from tests.clients.installed import NOWHERE
from tests.process.served import Served, served
from tollkeeper.cli.demo.engine.model import EngineModel
from tollkeeper.cli.demo.engine.process import run_engine


@contextmanager
def before_the_engine(folder: Path, model: EngineModel) -> Iterator[Served]:
    """It serves the model under its own name, and as the one that the blocks of docs/clients.md name."""
    with asyncio.Runner() as runner:
        engine = run_engine(model, folder / "engine.log")
        address, _ = runner.run(engine.__aenter__())
        try:
            with served(folder, NOWHERE) as gateway:
                gateway.admin("DELETE", "/admin/upstreams/default")
                fields = {"id": "engine", "kind": "openai-compatible", "base_url": address, "models": [model.name]}
                gateway.admin("POST", "/admin/upstreams", fields | {"paid": False})
                gateway.admin("PUT", "/admin/aliases", {ALIAS: model.name})
                yield gateway
        finally:
            runner.run(engine.__aexit__(None, None, None))
