"""What `tollkeeper demo` does."""

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

from tollkeeper import app
from tollkeeper.cli.demo import texts
from tollkeeper.cli.demo.answering import answering
from tollkeeper.cli.demo.prepare import prepare
from tollkeeper.cli.demo.samples import ADMIN_KEY
from tollkeeper.config import Settings, load_settings


def demo(data: Path | None, port: int | None, host: str, weights: Path | None) -> None:
    with _folder(data) as folder:
        settings = demo_settings(folder, host, port)
        if not settings.loopback:
            raise typer.BadParameter("the demo's keys are public: only a loopback address will do", param_hint="--host")
        app.listen(settings.host, settings.port).close()  # known before the slow work begins, not after it
        uvloop.run(_run(settings, folder, weights, kept=data is not None))


def demo_settings(folder: Path, host: str, port: int | None) -> Settings:
    """The settings as everywhere, but for where the demo listens and keeps its data. Raises ConfigError."""
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
    # Until the gateway takes the signals over: they must end the engine's start as well, and remove the folder.
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    assert settings.admin_api_key is not None
    admin_key = settings.admin_api_key.get_secret_value()
    data = f"in {folder}, " + ("kept" if kept else "removed at the end")
    try:
        async with answering(settings.ollama_base_url, folder, weights, console) as who:

            def started(url: str) -> None:
                text = texts.welcome(url, engine=who.description, admin_key=admin_key, data=data)
                print(text, flush=True)

            await app.serve(settings, upstreams=who.upstreams, prepare=prepare, started=started)
    except asyncio.CancelledError:
        console.print("Stopped before it was up.")
