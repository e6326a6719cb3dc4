"""The command `tollkeeper serve`."""

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tollkeeper import app
from tollkeeper.config import load_settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 if not told otherwise.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="8000 if not told otherwise.")] = None,
    database: Annotated[
        Path | None, typer.Option(help="Path of the database; ./tollkeeper.db if not told otherwise.")
    ] = None,
    ollama: Annotated[
        str | None, typer.Option(help="Where Ollama is; http://localhost:11434 if not told otherwise.")
    ] = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C."""
    settings = load_settings(host=host, port=port, database_path=database, ollama_base_url=ollama)
    uvloop.run(app.serve(settings, started=_started, made_key=_made_key))


def _started(url: str) -> None:
    print(f"Tollkeeper listens on {url}", flush=True)


def _made_key(key: str) -> None:
    print(f"The bootstrap admin key, made just now and never shown again: {key}", flush=True)
