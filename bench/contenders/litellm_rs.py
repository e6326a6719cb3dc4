"""litellm-rs (Rust) with SQLite: the peer that meters and stores."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bench.contenders.contender import Command, Contender, Place, Running
from bench.contenders.installed import crate, folder
from bench.contenders.recording import Recording, post
from bench.mock import MODEL
from bench.processes import GATEWAY_CORE

NAME = "litellm-rs"
_PASSWORD = "Bench-" + secrets.token_urlsafe(16) + "-1a"
_COMPLETED = (
    "SELECT count(*) FROM request_ledger WHERE endpoint = '/v1/chat/completions' AND status_code = 200"
    " AND total_tokens > 0"
)


class LiteLLMRs(Contender):
    name = NAME
    keys = meters = stores = True
    lacks = "budgets of keys live in the process only; it goes on where a record cannot be written (its default)"

    def install(self) -> None:
        crate(NAME, "--no-default-features", "--features", "gateway,sqlite,metrics,tracing")

    def version(self) -> str:
        told = subprocess.run([self._program(), "--version"], capture_output=True, text=True, check=True).stdout
        return told.split()[-1]

    def command(self, place: Place) -> Command:
        file = place.folder / "gateway.yaml"
        file.write_text(json.dumps(configuration(place)))  # YAML knows JSON
        return Command([self._program(), "--config", str(file), "--log-level", "error", "serve"])

    @contextmanager
    def running(self, upstream: int, *, cores: Collection[int] = GATEWAY_CORE) -> Iterator[Running]:
        with self.started(upstream, cores=cores) as (program, place):
            database = _database(place)
            running = Recording(NAME, program, [_sign_in(program.port, database)], database, _COMPLETED)
            self.try_keys(running)
            running.answered += 1
            yield running

    def _program(self) -> str:
        return str(folder(NAME) / "bin/gateway")


def configuration(place: Place) -> dict[str, Any]:
    """Everything that it would do beyond relaying, checking keys and recording is off."""
    wide = 10**9
    off = {"enabled": False}
    return {
        "schema_version": "1.0",
        "server": {"host": "127.0.0.1", "port": place.port, "workers": 1, "max_connections": 20_000},
        "providers": [
            {
                "name": "mock",
                "provider_type": "vllm",
                "api_key": "",
                "base_url": f"http://127.0.0.1:{place.upstream}/v1",
                "endpoint_access": "private_network",
                "rpm": wide,
                "tpm": wide,
                "max_concurrent_requests": 20_000,
                "max_retries": 0,
                "models": [MODEL],
            }
        ],
        "router": {"strategy": "round_robin", "load_balancer": {"health_check_enabled": False}},
        "storage": {
            "database": {"url": f"sqlite://{_database(place)}?mode=rwc", "enabled": True, "auto_migrate": True},
            "redis": {"url": "redis://127.0.0.1:9", **off},
            "request_ledger": {"enabled": True},
        },
        "auth": {"enable_jwt": True, "enable_api_key": True, "jwt_secret": "Aa1-" + secrets.token_urlsafe(32)},
        "guardrails": off,
        "monitoring": {"metrics": off, "tracing": off},
        "cache": off,
        "rate_limit": off,
        "pricing": {
            "source": "embedded://model_prices_extended",
            "unpriced_model_policy": "allow_unpriced",
            "unpriced_fallback_cost_per_1k_tokens": 0.001,
        },
    }


def _database(place: Place) -> Path:
    return place.folder / "gateway.db"


def _sign_in(port: int, database: Path) -> str:
    """The token of its one user; what it takes as `authorization: Bearer` is that, and no key."""
    account = {"username": "bench", "email": "bench@example.com", "password": _PASSWORD}
    post(NAME, port, "/auth/register", account)
    with closing(sqlite3.connect(database)) as connection:  # its only way to a user without sending mail
        connection.execute("UPDATE users SET status = 'active', email_verified = 1")
        connection.commit()
    return str(post(NAME, port, "/auth/login", account)["data"]["access_token"])
