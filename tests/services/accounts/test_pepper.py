from __future__ import annotations

import hmac
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.services.accounts.bootstrap import keep_bootstrap, open_bootstrap
from tollkeeper.services.accounts.pepper import Pepper, open_pepper
from tollkeeper.services.keyring.secrets_file import SecretsError, SecretsFile, secrets_path
from tollkeeper.store.memory.store import MemoryStore


@pytest.fixture
async def book():
    return MemoryStore().installation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return secrets_path(tmp_path / "tollkeeper.db")


async def test_made_at_the_first_start_and_read_at_the_next(book, path):
    first = await open_pepper(SecretsFile(path), book)
    assert path.name == "tollkeeper.db.secrets"
    assert path.stat().st_mode & 0o777 == 0o600
    content = json.loads(path.read_text())
    assert content["version"] == 1
    assert len(bytes.fromhex(content["pepper"])) == 32
    second = await open_pepper(SecretsFile(path), book)
    assert second.digest("sk-alice-123") == first.digest("sk-alice-123")
    assert content["pepper"] not in repr(first)


async def test_each_installation_has_its_own(tmp_path):
    one = await open_pepper(SecretsFile(tmp_path / "one"), MemoryStore().installation)
    two = await open_pepper(SecretsFile(tmp_path / "two"), MemoryStore().installation)
    assert one.digest("sk") != two.digest("sk")


async def test_a_pepper_of_another_database_stops_the_start(book, path):
    await open_pepper(SecretsFile(path), book)
    path.write_text(json.dumps({"version": 1, "pepper": "ab" * 32}))
    with pytest.raises(SecretsError, match="another database") as stopped:
        await open_pepper(SecretsFile(path), book)
    assert "\n" not in str(stopped.value)
    assert str(path) in str(stopped.value)


async def test_a_missing_file_is_not_replaced_when_the_database_knows_better(book, path):
    await open_pepper(SecretsFile(path), book)
    path.unlink()
    with pytest.raises(SecretsError, match="missing"):
        await open_pepper(SecretsFile(path), book)
    assert not path.exists()


async def test_a_file_without_a_check_value_is_taken(book, path):
    # As after a start that ended between making the file and noting its check value.
    await open_pepper(SecretsFile(path), MemoryStore().installation)
    await open_pepper(SecretsFile(path), book)
    path.write_text(json.dumps({"version": 1, "pepper": "ab" * 32}))
    with pytest.raises(SecretsError):
        await open_pepper(SecretsFile(path), book)


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "no json", '{"version": 1}', '{"version": 1, "pepper": "xyz"}', '{"version": 2, "pepper": "00"}'],
)
async def test_a_file_that_is_none(book, path, content):
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(SecretsError) as stopped:
        await open_pepper(SecretsFile(path), book)
    assert "\n" not in str(stopped.value)
    assert path.read_text() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_file_that_others_can_read_stops_the_start(book, path, mode):
    await open_pepper(SecretsFile(path), book)
    path.chmod(mode)
    with pytest.raises(SecretsError, match="chmod 600"):
        await open_pepper(SecretsFile(path), book)


async def test_a_folder_that_is_not_there(book, tmp_path):
    with pytest.raises(SecretsError, match="cannot be made"):
        await open_pepper(SecretsFile(tmp_path / "none" / "secrets"), book)


async def test_the_bootstrap_key_is_made_once(book):
    secrets = Pepper(b"p" * 32)
    first = await open_bootstrap(None, secrets, book)
    assert first.made is not None
    assert first.digest == secrets.digest(first.made)
    assert first.made not in repr(first)
    unseen = await open_bootstrap(None, secrets, book)
    assert unseen.digest != first.digest, "what was not shown is not kept"
    await keep_bootstrap(first, book)
    second = await open_bootstrap(None, secrets, book)
    assert (second.made, second.digest) == (None, first.digest)


async def test_a_configured_bootstrap_key_is_the_only_one(book):
    secrets = Pepper(b"p" * 32)
    await keep_bootstrap(await open_bootstrap(None, secrets, book), book)
    configured = await open_bootstrap("chosen", secrets, book)
    assert (configured.made, configured.digest) == (None, secrets.digest("chosen"))


async def test_a_configured_pepper_needs_no_file(book, path):
    secrets = await open_pepper(SecretsFile(path), book, "ab" * 32)
    assert not path.exists()
    assert (await open_pepper(SecretsFile(path), book, "AB" * 32)).digest("x") == secrets.digest("x")
    with pytest.raises(SecretsError, match="setting pepper"):
        await open_pepper(SecretsFile(path), book, "cd" * 32)


@pytest.mark.parametrize("pepper", ["", "xyz", "ab" * 15])
async def test_a_configured_pepper_that_is_none_is_named(book, path, pepper):
    with pytest.raises(SecretsError, match="32 hexadecimal"):
        await open_pepper(SecretsFile(path), book, pepper)


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=()), max_size=200))
def test_a_digest_is_the_hmac_of_its_text(pepper, text):
    secrets, encoded = Pepper(pepper), text.encode("utf-8", "surrogatepass")
    for _ in range(2):  # the halves that it keeps are not used up
        assert secrets.digest(text) == hmac.new(pepper, encoded, sha256).digest()
    assert secrets.check_value() == hmac.new(pepper, b"\x00check", sha256).digest()


@pytest.mark.parametrize("size", [0, 16, 32, 63, 64, 65, 128])
def test_a_pepper_of_any_length_is_a_key_of_hmac(size):
    assert Pepper(b"\xa5" * size).digest("sk") == hmac.new(b"\xa5" * size, b"sk", sha256).digest()
