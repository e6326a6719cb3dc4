from __future__ import annotations

import hashlib
from pathlib import Path

import gguf
import pytest

from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE, SMOLLM2_WIDTH, WORDS, vocabulary, write_all, write_twin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_all(folder)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_no_word_comes_twice_so_each_has_one_successor():
    assert len(set(WORDS)) == len(WORDS) == 29
    assert ANSWER_TOKENS == 30
    chain = vocabulary().chain
    assert len(set(chain)) == len(chain)


def test_the_sentence_reads_like_one():
    assert SENTENCE.startswith("Hello, this is a tiny model")
    assert SENTENCE.endswith("until its last word.")


def test_every_file_is_another_to_ollama(folder: Path):
    found = digests(folder)
    assert sorted(found) == ["mmproj-576.gguf", "mmproj-64.gguf", "tiny-loop.gguf", "tiny-vision.gguf", "tiny.gguf"]
    assert len(set(found.values())) == len(found)


def test_the_same_bytes_each_time(folder: Path, tmp_path: Path):
    write_all(tmp_path)
    assert digests(tmp_path) == digests(folder)


def test_the_projector_fits_its_language_model(folder: Path):
    fields = gguf.GGUFReader(folder / "mmproj-576.gguf").fields
    assert fields["clip.vision.projection_dim"].contents() == SMOLLM2_WIDTH


def test_a_twin_differs_in_its_name_only(folder: Path, tmp_path: Path):
    write_twin(folder / "tiny.gguf", tmp_path / "twin.gguf")
    source, twin = (folder / "tiny.gguf").read_bytes(), (tmp_path / "twin.gguf").read_bytes()
    assert len(source) == len(twin)
    assert 0 < sum(a != b for a, b in zip(source, twin, strict=True)) <= len("tiny")
    assert gguf.GGUFReader(tmp_path / "twin.gguf").fields["general.name"].contents() == "ynit"
