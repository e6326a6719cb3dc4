from pathlib import Path

import gguf

from tollkeeper.cli.demo.projector import write_projector


def test_the_projector_fits_the_text_model_and_is_small(tmp_path: Path) -> None:
    path = tmp_path / "projector.gguf"
    write_projector(path, 64)
    read = gguf.GGUFReader(path)
    assert read.fields["clip.vision.projection_dim"].contents() == 64
    shapes = {tensor.name: tuple(tensor.data.shape) for tensor in read.tensors}
    assert shapes["mm.0.weight"] == (64, 32)
    assert shapes["mm.2.weight"] == (64, 64)
    assert shapes["v.position_embd.weight"] == (17, 32)
    assert path.stat().st_size < 1_000_000


def test_the_same_width_makes_the_same_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write_projector(one, 64)
    write_projector(two, 64)
    assert one.read_bytes() == two.read_bytes()
