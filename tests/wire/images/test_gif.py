"""The structure of a GIF, beyond what all formats have in common (test_surveys.py)."""

import io
from typing import Any

from PIL import Image

from tests.services.images.samples import encoded, noise
from tollkeeper.wire.images.gif import survey

WHOLE = encoded(noise(7, 5), "GIF")


def test_of_an_animation_the_first_picture_is_shown():
    out = io.BytesIO()
    frames = [Image.new("RGB", (7, 5), colour) for colour in ("red", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    shown: Any = Image.open(io.BytesIO(survey(out.getvalue()).bare))
    assert shown.n_frames == 1
    assert shown.convert("RGB").tobytes() == frames[0].tobytes()
