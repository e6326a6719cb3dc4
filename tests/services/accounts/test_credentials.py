"""What a request shows of who asks: a key before a cookie."""

import pytest

from tests.services.in_memory import ROOT
from tollkeeper.rules.errors import Forbidden, InvalidKey
from tollkeeper.services.accounts.credentials import presented

HOST = (b"host", b"localhost")
COOKIE = (b"cookie", b"tollkeeper_session=not-a-session")


@pytest.fixture
async def accounts(house):
    await house.accounts.create_user("alice", ROOT, secret="sk-alice-123")
    return house.accounts


async def test_a_key_is_given_as_it_is_shown_known_or_not(accounts):
    for key in ("sk-alice-123", "sk-nobody"):
        headers = [HOST, (b"authorization", f"Bearer {key}".encode())]
        assert presented(accounts, "POST", headers, guarded=True) == key
    assert presented(accounts, "POST", [HOST], guarded=True, key_in_path="sk-alice-123") == "sk-alice-123"


async def test_a_key_wins_over_a_cookie(accounts):
    headers = [HOST, COOKIE, (b"x-api-key", b"sk-alice-123")]
    assert presented(accounts, "POST", headers, guarded=True) == "sk-alice-123"


async def test_nothing_is_no_key_and_a_cookie_must_come_from_a_page_of_ours(accounts):
    with pytest.raises(InvalidKey):
        presented(accounts, "GET", [HOST], guarded=False)
    with pytest.raises(Forbidden):
        presented(accounts, "POST", [HOST, COOKIE], guarded=False)


async def test_two_keys_that_differ_are_refused(accounts):
    headers = [HOST, (b"authorization", b"Bearer sk-alice-123"), (b"x-api-key", b"sk-nobody")]
    with pytest.raises(InvalidKey):
        presented(accounts, "POST", headers, guarded=True)
