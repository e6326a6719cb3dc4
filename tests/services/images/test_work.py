"""What decoding an image may take is known from its structure, and refused before it is done."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.services.images.rig import serving
from tests.services.images.samples import bilevel, dot, encoded, gif, noise, png
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images import Fetcher, Images, WorkOfRequest, pixels
from tollkeeper.services.images.check import FORMATS, checked
from tollkeeper.wire.images import gif as gif_format
from tollkeeper.wire.images import jpeg, webp
from tollkeeper.wire.images import png as png_format
from tollkeeper.wire.images.bounds import MAX_WORK, MAX_WORK_OF_REQUEST, SpendWork
from tollkeeper.wire.images.urls import data_url


def scans(count: int, side: int = 5000, mode: str = "L") -> bytes:
    """A progressive JPEG with as many scans, of which all but the first few say nothing new."""
    good = encoded(Image.new(mode, (side, side)), "JPEG", progressive=True)
    last, end = good.rindex(b"\xff\xda"), good.rindex(b"\xff\xd9")
    return good[:end] + good[last:end] * (count - good.count(b"\xff\xda")) + good[end:]


def sixteen(side: int, *, colour: int = 6, interlace: int = 0) -> bytes:
    """A PNG of 16 bits for each sample, one colour, in as few bytes as can be."""
    samples = {0: 1, 2: 3, 6: 4}[colour]
    steps = png_format.ADAM7 if interlace else png_format.WHOLE
    sizes = [(len(range(x, side, dx)), len(range(y, side, dy))) for x, y, dx, dy in steps]
    rows = b"".join((b"\4" + bytes(columns * samples * 2)) * count for columns, count in sizes)
    return png(width=side, height=side, depth=16, colour=colour, interlace=interlace, pixels=rows)


@pytest.fixture
def nothing_decodes(monkeypatch):
    def decode(*_):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(pixels, "check", decode)
    monkeypatch.setattr(pixels, "convert", decode)
    monkeypatch.setattr(png_format, "check_pixels", decode)


@pytest.mark.usefixtures("nothing_decodes")
@pytest.mark.parametrize(("count", "mode"), [(90, "L"), (100, "RGB"), (60, "CMYK")])
def test_scans_without_end_over_many_pixels(count, mode):
    data = scans(count, mode=mode)
    assert len(data) < 1_000_000
    with pytest.raises(InvalidImage, match="takes too long to decode"):
        checked(data)


def test_as_many_scans_over_few_pixels():
    data = scans(90, 300)
    assert checked(data).data is data


ORDINARY = {
    "25 megapixels, one bit": ("PNG", lambda: bilevel(5000, 5000)),
    "25 megapixels, 16 bits, four samples": ("PNG", lambda: sixteen(5000)),
    "24 megapixels, baseline": ("JPEG", lambda: encoded(Image.new("RGB", (6000, 4000)), "JPEG")),
    "24 megapixels, progressive": ("JPEG", lambda: encoded(Image.new("RGB", (6000, 4000)), "JPEG", progressive=True)),
    "24 megapixels, for print": ("JPEG", lambda: encoded(Image.new("CMYK", (6000, 4000)), "JPEG")),
    "24 megapixels, webp": ("WEBP", lambda: encoded(Image.new("RGB", (6000, 4000)), "WEBP", method=0)),
    "25 megapixels, gif": ("GIF", lambda: encoded(Image.new("P", (5000, 5000)), "GIF")),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_large_pictures_as_people_have_them_are_within_the_bound(name):
    kind, make = ORDINARY[name]
    survey = next(form.survey for form in FORMATS if form.name == kind)
    assert survey(make()).work <= MAX_WORK


def test_what_costs_more_is_estimated_higher():
    plain, deep = png_format.survey(sixteen(500, colour=2)).work, png_format.survey(sixteen(500)).work
    assert plain < deep < png_format.survey(sixteen(500, interlace=1)).work
    few, many = jpeg.survey(scans(10, 300)).work, jpeg.survey(scans(90, 300)).work
    assert 4 * few < many
    one, four = jpeg.survey(encoded(noise(), "JPEG")).work, jpeg.survey(encoded(noise(mode="CMYK"), "JPEG")).work
    assert one < four


def test_a_picture_that_must_be_turned_costs_more():
    exif = Image.Exif()
    exif[0x0112] = 6
    spent: list[int] = []
    checked(encoded(noise(), "JPEG"), spent.append)
    checked(encoded(noise(), "JPEG", exif=exif), spent.append)
    assert spent[1] > 2 * spent[0]


def test_the_images_of_a_request_are_added_up():
    work = WorkOfRequest()
    work.spend(MAX_WORK_OF_REQUEST - 1)
    work.spend(1)
    with pytest.raises(InvalidImage, match="together"):
        work.spend(1)


@pytest.fixture
async def images():
    async with serving() as server:
        images = Images(Fetcher([server.address]))
        yield images
        await images.close()


async def test_work_is_told_before_it_is_done(images, monkeypatch):
    told: list[int] = []

    def refuse(work: int) -> None:
        told.append(work)
        raise InvalidImage("too much")

    url = data_url("image/png", encoded(noise(), "PNG"))
    assert await images.prepare(url, owner="u", param="p", spend=told.append) is url
    monkeypatch.setattr(pixels, "check", lambda *_: told.append(-1))
    spend: SpendWork = refuse
    with pytest.raises(InvalidImage, match="too much") as caught:
        await images.prepare(url, owner="u", param="p", spend=spend)
    assert (caught.value.param, told[1:]) == ("p", told[:1])


def test_only_the_first_frame_of_many_is_decoded():
    frames = [noise(mode="P").rotate(number) for number in range(30)]
    for name, survey in (("GIF", gif_format.survey), ("WEBP", webp.survey)):
        whole = survey(encoded(frames[0], name, save_all=True, append_images=frames[1:]))
        single = survey(encoded(frames[0], name, save_all=True, append_images=frames[1:2]))
        assert len(whole.bare) == len(single.bare)
    assert gif_format.survey(gif(dot(), *[dot(2, 2)] * 900)).bare == gif(dot())
