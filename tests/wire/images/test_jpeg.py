"""The structure of a JPEG, beyond what all formats have in common (test_surveys.py)."""

import pytest

from tests.services.images.samples import encoded, noise
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.wire.images.jpeg import survey

WHOLE = encoded(noise(7, 5), "JPEG")


@pytest.mark.parametrize("marker", [0xC3, 0xC9])
def test_kinds_that_decoders_do_not_read_are_refused_by_name(marker):
    frame = WHOLE.index(b"\xff\xc0") + 1
    with pytest.raises(InvalidImage, match="not supported"):
        survey(WHOLE[:frame] + bytes([marker]) + WHOLE[frame + 1 :])
