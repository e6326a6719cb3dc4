"""What the surveys of all formats have in common; each format has a file of its own for the rest."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from tests.services.images.samples import encoded, noise
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.wire.images import gif, jpeg, png, webp
from tollkeeper.wire.images.bounds import Survey

FORMATS = [
    pytest.param(module.survey, encoded(noise(7, 5), name), id=name)
    for module, name in ((gif, "GIF"), (jpeg, "JPEG"), (png, "PNG"), (webp, "WEBP"))
]


@pytest.mark.parametrize(("survey", "whole"), FORMATS)
def test_its_size_is_known_before_a_pixel_is_decoded(survey: Callable[[bytes], Survey], whole: bytes) -> None:
    found = survey(whole)
    assert (found.size, found.orientation) == ((7, 5), 1)
    assert found.work > 0


@pytest.mark.parametrize(("survey", "whole"), FORMATS)
def test_what_a_decoder_is_shown_has_the_same_pixels(survey: Callable[[bytes], Survey], whole: bytes) -> None:
    shown, given = (Image.open(io.BytesIO(data)).convert("RGB") for data in (survey(whole).bare, whole))
    assert shown.tobytes() == given.tobytes()


@pytest.mark.parametrize(("survey", "whole"), FORMATS)
def test_a_file_that_ends_too_soon_is_refused_wherever_it_is_cut(
    survey: Callable[[bytes], Survey], whole: bytes
) -> None:
    for end in range(12, len(whole) - 2):
        with pytest.raises(InvalidImage):
            survey(whole[:end])


@pytest.mark.parametrize(("survey", "whole"), FORMATS)
def test_what_follows_its_end_is_never_shown(survey: Callable[[bytes], Survey], whole: bytes) -> None:
    assert survey(whole + b"behind").bare == survey(whole).bare
