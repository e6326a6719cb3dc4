"""A picture that EXIF turns is turned before its EXIF is lost; and of metadata nothing reaches a decoder."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import pytest
from PIL import Image, ImageOps

from tests.services.images.samples import PNG_MAGIC, chunk, encoded, ifd, noise, png
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.check import checked
from tollkeeper.wire.images import exif, jpeg, webp
from tollkeeper.wire.images import gif as gif_format
from tollkeeper.wire.images import png as png_format

MARKED = ("WEBP", "JPEG", "PNG")
LOSSLESS: dict[str, dict[str, Any]] = {
    "WEBP": {"lossless": True, "exact": True},
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
}


def corners(width: int = 64, height: int = 32) -> Image.Image:
    """No turn of it looks like another."""
    image = Image.new("RGB", (width, height))
    image.paste((250, 0, 0), (0, 0, width // 2, height // 2))
    image.paste((0, 250, 0), (width // 2, 0, width, height // 2))
    image.paste((0, 0, 250), (0, height // 2, width // 2, height))
    return image


def turned(name: str, orientation: int, image: Image.Image | None = None) -> bytes:
    marks = Image.Exif()
    marks[0x0112] = orientation
    return encoded(image or corners(), name, exif=marks, **LOSSLESS[name])


def seen(data: bytes) -> Image.Image:
    """As who knows nothing of EXIF sees it, in small."""
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").resize((4, 4), Image.Resampling.BOX)


def shown(data: bytes) -> Image.Image:
    """As viewers show it to people."""
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
        return upright.convert("RGB").resize((4, 4), Image.Resampling.BOX)


def alike(one: Image.Image, other: Image.Image) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(one.tobytes(), other.tobytes(), strict=True))


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_model_sees_what_people_see(name, orientation):
    data = turned(name, orientation)
    assert not alike(seen(data), shown(data))
    picture = checked(data)
    assert picture.media_type == ("image/jpeg" if name == "JPEG" else "image/png")
    assert alike(seen(picture.data), shown(data))
    assert alike(shown(picture.data), shown(data)), "and whoever reads EXIF turns it no further"
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.size == ((32, 64) if orientation > 4 else (64, 32))


@pytest.mark.parametrize("orientation", [2, 6])
@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_a_jpeg_keeps_its_mode_and_quality(mode, orientation):
    data = turned("JPEG", orientation, noise(64, 32).convert(mode))
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(checked(data).data)) as after:
        assert (after.format, after.mode) == ("JPEG", mode)
        assert after.quantization == before.quantization  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", [1, 0, 9, 65535])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_what_stands_upright_or_says_nonsense_is_not_touched(name, orientation):
    data = turned(name, orientation)
    assert checked(data).data is data


def greedy_exif(size: int) -> bytes:
    """Fields that claim megabytes each: whoever reads them all copies gigabytes, or writes a warning for each."""
    fields = b"".join(struct.pack("<HHII", 0x9000 + number, 7, size - 100, 8) for number in range(2000))
    return b"II*\0" + struct.pack("<IH", 8, 2000) + fields + bytes(size - len(fields) - 10)


def segments(data: bytes) -> bytes:
    """EXIF in as many segments of a JPEG as it takes."""
    parts = [exif.HEAD + data[start : start + 65_000] for start in range(0, len(data), 65_000)]
    return b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts)


def test_of_metadata_nothing_reaches_a_decoder():
    marker = b"not-for-decoders"
    plain = encoded(noise(), "JPEG")
    text = marker * 3000
    comment = b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text
    profile = b"\xff\xe2" + struct.pack(">H", len(text) + 16) + b"ICC_PROFILE\0\1\1" + text
    pixels_of_jpeg = jpeg.survey(plain[:2] + comment + profile + plain[2:] + plain + text).bare
    assert pixels_of_jpeg == plain
    texts = chunk(b"tEXt", b"a\0" + marker) + chunk(b"eXIf", ifd() + marker) + chunk(b"fdAT", marker)
    assert png_format.survey(png(extra=texts) + marker).bare == png()
    frame = encoded(noise(mode="P"), "GIF")
    said = frame[:-1] + b"!\xfe\x10" + marker + b"\0!\xff\x0bXMP DataXMP\x10" + marker + b"\0;" + marker
    assert marker not in gif_format.survey(said).bare
    marked = encoded(noise(), "WEBP", exif=exif.HEAD + ifd() + marker, icc_profile=marker, xmp=marker)
    assert marker in marked
    assert marker not in webp.survey(marked).bare


def test_greedy_exif_is_not_read():
    data = greedy_exif(3_000_000)
    plain = encoded(noise(), "JPEG")
    start = 4 + int.from_bytes(plain[4:6], "big")
    for whole in (plain[:2] + segments(data) + plain[start:], png(extra=chunk(b"eXIf", data))):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert checked(whole).data is whole


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(9_000_000), 9)),
        chunk(b"iTXt", b"a\0\1\0en\0a\0" + zlib.compress(bytes(9_000_000), 9)),
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000), 9)) * 10,
    ],
    ids=["iCCP", "iTXt", "many zTXt"],
)
def test_metadata_that_inflates_without_end_is_refused(extra):
    """Our decoder never sees it, but others would."""
    with pytest.raises(InvalidImage, match="its texts are too long"):
        checked(png(extra=extra))


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(3_000_000), 9)),
        chunk(b"iTXt", b"a\0\0\0en\0a\0" + zlib.compress(bytes(9_000_000), 9)),
        chunk(b"zTXt", b"a\0\0nothing of zlib"),
        chunk(b"zTXt", b""),
        chunk(b"iTXt", b"a\0\1\0"),
    ],
)
def test_other_metadata_is_nobodys_business(extra):
    data = png(extra=extra)
    assert data.startswith(PNG_MAGIC)
    assert checked(data).data is data
