"""GGUF files, read back by the format's reference implementation."""

from pathlib import Path

import gguf
import pytest

from tollkeeper.cli.demo.gguf import ElementType, Tensor, Value, write_gguf


def written(tmp_path: Path, keys: dict[str, Value], *tensors: Tensor) -> gguf.GGUFReader:
    path = tmp_path / "file.gguf"
    write_gguf(path, keys, tensors)
    return gguf.GGUFReader(path)


def test_keys_of_every_type(tmp_path: Path) -> None:
    keys: dict[str, Value] = {
        "general.architecture": "clip",
        "text": "größe",
        "yes": True,
        "no": False,
        "count": 4_000_000_000,
        "small": 1.5,
        "several": [0.5, 0.25],
    }
    read = written(tmp_path, keys)
    assert {name: read.fields[name].contents() for name in keys} == keys


@pytest.mark.parametrize("element", ElementType)
def test_tensors_of_odd_sizes_keep_their_values(tmp_path: Path, element: ElementType) -> None:
    # 3 and 5 values do not fill an alignment: the second tensor is found only when the first is padded.
    tensors = [Tensor("one", (3,), [1.0, -2.0, 0.5], element), Tensor("two", (5, 1), [0, 1, 2, 3, 4], element)]
    read = written(tmp_path, {"general.architecture": "clip"}, *tensors)
    assert [tensor.data.flatten().tolist() for tensor in read.tensors] == [[1, -2, 0.5], [0, 1, 2, 3, 4]]
    assert all(tensor.data_offset % 32 == 0 for tensor in read.tensors)


def test_shapes_are_written_in_reverse(tmp_path: Path) -> None:
    read = written(tmp_path, {"general.architecture": "clip"}, Tensor("t", (2, 3), [0, 1, 2, 3, 4, 5]))
    assert read.tensors[0].data.tolist() == [[0, 1, 2], [3, 4, 5]]
