"""The command `tollkeeper load`."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import typer
import uvloop
from rich.console import Console

from tollkeeper.app import raise_file_limit
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.engine import Engine
from tollkeeper.cli.load.job import Job
from tollkeeper.cli.load.page import page
from tollkeeper.cli.load.report import Report, number
from tollkeeper.cli.load.result import Result
from tollkeeper.cli.load.table import show
from tollkeeper.cli.load.tally import Tally
from tollkeeper.services.upstream.address import Address

REQUESTS = 100


def load(
    model: str,
    requests: int | None,
    connections: int,
    duration: float | None,
    rate: float | None,
    *,
    stream: bool,
    max_tokens: int | None,
    prompt: str,
    timeout: float,
    url: str,
    keys: Sequence[str],
    as_json: bool,
    html: Path | None,
) -> None:
    """Raises BadParameter for what does not fit together, Failure when no request was answered."""
    if requests is not None and duration is not None:
        raise typer.BadParameter("either how many or how long", param_hint="--requests, --duration")
    count = requests or (REQUESTS if duration is None else None)
    job = Job(
        url=url,
        keys=_keys(keys),
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


def _keys(given: Sequence[str]) -> list[str]:
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
