"""The canonical name in place of the upstream's spelling, and nothing else."""

import json

import pytest

from tollkeeper.wire.response_names import rename_model


def renamed(text: bytes | bytearray) -> bytes:
    return bytes(rename_model("Qwen/Q", "qwen/q", text))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("size", [10, 300_000])
@pytest.mark.parametrize("last", [False, True])
def test_the_name_changes_wherever_servers_write_it(separators: tuple[str, str], size: int, last: bool) -> None:
    name = {"model": "Qwen/Q"}
    body = {"content": "x" * size} | name if last else name | {"content": "x" * size}
    text = json.dumps(body, separators=separators).encode()
    for given in (text, bytearray(text)):
        assert json.loads(renamed(given)) == body | {"model": "qwen/q"}


@pytest.mark.parametrize(
    "body",
    [
        {"content": 'he said "model":"Qwen/Q"'},
        {"model": "Qwen/Q-2026"},
        {"model": "qwen/q"},
        {"name": "Qwen/Q"},
        {},
    ],
)
def test_anything_else_stays(body: dict[str, str]) -> None:
    text = json.dumps(body, separators=(",", ":")).encode()
    assert renamed(text) == text


def test_of_several_events_each_is_renamed() -> None:
    event = b'data: {"model":"%b"}\n\n'
    assert renamed(event % b"Qwen/Q" * 3) == event % b"qwen/q" * 3
