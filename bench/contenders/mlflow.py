"""The AI gateway of MLflow's server (Python) with SQLite: it stores a trace of each request."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.contenders.contender import Command, Contender, Place, Running
from bench.contenders.installed import folder, python_package, python_version
from bench.contenders.recording import Recording, post
from bench.mock import MODEL
from bench.processes import GATEWAY_CORE

_NAME = "mlflow"
_PREFIX = "/gateway/openai"  # answers are passed on as they are: its other way leaves out a stream's [DONE]
_ENVIRONMENT = {
    "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a second process, for evaluations
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
_COMPLETED = "SELECT count(*) FROM trace_info WHERE status = 'OK'"


class MLflow(Contender):
    name = _NAME
    keys = False
    stores = True
    lacks = (
        "no keys but names and passwords of an extension: no users; counts tokens by model; traces are written later"
    )

    def install(self) -> None:
        python_package(_NAME)

    def version(self) -> str:
        return python_version(_NAME)

    def command(self, place: Place) -> Command:
        program = str(folder(_NAME) / "bin/mlflow")
        flags = {
            "--backend-store-uri": f"sqlite:///{_database(place)}",
            "--default-artifact-root": place.folder / "artifacts",
            "--host": "127.0.0.1",
            "--port": place.port,
            "--workers": 1,
            "--uvicorn-opts": "--log-level=error --no-access-log",
        }
        given = [str(word) for pair in flags.items() for word in pair]
        secret = {"MLFLOW_CRYPTO_KEK_PASSPHRASE": secrets.token_urlsafe(32)}
        return Command([program, "server", *given], {**_ENVIRONMENT, **secret})

    @contextmanager
    def running(self, upstream: int, *, cores: Collection[int] = GATEWAY_CORE) -> Iterator[Running]:
        with self.started(upstream, cores=cores) as (program, place):
            _add_upstream(program.port, upstream)
            running = Recording(self.name, program, self.known(), _database(place), _COMPLETED, _PREFIX)
            self.try_keys(running)
            running.answered += 2  # the wrong key's too
            yield running


def _database(place: Place) -> Path:
    return place.folder / "mlflow.db"


def _add_upstream(port: int, upstream: int) -> None:
    """An endpoint that is called as the model."""
    secret = _ask(
        port,
        "secrets/create",
        {
            "secret_name": MODEL,
            "secret_value": {"api_key": "sk-none"},
            "provider": "openai",
            "auth_config": {"api_base": f"http://127.0.0.1:{upstream}/v1"},
        },
    )["secret"]["secret_id"]
    model = _ask(
        port,
        "model-definitions/create",
        {"name": MODEL, "secret_id": secret, "provider": "openai", "model_name": MODEL},
    )["model_definition"]["model_definition_id"]
    configs = [{"model_definition_id": model, "linkage_type": "PRIMARY", "weight": 1.0}]
    _ask(port, "endpoints/create", {"name": MODEL, "model_configs": configs})


def _ask(port: int, path: str, body: Mapping[str, object]) -> Any:
    return post(_NAME, port, f"/api/3.0/mlflow/gateway/{path}", body)
