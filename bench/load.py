"""The load generator of `tollkeeper load` as a child: one Job on standard input, one Result on standard output."""

from __future__ import annotations

import sys

import msgspec
import uvloop
from msgspec import Struct

from tollkeeper.cli.load.generator import LoadGenerator
from tollkeeper.cli.load.plan import LoadPlan
from tollkeeper.cli.load.result import Distribution, Result

__all__ = ["Distribution", "Job", "Result"]

STREAM = '"stream":true'
TIMEOUT = 60.0
"""Seconds to wait for responses that are incomplete at the end."""


class Job(Struct, frozen=True):
    """Requests of `body` to a port on loopback, its paths after `prefix`. `keys` go around the connections; none: no
    key is sent. For `seconds`, counted from the first request, requests begin; `rate` a second in all, 0 for a closed
    loop, whose connections then begin evenly over `stagger` seconds."""

    port: int
    keys: list[str]
    body: str
    connections: int
    seconds: float
    rate: float = 0
    stagger: float = 0
    prefix: str = ""


async def run(asked: Job) -> Result:
    generator = LoadGenerator(
        LoadPlan(
            url=f"http://127.0.0.1:{asked.port}{asked.prefix}",
            keys=asked.keys,
            body=asked.body.encode(),
            stream=STREAM in asked.body,
            connections=asked.connections,
            seconds=asked.seconds,
            rate=asked.rate,
            stagger=asked.stagger,
            timeout=TIMEOUT,
        )
    )
    await generator.open()
    return await generator.run()


def main() -> None:
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(asked))))


if __name__ == "__main__":
    main()
