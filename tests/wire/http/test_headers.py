from __future__ import annotations

import pytest

from tollkeeper.wire.http.headers import check_header, check_header_value


@pytest.mark.parametrize(
    ("name", "value"), [("api-key", "sk-1"), ("HTTP-Referer", "https://a.example/b?c"), ("x", "two words"), ("x", "y")]
)
def test_headers_that_can_be_sent(name: str, value: str) -> None:
    check_header(name, value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "a\n", "é", "a" * 101])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        check_header(name, "v")


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "connection", "Content-Type", "expect"]
)
def test_what_only_the_client_itself_can_know(name: str) -> None:
    with pytest.raises(ValueError, match="leave it out"):
        check_header(name, "v")


@pytest.mark.parametrize("value", ["", "a\r\nb: c", "a\nb", "a\rb", "a\x00b", "a\tb", "a\x7fb", " a", "a ", "a\n", "é"])
def test_values_that_cannot_be_sent_are_refused_unseen(value: str) -> None:
    with pytest.raises(ValueError, match="the value of 'x' cannot be sent") as refused:
        check_header_value("x", f"{value}hidden{value}" if value else value)
    assert "hidden" not in str(refused.value)
