"""Who asks for a model."""

from types import SimpleNamespace

import pytest

from tests.services.in_memory import BOOTSTRAP, ROOT, InMemoryAccounts
from tollkeeper.gateway.identity import authenticate
from tollkeeper.rules.errors import Forbidden, InvalidKey
from tollkeeper.wire.http.cookies import cookie_name


def asking(*headers, method="POST", secret_in_path=None):
    return SimpleNamespace(
        method=method,
        all_headers=[(b"host", b"x"), *headers],
        created_at=1_795_000_000_000,
        secret_in_path=secret_in_path,
        digest_of=lambda key, digest: digest(key),
        repeated_key=lambda: None,
    )


@pytest.fixture
async def house():
    house = InMemoryAccounts()
    await house.accounts.create_user("alice", ROOT, secret="sk-alice-123", password="wonderland")
    return house


async def test_by_a_key_in_a_header_or_in_the_path(house):
    by_header = authenticate(asking((b"authorization", b"Bearer sk-alice-123")), house.accounts)
    by_path = authenticate(asking(secret_in_path="sk-alice-123"), house.accounts)
    assert by_header.user.user_id == by_path.user.user_id == "alice"
    assert by_header.key is not None


async def test_nobody_and_the_operator_use_no_models(house):
    with pytest.raises(InvalidKey):
        authenticate(asking(), house.accounts)
    with pytest.raises(Forbidden):
        authenticate(asking((b"authorization", b"Bearer " + BOOTSTRAP.encode())), house.accounts)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_cookie_that_no_page_of_ours_sent_is_refused_whatever_the_method(house, method):
    cookie = f"{cookie_name('x')}=secret-of-a-session".encode()
    with pytest.raises(Forbidden, match="x-csrf-token"):
        authenticate(asking((b"cookie", cookie), method=method), house.accounts)
