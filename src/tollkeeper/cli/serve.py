"""The command `tollkeeper serve`."""

from pathlib import Path

import uvloop

from tollkeeper.app import process
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.standard import say
from tollkeeper.config import load_settings


def serve(host: str | None, port: int | None, database: Path | None, ollama: str | None, *, new: bool) -> None:
    settings = load_settings(host=host, port=port, database_path=database, ollama_base_url=ollama)
    uvloop.run(process.serve(settings, started=_started, made_key=_made_key, new=new))


def _started(url: str) -> None:
    say(f"Tollkeeper listens on {url}")  # it does so even if nobody can read this


def _made_key(key: str) -> None:
    if not say(f"The bootstrap admin key, made just now and never shown again: {key}"):
        raise Failure(
            "the bootstrap admin key can be shown neither on standard output nor on standard error, so none was made;"
            " start with one of them open, or set ADMIN_API_KEY"
        )
