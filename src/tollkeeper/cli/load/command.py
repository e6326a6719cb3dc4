"""The command `tollkeeper load`: options into a plan, and the result into a report."""

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

from tollkeeper.app.process import raise_file_limit
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.generator import LoadGenerator
from tollkeeper.cli.load.measurements import Measurements
from tollkeeper.cli.load.page import page
from tollkeeper.cli.load.plan import LoadPlan
from tollkeeper.cli.load.report import Report, number
from tollkeeper.cli.load.result import Result
from tollkeeper.cli.load.table import show
from tollkeeper.wire.http.address import Address

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
    """Run a load and print its report. Raises BadParameter for invalid options, Failure when no request succeeded."""
    if requests is not None and duration is not None:
        raise typer.BadParameter("these exclude each other", param_hint="--requests, --duration")
    count = requests or (REQUESTS if duration is None else None)
    plan = LoadPlan(
        url=url,
        keys=_keys(keys),
        body=body(model, prompt, stream=stream, max_tokens=max_tokens),
        stream=stream,
        connections=min(connections, count or connections),
        requests=count,
        seconds=duration,
        rate=rate or 0,
        timeout=timeout,
    )
    try:
        address = Address(url).url
    except ValueError:
        raise typer.BadParameter(
            "must be an address such as http://host:port or https://host/path", param_hint="--url"
        ) from None
    if html is not None:
        html.touch()  # fails now rather than after the load
    raise_file_limit()
    started_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    result, stopped = uvloop.run(_run(plan))
    report = Report(address, model, stream, plan.connections, rate, started_at, stopped, result)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show(report, Console())
    if html is not None:
        html.write_text(page(report), encoding="utf-8")
    if not result.answered:
        raise Failure("no request succeeded")


def body(model: str, prompt: str, *, stream: bool, max_tokens: int | None) -> bytes:
    """Body of a request for a chat completion; of a stream, with its usage."""
    request: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    if max_tokens is not None:
        request["max_tokens"] = max_tokens
    if stream:
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode(request)


def _keys(given: Sequence[str]) -> list[str]:
    keys = [key.strip() for part in given for key in part.split(",") if key.strip()]
    if any(not (key.isascii() and key.isprintable()) for key in keys):
        raise typer.BadParameter("a key consists of printable ASCII characters", param_hint="--key")
    return keys


async def _run(plan: LoadPlan) -> tuple[Result, bool]:
    """Run the load. Returns its result, and whether a signal ended it early."""
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        generator.stop()

    interactive = sys.stderr.isatty()
    show_progress = partial(_show_progress, plan) if interactive else lambda _seconds, _measurements: None
    generator = LoadGenerator(plan, show_progress)
    await generator.open()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, stop)
    result = await generator.run()
    if interactive:
        _overwrite("")
    return result, stopped


def _show_progress(plan: LoadPlan, seconds: float, measurements: Measurements) -> None:
    of = f" of {plan.requests:,}" if plan.requests is not None else ""
    until = f" of {plan.seconds:g}" if plan.seconds is not None else ""
    rate = number(measurements.answered / seconds) if seconds else "0"
    _overwrite(
        f"{seconds:.0f}{until} s: {measurements.answered:,}{of} answered, {rate}/s; {measurements.failed:,} failed"
    )


def _overwrite(line: str) -> None:
    """Replace the current line of the terminal. A progress bar would cost time that the load is measured in."""
    print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
