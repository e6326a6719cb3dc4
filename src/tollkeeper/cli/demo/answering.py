"""Who answers in the demo: the Ollama of this machine, or the embedded engine."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from tollkeeper.cli.demo import texts
from tollkeeper.cli.demo.engine import engine
from tollkeeper.cli.demo.ollama import has_models
from tollkeeper.cli.demo.samples import CHAT_MODEL, VISION_MODEL
from tollkeeper.cli.demo.stand_ins import stand_ins
from tollkeeper.services.upstream.config import UpstreamConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rich.console import Console


class Answering(NamedTuple):
    """`upstreams` is None where the settings name the right one already; `description` is for people."""

    upstreams: list[UpstreamConfig] | None
    description: str


@asynccontextmanager
async def answering(ollama_url: str, folder: Path, weights: Path | None, console: Console) -> AsyncIterator[Answering]:
    """Somebody who answers to the demo's models, while the context lasts. Raises Failure when there is nobody."""
    if await has_models(ollama_url, (CHAT_MODEL, VISION_MODEL)):
        yield Answering(None, texts.ollama(ollama_url))
        return
    upstreams = []
    async with AsyncExitStack() as stack:
        for job in stand_ins(folder, weights):
            short = job.model.partition(":")[0]
            with console.status(f"Starting a small stand-in for {job.model}"):
                address, _ = await stack.enter_async_context(engine(job, folder / f"{short}.log"))
            console.print(f"Started a small stand-in for {job.model}", highlight=False)
            upstreams.append(UpstreamConfig(f"demo-{short}", "openai-compatible", address, (job.model,)))
        yield Answering(upstreams, texts.STAND_INS)
