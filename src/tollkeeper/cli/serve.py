"""What `tollkeeper serve` does."""

from pathlib import Path

import uvloop

from tollkeeper import app
from tollkeeper.config import load_settings


def serve(host: str | None, port: int | None, database: Path | None, ollama: str | None) -> None:
    settings = load_settings(host=host, port=port, database_path=database, ollama_base_url=ollama)
    uvloop.run(app.serve(settings, started=_started, made_key=_made_key))


def _started(url: str) -> None:
    print(f"Tollkeeper listens on {url}", flush=True)


def _made_key(key: str) -> None:
    print(f"The bootstrap admin key, made just now and never shown again: {key}", flush=True)
