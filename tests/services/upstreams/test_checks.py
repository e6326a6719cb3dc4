"""What an admin may set of an upstream; the API's tests have what is refused."""

from __future__ import annotations

import ssl

import pytest

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.services.upstreams.checks import check_ca_file, check_header, check_secret, check_url
from tollkeeper.services.upstreams.config import Secret


@pytest.mark.parametrize(
    ("given", "kept"),
    [("https://a.example/v1/", "https://a.example/v1"), ("http://a", "http://a"), ("http://[::1]:1", "http://[::1]:1")],
)
def test_an_address_is_kept_without_its_last_slash(given, kept):
    assert check_url(given) == kept


def test_a_refused_address_does_not_repeat_its_password():
    with pytest.raises(Unprocessable) as refused:
        check_url("http://me:hunter2@a.example")
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize("value", ["sk-proj-0123", "~!x"])
def test_secrets_and_headers_that_can_be_sent(value):
    check_secret(Secret(value))
    check_header("api-key", Secret(value))
    check_header("authorization", Secret(f"Basic {value}"))


@pytest.mark.parametrize(
    "value", ["", " hunter2", "hunter2 ", "hunter2\nb", "hunter2\rb", "\0hunter2", "ähunter2", "hunter2\x7f"]
)
def test_a_refused_value_is_not_repeated(value):
    for check in (check_secret, lambda secret: check_header("api-key", secret)):
        with pytest.raises(Unprocessable) as refused:
            check(Secret(value))
        assert "hunter2" not in refused.value.message


def test_a_file_of_authorities_is_taken():
    path = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    check_ca_file(path)


def test_a_file_without_one_is_refused(tmp_path):
    (empty := tmp_path / "empty.pem").write_text("")
    with pytest.raises(Unprocessable, match=r"ca_file"):
        check_ca_file(str(empty))
