"""The command `tollkeeper demo`."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
import uvloop
from pydantic import SecretStr
from rich.console import Console

from tollkeeper.app import process
from tollkeeper.cli.demo import texts
from tollkeeper.cli.demo.backends import start_backends
from tollkeeper.cli.demo.prepare import prepare
from tollkeeper.cli.demo.samples import ADMIN_KEY
from tollkeeper.config import Settings, load_settings


def demo(data: Path | None, port: int | None, host: str, weights: Path | None) -> None:
    with _folder(data) as folder:
        settings = demo_settings(folder, host, port)
        if not settings.loopback:
            raise typer.BadParameter(
                "must be a loopback address, since the demo's keys are public", param_hint="--host"
            )
        for listener in process.listen_all(settings.hosts, settings.port):
            listener.close()  # a port that is in use fails now rather than after the slow start of the engine
        uvloop.run(_run(settings, folder, weights, kept=data is not None))


def demo_settings(folder: Path, host: str, port: int | None) -> Settings:
    """Load the settings, with the demo's own address, database and admin key. Raises ConfigError."""
    settings = load_settings(host=host, port=port, database_path=folder / "tollkeeper.db")
    if settings.admin_api_key is not None:
        return settings
    return settings.model_copy(update={"admin_api_key": SecretStr(ADMIN_KEY)})


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data
    else:
        with TemporaryDirectory(prefix="tollkeeper-demo-") as temporary:
            yield Path(temporary)


async def _run(settings: Settings, folder: Path, weights: Path | None, *, kept: bool) -> None:
    console = Console()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    # Until the gateway handles signals, they must also end the start of the engine and remove the folder.
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signal_number, task.cancel)
    assert settings.admin_api_key is not None
    admin_key = settings.admin_api_key.get_secret_value()
    data = f"in {folder}, " + ("kept" if kept else "removed at the end")
    try:
        async with start_backends(settings.ollama_base_url, folder, weights, console) as backends:

            def started(url: str) -> None:
                text = texts.welcome(url, engine=backends.description, admin_key=admin_key, data=data)
                print(text, flush=True)

            await process.serve(settings, upstreams=backends.upstreams, prepare=prepare, started=started, new=True)
    except asyncio.CancelledError:
        console.print("Stopped before it was ready.")
