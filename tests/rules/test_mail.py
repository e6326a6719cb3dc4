"""E-mail addresses."""

import pytest

from tollkeeper.rules.mail import is_mail_address


@pytest.mark.parametrize("text", ["a@b", "ops+alerts@mail.example.com", "o'hara@example.com", "a@1.2.3"])
def test_addresses(text: str) -> None:
    assert is_mail_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b.", "a@.b", "a@-b", "a@b c", "a@b\r\nBcc: c@d", "a@b\n", '"a"@b',
        "ä@b", "a@ä", "a,b@c", "<a@b>", "a" * 65 + "@b", "a@" + "b" * 253,
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert not is_mail_address(text)
