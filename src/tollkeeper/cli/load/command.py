"""The command `tollkeeper load`."""

import asyncio
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console

from tollkeeper.app import raise_file_limit
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.engine import Engine
from tollkeeper.cli.load.job import SILENCE_SECONDS, Job
from tollkeeper.cli.load.page import page
from tollkeeper.cli.load.report import Report, number
from tollkeeper.cli.load.result import Result
from tollkeeper.cli.load.table import show
from tollkeeper.cli.load.tally import Tally
from tollkeeper.services.upstream.address import Address

REQUESTS = 100
PROMPT = "Say in two or three sentences what a toll is."


def load(
    model: Annotated[str, typer.Option("--model", "-m", help="The model to ask.")],
    requests: Annotated[
        int | None, typer.Option("--requests", "-n", min=1, help=f"How many; {REQUESTS} if not told otherwise.")
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
    prompt: Annotated[str, typer.Option(help="What to ask.")] = PROMPT,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds of silence after which a request is given up.")
    ] = SILENCE_SECONDS,
    url: Annotated[str, typer.Option(envvar="TOLLKEEPER_URL", help="Where the gateway is.")] = "http://localhost:8000",
    key: Annotated[
        list[str] | None,
        typer.Option(envvar="TOLLKEEPER_API_KEY", help="A user's key; several, with commas or again, take turns."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write them to this file as well, as a page.")] = None,
) -> None:
    """Load a gateway with requests, and tell how it bore them."""
    if requests is not None and duration is not None:
        raise typer.BadParameter("either how many or how long", param_hint="--requests, --duration")
    count = requests or (REQUESTS if duration is None else None)
    job = Job(
        url=url,
        keys=_keys(key or []),
        body=body(model, prompt, stream=stream, max_tokens=max_tokens),
        stream=stream,
        connections=min(connections, count or connections),
        requests=count,
        seconds=duration,
        rate=rate or 0,
        patience=timeout,
    )
    try:
        shown = Address(url).url
    except ValueError:
        raise typer.BadParameter("it looks like http://host:port or https://host/path", param_hint="--url") from None
    if html is not None:
        html.touch()  # known before the work begins, not after it
    raise_file_limit()
    started_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    result, stopped = uvloop.run(_run(job))
    report = Report(shown, model, stream, job.connections, rate, started_at, stopped, result)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show(report, Console())
    if html is not None:
        html.write_text(page(report), encoding="utf-8")
    if not result.answered:
        raise Failure("no request was answered as it should be")


def body(model: str, prompt: str, *, stream: bool, max_tokens: int | None) -> bytes:
    """A chat completion; of a stream the usage is asked for, too."""
    ask: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    if max_tokens is not None:
        ask["max_tokens"] = max_tokens
    if stream:
        ask |= {"stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode(ask)


def _keys(given: list[str]) -> list[str]:
    keys = [key.strip() for part in given for key in part.split(",") if key.strip()]
    if any(not (key.isascii() and key.isprintable()) for key in keys):
        raise typer.BadParameter("a key has letters, digits and signs only", param_hint="--key")
    return keys


async def _run(job: Job) -> tuple[Result, bool]:
    """The result, and whether a signal ended it early."""
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        engine.stop()

    shown = sys.stderr.isatty()
    engine = Engine(job, partial(_tell, job) if shown else lambda _seconds, _tally: None)
    await engine.open()
    loop = asyncio.get_running_loop()
    for number_ in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number_, stop)
    result = await engine.run()
    if shown:
        _say("")
    return result, stopped


def _tell(job: Job, seconds: float, tally: Tally) -> None:
    """How far it is."""
    of = f" of {job.requests:,}" if job.requests is not None else ""
    until = f" of {job.seconds:g}" if job.seconds is not None else ""
    rate = number(tally.answered / seconds) if seconds else "0"
    _say(f"{seconds:.0f}{until} s: {tally.answered:,}{of} answered, {rate}/s; {tally.failed:,} failed")


def _say(line: str) -> None:
    """On one line that is written over: drawing a bar would take time from what is measured."""
    print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
