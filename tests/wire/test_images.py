from __future__ import annotations

import base64

import pytest

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.wire import images


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
    assert images.kind(url) == kind


@pytest.mark.parametrize(
    "url",
    ["", "data", "http", "ftp://example.com/a", "file:///etc/passwd", "//example.com/a.png", " http://example.com/",
     "httpsx://example.com/", "javascript:alert(1)", "iVBORw0KGgo=", "blob:http://example.com/1"],
)  # fmt: skip
def test_other_schemes_are_refused(url):
    with pytest.raises(InvalidImage, match=r"http\(s\)"):
        images.kind(url)


@pytest.mark.parametrize("data", [b"a", b"ab", b"abc", bytes(range(256))])
def test_there_and_back(data):
    url = images.data_url("image/png", data)
    assert url == "data:image/png;base64," + base64.b64encode(data).decode()
    assert images.parse_data_url(url, 256) == ("image/png", data)


def test_scheme_type_and_encoding_have_no_case():
    assert images.parse_data_url("Data:Image/PNG;Base64,YWJj", 10) == ("image/png", b"abc")


@pytest.mark.parametrize(
    "head",
    ["data:,", "data:image/png,", "data:;base64,", "data:image;base64,", "data:image/png;charset=utf-8;base64,",
     "data:image/png; base64,", "data: image/png;base64,", "data:image/png;base64;", "data:" + "a" * 100_000],
)  # fmt: skip
def test_malformed_heads(head):
    with pytest.raises(InvalidImage, match="must begin like"):
        images.parse_data_url(head + "YWJj", 10**6)


@pytest.mark.parametrize(
    "payload",
    ["YWJ", "YWJjZA", "YWJjZA=", "YWJj=", "=", "YWJj====", "YW==Jj", "YWJj\n", "YW Jj", "YWJj\r\n", "-_-_", "YWJj,",
     "ÿWJj", "%59WJj", "YWJj#x"],
)  # fmt: skip
def test_junk_in_base64(payload):
    with pytest.raises(InvalidImage, match="base64"):
        images.parse_data_url("data:image/png;base64," + payload, 100)


def test_empty():
    with pytest.raises(InvalidImage, match="empty"):
        images.parse_data_url("data:image/png;base64,", 100)


@pytest.mark.parametrize("size", [97, 98, 99, 100])
def test_up_to_the_bound(size):
    assert len(images.parse_data_url(images.data_url("image/png", bytes(size)), 100)[1]) == size


@pytest.mark.parametrize("size", [101, 102, 103, 104, 10_000])
def test_over_the_bound(size):
    with pytest.raises(InvalidImage, match="larger than 100 bytes"):
        images.parse_data_url(images.data_url("image/png", bytes(size)), 100)


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
    assert images.is_plain(url, media_type) is plain
