"""The structure of a WEBP, beyond what all formats have in common (test_surveys.py)."""

import pytest

from tests.services.images.samples import encoded, noise
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.wire.images.webp import survey

WHOLE = encoded(noise(7, 5), "WEBP")


def test_a_chunk_that_is_longer_than_the_file_is_refused():
    for size in range(20, len(WHOLE) - 8):
        with pytest.raises(InvalidImage):
            survey(WHOLE[:4] + size.to_bytes(4, "little") + WHOLE[8 : 8 + size])
