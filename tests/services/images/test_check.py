from __future__ import annotations

import re
import struct
import zlib

import pytest
from PIL import ImageFile

from tests.services.images.samples import bilevel, chunk, decoded, dot, encoded, gif, noise, png
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.check import checked
from tollkeeper.wire.images.bounds import MAX_BYTES, MAX_FRAMES, MAX_PARTS, MAX_PIXELS
from tollkeeper.wire.images.jpeg import MAX_SCANS

PASSING = {
    "png": (encoded(noise(), "PNG"), "image/png"),
    "png with alpha": (encoded(noise(mode="RGBA"), "PNG"), "image/png"),
    "png with a palette": (encoded(noise(mode="P"), "PNG"), "image/png"),
    "png of one bit": (encoded(noise(mode="1"), "PNG"), "image/png"),
    "png of sixteen bits": (encoded(noise(mode="I;16"), "PNG"), "image/png"),
    "png with two frames": (encoded(noise(), "PNG", save_all=True, append_images=[noise()]), "image/png"),
    "jpeg": (encoded(noise(), "JPEG"), "image/jpeg"),
    "jpeg, progressive": (encoded(noise(), "JPEG", progressive=True), "image/jpeg"),
    "jpeg in grey": (encoded(noise(mode="L"), "JPEG"), "image/jpeg"),
    "jpeg for print": (encoded(noise(mode="CMYK"), "JPEG"), "image/jpeg"),
    "jpeg with restarts": (encoded(noise(), "JPEG", restart_marker_blocks=2), "image/jpeg"),
    "jpeg with a second picture": (encoded(noise(), "MPO", save_all=True, append_images=[noise()]), "image/jpeg"),
}
CONVERTED = {
    "gif": encoded(noise(mode="P"), "GIF"),
    "gif in grey": encoded(noise(mode="L"), "GIF"),
    "gif with transparency": encoded(noise(mode="P"), "GIF", transparency=3),
    "gif, animated": encoded(noise(), "GIF", save_all=True, append_images=[noise(), noise()]),
    "webp": encoded(noise(), "WEBP"),
    "webp, lossless": encoded(noise(), "WEBP", lossless=True),
    "webp with alpha": encoded(noise(mode="RGBA"), "WEBP", lossless=True, exact=True),
    "webp, animated": encoded(noise(), "WEBP", save_all=True, append_images=[noise(), noise()]),
}
WHOLE = {name: data for name, (data, _) in PASSING.items()} | CONVERTED


@pytest.mark.parametrize("name", PASSING)
def test_png_and_jpeg_keep_their_bytes(name):
    data, media_type = PASSING[name]
    picture = checked(data)
    assert picture.media_type == media_type
    assert picture.data is data


@pytest.mark.parametrize("name", CONVERTED)
def test_the_others_become_a_png_of_the_first_frame(name):
    picture = checked(CONVERTED[name])
    assert picture.media_type == "image/png"
    assert checked(picture.data).data is picture.data
    assert decoded(picture.data).tobytes() == decoded(CONVERTED[name]).tobytes()


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_thin_ones(name, size):
    assert decoded(checked(encoded(noise(*size), name)).data).size == size


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, -20, -8, -4, -2, -1])
def test_truncated(name, kept):
    data = WHOLE[name]
    if name == "jpeg with a second picture":
        data = PASSING["jpeg"][0]
    cut = data[: int(len(data) * kept)] if kept > 0 else data[:kept]
    with pytest.raises(InvalidImage, match="damaged"):
        checked(cut)


@pytest.mark.parametrize("name", [name for name in WHOLE if name.startswith("png")])
def test_every_damaged_byte_of_a_png_shows(name):
    data = bytearray(WHOLE[name])
    for place in range(8, len(data), 97):
        data[place] ^= 0x10
        with pytest.raises(InvalidImage):
            checked(bytes(data))
        data[place] ^= 0x10


@pytest.mark.parametrize("name", WHOLE)
def test_damage_never_escapes_as_another_error(name):
    data = bytearray(WHOLE[name])
    for place in range(0, len(data), max(1, len(data) // 60)):
        data[place] ^= 0xA5
        try:
            checked(bytes(data))
        except InvalidImage as error:
            assert re.search("damaged|not a PNG|smaller|not supported", error.message)  # noqa: PT017
        data[place] ^= 0xA5


def test_pixels_that_do_not_decode():
    good = encoded(noise(), "JPEG")
    table = good.index(b"\xff\xc4") + 5
    with pytest.raises(InvalidImage, match="cannot be decoded"):
        checked(good[:table] + b"\xff" * 16 + good[table + 16 :])
    with pytest.raises(InvalidImage, match="pixels are missing"):
        checked(png(width=50, height=50, pixels=bytes(51 * 20)))
    with pytest.raises(InvalidImage, match="pixels cannot be read"):
        checked(png(extra=chunk(b"IDAT", b"not zlib")))


def test_pillow_is_not_told_to_forgive():
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_largest():
    data = bilevel(5000, 5000)
    assert MAX_PIXELS == 5000 * 5000
    assert checked(data).data is data


@pytest.mark.parametrize(
    "data",
    [
        bilevel(5000, 5001),
        bilevel(6500, 4000),
        png(width=2**31 - 1, height=2**31 - 1),
        png(width=25_000_001, height=1, pixels=bytes(25_000_002)),
        gif(dot(), screen=(5001, 5000)),
        gif(dot(60_000, 60_000)),
        b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff" * 6 + bytes(8),
        b"RIFF" + struct.pack("<I", 18) + b"WEBPVP8L" + struct.pack("<I", 5) + b"\x2f\xff\xff\xff\x0f\0",
        b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8 " + struct.pack("<I", 10) + b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f",
        b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\xff\xd9",
    ],
)
def test_too_many_pixels(data):
    with pytest.raises(InvalidImage, match="pixels, more than 25 million"):
        checked(data)


@pytest.mark.parametrize(
    "data",
    [png(width=0), png(height=0), gif(dot(width=0, height=0), screen=(0, 0)),
     b"\xff\xd8\xff\xc0\x00\x0b\x08\0\0\0\x01\x01\x01\x11\x00\xff\xd9"],
)  # fmt: skip
def test_no_pixels(data):
    with pytest.raises(InvalidImage, match="no pixels"):
        checked(data)


def test_more_data_than_pixels():
    """Pillow reads such a file happily; a decoder that inflates first would fill memory."""
    with pytest.raises(InvalidImage, match="more than its pixels"):
        checked(png(pixels=bytes(100_000_000)))


def test_more_text_than_fits():
    bomb = chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(50_000_000), 9))
    with pytest.raises(InvalidImage, match="damaged"):
        checked(png(extra=bomb))


@pytest.mark.parametrize(
    ("width", "height", "depth", "inflated"),
    [(1, 1, 8, 2), (5, 3, 1, 2 * 7), (8, 8, 8, 64 + 15), (9, 1, 8, 9 + 4), (1, 9, 16, 18 + 9)],
)
def test_interlaced(width, height, depth, inflated):
    """`inflated`: the pixels, rounded up to bytes in each row of a pass that has any, and a byte for each such row."""
    shape = {"width": width, "height": height, "depth": depth, "interlace": 1}
    assert checked(png(**shape, pixels=bytes(inflated))).media_type == "image/png"
    with pytest.raises(InvalidImage, match="missing"):
        checked(png(**shape, pixels=bytes(inflated - 1)))
    with pytest.raises(InvalidImage, match="more than"):
        checked(png(**shape, pixels=bytes(inflated + 1)))


def test_endless_scans():
    good = encoded(noise(), "JPEG", progressive=True)
    start = good.index(b"\xff\xda")
    end = good.index(b"\xff\xc4", start)
    with pytest.raises(InvalidImage, match="too many scans"):
        checked(good[:end] + good[start:end] * MAX_SCANS + good[end:])


def test_fill_before_markers():
    good = encoded(noise(), "JPEG")
    table = good.index(b"\xff\xdb")
    filled = good[:table] + b"\xff" * 5 + good[table:-2] + b"\xff" * 5 + good[-2:]
    assert checked(filled).data is filled


def test_fill_without_end():
    """Quadratic work over these would take hours."""
    good = encoded(noise(), "JPEG")
    for data in (good[:2] + b"\xff" * 9_000_000, good[:-2] + b"\xff" * 9_000_000):
        with pytest.raises(InvalidImage, match="damaged"):
            checked(data)


@pytest.mark.parametrize("marker", [0xC3, 0xC9, 0xCA, 0xCF])
def test_coding_that_few_decoders_know(marker):
    good = encoded(noise(), "JPEG")
    with pytest.raises(InvalidImage, match="baseline"):
        checked(good.replace(b"\xff\xc0", bytes((0xFF, marker)), 1))


def test_frames():
    many = gif(*[dot()] * MAX_FRAMES)
    assert checked(many).media_type == "image/png"
    tail = chunk(b"IDAT", b"")
    for data in (
        gif(*[dot()] * (MAX_FRAMES + 1)),
        png(extra=chunk(b"acTL", struct.pack(">II", MAX_FRAMES + 1, 0)) + tail),
        b"RIFF" + struct.pack("<I", 22 + 8 * (MAX_FRAMES + 1)) + b"WEBPVP8X\x0a\0\0\0" + bytes(10)
        + b"ANMF\0\0\0\0" * (MAX_FRAMES + 1),
    ):  # fmt: skip
        with pytest.raises(InvalidImage, match="frames"):
            checked(data)


@pytest.mark.parametrize(
    "data",
    [
        png(extra=chunk(b"abCd", b"") * MAX_PARTS),
        gif(b"!\xfe" + b"\x01a" * (MAX_PARTS + 1) + b"\0", dot()),
        gif(b"!\xfe\0" * (MAX_PARTS + 1), dot()),
        b"\xff\xd8" + b"\xff\xe1\x00\x02" * (MAX_PARTS + 1),
        b"RIFF"
        + struct.pack("<I", 22 + 8 * MAX_PARTS)
        + b"WEBPVP8X\x0a\0\0\0"
        + bytes(10)
        + b"abcd\0\0\0\0" * MAX_PARTS,
    ],
)
def test_too_many_parts(data):
    with pytest.raises(InvalidImage, match="too many parts"):
        checked(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello, world",
        b"<!doctype html><html><img src='a.png'></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b'<?xml version="1.0"?><svg/>',
        encoded(noise(), "BMP"),
        encoded(noise(), "TIFF"),
        encoded(noise(), "ICO"),
        encoded(noise(), "PPM"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"%PDF-1.7\n",
        b"RIFF\0\0\0\0WAVEfmt ",
        b" " + encoded(noise(), "PNG"),
    ],
)
def test_other_files(data):
    with pytest.raises(InvalidImage, match="not a PNG, JPEG, WebP or GIF"):
        checked(data)


@pytest.mark.parametrize(
    "head",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"GIF87a", b"RIFF\0\0\0\0WEBP", b"RIFF\xff\xff\0\0WEBPVP8 "],
)
def test_heads_alone(head):
    for data in (head, head + b"\0", head + bytes(30), head + b"\xff" * 30):
        with pytest.raises(InvalidImage, match=r"damaged|smaller"):
            checked(data)


def test_too_many_bytes():
    good = png()
    assert checked(good + bytes(MAX_BYTES - len(good))).media_type == "image/png"
    with pytest.raises(InvalidImage, match="larger than 10,000,000 bytes"):
        checked(good + bytes(MAX_BYTES - len(good) + 1))


def test_a_conversion_that_grows(monkeypatch):
    monkeypatch.setattr("tollkeeper.services.images.check.MAX_CONVERTED_BYTES", 1000)
    with pytest.raises(InvalidImage, match="send a JPEG"):
        checked(encoded(noise(), "WEBP", quality=10))
