"""Large WebP images, decoded in a process of their own."""

from __future__ import annotations

import pytest

from tests.services.images.samples import noise
from tests.services.images.test_pixels import alike, corners, seen, shown, turned
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images import apart, pixels
from tollkeeper.services.images.check import APART_PIXELS, checked


def test_a_large_webp_is_converted_in_a_process_of_its_own(monkeypatch):
    """Pillow's decoder would hold the interpreter for a second."""
    data = turned("WEBP", 6, corners(1200, 1000))
    assert APART_PIXELS < 1200 * 1000
    monkeypatch.setattr(pixels, "convert", None)
    assert alike(seen(checked(data).data), shown(data))


def test_a_broken_one_in_a_process_of_its_own():
    data = bytearray(turned("WEBP", 1, noise(1200, 1000)))
    data[60:4000] = b"\xff" * 3940
    with pytest.raises(InvalidImage, match="cannot be decoded"):
        checked(bytes(data))


def test_such_a_process_has_a_bound_of_memory(monkeypatch):
    data = turned("WEBP", 1, corners(1200, 1000))
    monkeypatch.setattr(apart, "MEMORY", 50_000_000)
    with pytest.raises(InvalidImage, match="cannot be decoded"):
        checked(data)
