"""Secrets in what an upstream says, however it writes them."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tollkeeper.services.upstreams.redaction import REDACTED, Redactor

SECRET = 'sk-A/b+"c"=f?g_0123456789'
redact = Redactor([SECRET, "other+secret/value"])


@pytest.mark.parametrize(
    "said",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(json.dumps(SECRET))[3:-3],
        SECRET.replace("/", "\\/"),
        SECRET.replace("/", "\\\\/"),
        SECRET.replace("+", "\\u002b").replace("/", "\\u002F"),
        "".join(f"\\u{ord(char):04x}" for char in SECRET),
        quote(SECRET, safe=""),
        quote(quote(SECRET, safe=""), safe=""),
        "".join(f"%{ord(char):02x}" for char in SECRET),
        SECRET[:8],
        SECRET[:20],
        SECRET[4:],
        "other\\u002bsecret%2fvalue",
    ],
)
def test_it_is_taken_out_and_nothing_else(said: str) -> None:
    assert redact(f"Incorrect key: {said}. Try \\ 100% \\u00e9 again.") == (
        f"Incorrect key: {REDACTED}. Try \\ 100% \\u00e9 again."
    )
    assert redact(said) == REDACTED


def test_every_time_it_is_said() -> None:
    assert redact(f"{SECRET} and {SECRET[:9]}...{SECRET[-8:]}") == f"{REDACTED} and {REDACTED}...{REDACTED}"


@pytest.mark.parametrize("text", ["", "\\", "a\\", "\\\\", "%", "%4", "\\u00", SECRET[:7], "sk-A", "\n", "\\n"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


def test_short_secrets_are_found_whole_and_very_short_ones_not_at_all() -> None:
    assert Redactor(["abcde"])("xabcdexabcdx") == f"x{REDACTED}xabcdx"
    assert Redactor(["abc", ""])("abc") == "abc"


def test_it_shows_no_secret_itself() -> None:
    assert SECRET not in repr(redact)
