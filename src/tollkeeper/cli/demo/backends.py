"""The upstreams of the demo: the Ollama of this machine, or else the embedded engine."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from tollkeeper.cli.demo import texts
from tollkeeper.cli.demo.engine.process import run_engine
from tollkeeper.cli.demo.ollama import has_models
from tollkeeper.cli.demo.samples import CHAT_MODEL, VISION_MODEL
from tollkeeper.cli.demo.stand_ins import stand_ins
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rich.console import Console


class Backends(NamedTuple):
    """Upstreams that serve the demo's models. `upstreams` is None if those of the settings do; `description` is for
    people."""

    upstreams: list[UpstreamConfig] | None
    description: str


@asynccontextmanager
async def start_backends(
    ollama_url: str, folder: Path, weights: Path | None, console: Console
) -> AsyncIterator[Backends]:
    """Find or start upstreams of the demo's models while the context lasts. Raises Failure if there are none."""
    if await has_models(ollama_url, (CHAT_MODEL, VISION_MODEL)):
        yield Backends(None, texts.ollama(ollama_url))
        return
    upstreams = []
    async with AsyncExitStack() as stack:
        for stand_in in stand_ins(folder, weights):
            short_name = stand_in.name.partition(":")[0]
            with console.status(f"Starting a small stand-in for {stand_in.name}"):
                address, _ = await stack.enter_async_context(run_engine(stand_in, folder / f"{short_name}.log"))
            console.print(f"Started a small stand-in for {stand_in.name}", highlight=False)
            upstreams.append(
                UpstreamConfig(f"demo-{short_name}", OPENAI_COMPATIBLE, address, (stand_in.name,), paid=False)
            )
        yield Backends(upstreams, texts.STAND_INS)
