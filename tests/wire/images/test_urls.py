from __future__ import annotations

import base64

import pytest

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.wire.images import urls


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("data:image/png;base64,AAAA", "data"),
        ("DATA:image/png;base64,AAAA", "data"),
        ("http://example.com/a.png", "web"),
        ("HTTPS://example.com/a.png", "web"),
    ],
)
def test_kinds(url, kind):
    assert urls.kind(url) == kind


@pytest.mark.parametrize(
    "url",
    ["", "data", "http", "ftp://example.com/a", "file:///etc/passwd", "//example.com/a.png", " http://example.com/",
     "httpsx://example.com/", "javascript:alert(1)", "iVBORw0KGgo=", "blob:http://example.com/1"],
)  # fmt: skip
def test_other_schemes_are_refused(url):
    with pytest.raises(InvalidImage, match=r"http\(s\)"):
        urls.kind(url)


@pytest.mark.parametrize("data", [b"a", b"ab", b"abc", bytes(range(256))])
def test_there_and_back(data):
    url = urls.data_url("image/png", data)
    assert url == "data:image/png;base64," + base64.b64encode(data).decode()
    assert urls.parse_data_url(url, 256) == ("image/png", data)


def test_scheme_type_and_encoding_have_no_case():
    assert urls.parse_data_url("Data:Image/PNG;Base64,YWJj", 10) == ("image/png", b"abc")


@pytest.mark.parametrize(
    "head",
    ["data:,", "data:image/png,", "data:image;base64,", "data:base64,", "data:image/png;charset;base64,",
     "data:image/png;a=b c;base64,", "data:image/png" + ";a=b" * 9 + ";base64,", "data:;" + "a=b;" * 20_000 + "base64,",
     "data:image/png; base64,", "data: image/png;base64,", "data:image/png;base64;", "data:" + "a" * 100_000],
)  # fmt: skip
def test_malformed_heads(head):
    with pytest.raises(InvalidImage, match="must begin like"):
        urls.parse_data_url(head + "YWJj", 10**6)


@pytest.mark.parametrize(
    "payload",
    ["YWJ", "YWJjZA", "YWJjZA=", "YWJj=", "=", "YWJj====", "YW==Jj", "YW Jj", "YWJj\t", "YWJ\n", "-_-_", "YWJj,",
     "ÿWJj", "%59WJj", "YWJj#x"],
)  # fmt: skip
def test_junk_in_base64(payload):
    with pytest.raises(InvalidImage, match="base64"):
        urls.parse_data_url("data:image/png;base64," + payload, 100)


@pytest.mark.parametrize(
    ("head", "declared"),
    [
        ("data:;base64,", ""),
        ("data:image/png;charset=utf-8;base64,", "image/png"),
        ("data:image/png;charset=UTF-8;BASE64,", "image/png"),
        ('DATA:Image/PNG;name="a;b.png";charset=utf-8;Base64,', "image/png"),
        ("data:;charset=utf-8;base64,", ""),
    ],
)
def test_a_media_type_may_have_parameters_or_be_absent(head, declared):
    assert urls.parse_data_url(head + "YWJj", 10) == (declared, b"abc")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 57, 58, 1000, urls.SLICE - 1, urls.SLICE + 1, 3 * urls.SLICE])
def test_base64_may_be_broken_into_lines(ends, size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    payload = base64.b64encode(data).decode()
    broken = ends + ends.join(payload[start : start + 76] for start in range(0, len(payload), 76)) + ends
    assert urls.parse_data_url("data:image/png;base64," + broken, size) == ("image/png", data)
    assert urls.data_url("image/png", data) == "data:image/png;base64," + payload
    assert not urls.is_plain("data:image/png;base64," + broken, "image/png")
    assert urls.is_plain("data:image/png;base64," + payload, "image/png")


@pytest.mark.parametrize("place", [0, 1, urls.SLICE // 4 - 1, urls.SLICE // 4])
def test_padding_between_slices(place):
    payload = "YWJj" * place + "YW==" + "YWJj" * (urls.SLICE // 4)
    with pytest.raises(InvalidImage, match="base64"):
        urls.parse_data_url("data:image/png;base64," + payload, 10**7)


def test_lines_do_not_count_as_bytes():
    payload = "\n".join(base64.b64encode(bytes(100)).decode())
    assert urls.parse_data_url("data:;base64," + payload, 100) == ("", bytes(100))


@pytest.mark.parametrize("payload", ["\n", "\r\n\r\n"])
def test_lines_of_nothing(payload):
    with pytest.raises(InvalidImage, match="empty"):
        urls.parse_data_url("data:image/png;base64," + payload, 100)


def test_empty():
    with pytest.raises(InvalidImage, match="empty"):
        urls.parse_data_url("data:image/png;base64,", 100)


@pytest.mark.parametrize("size", [97, 98, 99, 100])
def test_up_to_the_bound(size):
    assert len(urls.parse_data_url(urls.data_url("image/png", bytes(size)), 100)[1]) == size


@pytest.mark.parametrize("size", [101, 102, 103, 104, 10_000])
def test_over_the_bound(size):
    with pytest.raises(InvalidImage, match="larger than 100 bytes"):
        urls.parse_data_url(urls.data_url("image/png", bytes(size)), 100)


@pytest.mark.parametrize(
    ("url", "media_type", "plain"),
    [
        ("data:image/png;base64,AAAA", "image/png", True),
        ("data:image/jpeg;base64,AAAA", "image/jpeg", True),
        ("data:image/jpg;base64,AAAA", "image/jpeg", True),
        ("data:image/jpeg;base64,AAAA", "image/png", False),
        ("data:image/PNG;base64,AAAA", "image/png", False),
        ("data:image/webp;base64,AAAA", "image/webp", False),
    ],
)
def test_plain_spellings(url, media_type, plain):
    assert urls.is_plain(url, media_type) is plain
