import gzip
import sys
import zlib

import brotli
import pytest

from tollkeeper.rules.errors import BadRequest, UnsupportedCoding
from tollkeeper.wire.http.content_coding import CODINGS, PIECE, SLACK, decoder_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def raw_deflate(data):
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
EACH = [*CODERS.items(), ("deflate", raw_deflate)]
TEXT = bytes(range(256)) * 2000 + b"a" * 300_000


def decoded(coding, data, size=1000, most=None):
    """All of it, fed `size` bytes at a time."""
    decoder = decoder_of(coding)
    assert decoder is not None
    out: list[bytes] = []
    for at in range(0, len(data), size):
        decoder.feed(data[at : at + size])
        while (piece := decoder.take()) is not None:
            assert 0 < len(piece) <= 3 * PIECE
            out.append(piece)
            if most is not None and decoder.decoded > most:
                return b"".join(out)
    decoder.finish()
    return b"".join(out)


def test_every_coding_is_tried():
    assert CODERS.keys() == CODINGS.keys()


@pytest.mark.parametrize(("coding", "coder"), EACH)
@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_what_was_coded_is_decoded(coding, coder, size):
    assert decoded(coding, coder(TEXT), size) == TEXT
    assert decoded(coding, coder(b"x"), size) == b"x"


def test_several_codings_were_applied_in_their_order():
    assert decoded("gzip, br", brotli.compress(gzip.compress(TEXT))) == TEXT
    assert decoded(" Identity ,ZSTD,, deflate", zlib.compress(zstd.compress(TEXT))) == TEXT


@pytest.mark.parametrize("header", ["", "identity", "identity, identity"])
def test_what_is_not_coded_needs_no_decoder(header):
    assert decoder_of(header) is None


@pytest.mark.parametrize("header", ["compress", "aes128gcm", "gzip, x", "gzip;q=1", "gzip,gzip,gzip,gzip", "snappy"])
def test_other_codings_are_refused(header):
    with pytest.raises(UnsupportedCoding, match="Content-Encoding"):
        decoder_of(header)


@pytest.mark.parametrize(("coding", "coder"), EACH)
@pytest.mark.parametrize("cut", [1, 5, 100])
def test_what_was_cut_off_is_said_to_be(coding, coder, cut):
    with pytest.raises(BadRequest, match="cut off"):
        decoded(coding, coder(TEXT)[:-cut])


@pytest.mark.parametrize(("coding", "coder"), EACH)
@pytest.mark.parametrize("size", [1, 10**6])
def test_what_follows_the_end_is_refused(coding, coder, size):
    with pytest.raises(BadRequest, match=coding):
        decoded(coding, coder(TEXT) + b"garbage", size)


@pytest.mark.parametrize(("coding", "coder"), EACH)
def test_what_is_not_coded_as_it_says_is_refused(coding, coder):
    with pytest.raises(BadRequest, match=coding):
        decoded(coding, b'{"model": "tiny", "messages": []}' * 9)
    broken = bytearray(coder(TEXT))
    broken[len(broken) // 2 :] = b"\xff" * (len(broken) - len(broken) // 2)
    with pytest.raises(BadRequest, match=coding):
        decoded(coding, bytes(broken))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_streams_may_follow_one_another(coding):
    coder = CODERS[coding]
    for size in (1, 10**6):
        assert decoded(coding, coder(b"a") + coder(b"") + coder(b"b"), size) == b"ab"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_streams_of_nothing_are_bounded(coding):
    with pytest.raises(BadRequest):
        decoded(coding, CODERS[coding](b"") * 5000, 10**6)


@pytest.mark.parametrize(("coding", "coder"), [*EACH, ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data)))])
def test_a_bomb_comes_in_pieces_and_goes_no_further_than_is_asked(coding, coder):
    bomb = coder(bytes(50_000_000))
    out = decoded(coding, bomb, 10**6, most=1_000_000)
    assert 1_000_000 < len(out) < 1_000_000 + 4 * PIECE


def test_a_window_of_zstd_is_bounded():
    wide: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    squeezer = zstd.ZstdCompressor(options=wide)
    with pytest.raises(BadRequest, match="zstd"):
        decoded("zstd", squeezer.compress(TEXT) + squeezer.flush())


def test_more_code_than_content_is_refused():
    empty_block = b"\x00\x00\x00\xff\xff"
    with pytest.raises(BadRequest, match="longer than its content"):
        decoded("deflate", b"\x78\x01" + empty_block * (SLACK // 4), 10_000)


def test_nothing_at_all_is_nothing():
    assert decoded("gzip", b"") == b""
