"""What an image may be at most."""

import pytest

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.wire.images.bounds import (
    MAX_FRAMES,
    MAX_PIXELS,
    MAX_WORK,
    Size,
    WorkOfRequest,
    check_frames,
    check_work,
    checked_size,
)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (MAX_PIXELS, 1), (5000, 5000)])
def test_sizes_up_to_the_bound(width, height):
    assert checked_size(width, height) == Size(width, height)
    assert checked_size(width, height).pixels == width * height


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [(0, 1, "no pixels"), (1, -1, "no pixels"), (MAX_PIXELS + 1, 1, "more than 25 million")],
)
def test_sizes_beyond_it(width, height, words):
    with pytest.raises(InvalidImage, match=words):
        checked_size(width, height)


@pytest.mark.parametrize(
    ("check", "most"), [(check_frames, MAX_FRAMES), (lambda work: check_work(work, Size(1, 1)), MAX_WORK)]
)
def test_a_bound_may_be_reached_and_not_passed(check, most):
    check(most)
    with pytest.raises(InvalidImage):
        check(most + 1)


def test_the_work_of_a_request_is_added_up():
    work = WorkOfRequest(10)
    work.spend(4)
    work.spend(6)
    with pytest.raises(InvalidImage, match="together"):
        work.spend(1)
