"""Pictures made on the spot, whole ones and bad ones."""

from __future__ import annotations

import io
import random
import struct
import zlib

from PIL import Image

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def noise(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """The same each time."""
    return Image.frombytes("L", (width, height), random.Random(7).randbytes(width * height)).convert(mode)


def encoded(image: Image.Image, name: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.convert("RGBA")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*, width=1, height=1, depth=8, colour=0, interlace=0, pixels: bytes = b"\0\0", extra: bytes = b"") -> bytes:
    """A PNG by hand, to say what no encoder would. `pixels` is the data before it is deflated."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = chunk(b"IDAT", zlib.compress(pixels, 9))
    return PNG_MAGIC + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")


def bilevel(width: int, height: int) -> bytes:
    """The cheapest large PNG: one bit for a pixel."""
    return png(width=width, height=height, depth=1, pixels=bytes(height * (1 + (width + 7) // 8)))


def gif(*pictures: bytes, screen=(1, 1), trailer: bytes = b";") -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + b"".join(pictures) + trailer


def dot(left: int = 0, top: int = 0, width: int = 1, height: int = 1) -> bytes:
    """A GIF's picture of one pixel, whatever size it claims."""
    return b"," + struct.pack("<4HB", left, top, width, height, 0) + b"\x02\x02\x44\x01\x00"


def ifd(*fields: tuple[int, int, int, int], end: str = "<") -> bytes:
    packed = b"".join(struct.pack(f"{end}HHIHH", *field, 0) for field in fields)
    return (b"II*\0" if end == "<" else b"MM\0*") + struct.pack(f"{end}IH", 8, len(fields)) + packed + bytes(4)
