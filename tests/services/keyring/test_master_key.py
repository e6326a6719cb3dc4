"""The master key: what it seals, and how it is opened at a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollkeeper.services.keyring.master_key import (
    CHECK_NAME,
    MasterKey,
    Unopenable,
    new_master_key,
    open_master_key,
)
from tollkeeper.services.keyring.secrets_file import SecretsError, SecretsFile
from tollkeeper.store.memory.store import MemoryStore

OLD, NEW = "ab" * 32, "cd" * 32
PLACE = b"azure\nhttps://azure.example:443"


@pytest.fixture
async def book():
    return MemoryStore().installation


@pytest.fixture
def file(tmp_path: Path) -> SecretsFile:
    return SecretsFile(tmp_path / "secrets")


def key(text: str = OLD) -> MasterKey:
    return MasterKey(bytes.fromhex(text))


def test_what_was_sealed_opens_in_its_place():
    sealed = key().seal(b"sk-provider", PLACE)
    assert b"sk-provider" not in sealed
    assert key().open(sealed, PLACE) == b"sk-provider"


@pytest.mark.parametrize("place", [b"other\nhttps://azure.example:443", b"azure\nhttps://evil.example:443", b""])
def test_it_opens_nowhere_else(place):
    with pytest.raises(Unopenable):
        key().open(key().seal(b"sk-provider", PLACE), place)


def test_it_opens_with_no_other_key():
    with pytest.raises(Unopenable):
        key(NEW).open(key().seal(b"sk-provider", PLACE), PLACE)


@pytest.mark.parametrize("at", [0, 11, 12, -1])
def test_a_changed_byte_is_noticed(at):
    sealed = bytearray(key().seal(b"sk-provider", PLACE))
    sealed[at] ^= 1
    with pytest.raises(Unopenable):
        key().open(bytes(sealed), PLACE)


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 12, b"x" * 27])
def test_what_is_too_short_does_not_open(sealed):
    with pytest.raises(Unopenable):
        key().open(sealed, PLACE)


def test_the_same_text_is_never_sealed_alike():
    assert len({key().seal(b"sk", PLACE) for _ in range(100)}) == 100


def test_its_id_tells_it_from_others_and_no_part_of_it():
    assert key().id == key().id != key(NEW).id
    assert OLD not in repr(key())
    assert len({new_master_key() for _ in range(10)}) == 10


async def test_made_at_the_first_start_and_read_at_the_next(book, file):
    file.change(pepper=NEW)  # as the version before made it
    first = await open_master_key(file, book)
    content = file.read()
    assert content is not None
    assert content.pepper == NEW
    assert content.master_key is not None
    assert (await open_master_key(file, book)).id == first.id == key(content.master_key).id
    assert await book.value(CHECK_NAME) == first.check_value


async def test_a_start_that_ended_before_the_check_value_was_kept(book, file):
    first = await open_master_key(file, MemoryStore().installation)
    assert (await open_master_key(file, book)).id == first.id


async def test_that_of_another_database_stops_the_start(book, file):
    await open_master_key(file, book)
    file.change(master_key=OLD)
    with pytest.raises(SecretsError, match="another database") as stopped:
        await open_master_key(file, book)
    assert OLD not in str(stopped.value)
    with pytest.raises(SecretsError, match="setting master_key belongs to another database"):
        await open_master_key(file, book, NEW)


async def test_a_missing_one_is_not_replaced_when_the_database_knows_better(book, file):
    file.change(pepper=NEW)
    await open_master_key(file, book)
    file.change(master_key=None)
    with pytest.raises(SecretsError, match="has no master key"):
        await open_master_key(file, book)
    content = file.read()
    assert content is not None
    assert content.master_key is None


async def test_a_configured_one_needs_no_file(book, file):
    first = await open_master_key(file, book, OLD)
    assert not file.path.exists()
    assert (await open_master_key(file, book, OLD.upper())).id == first.id == key().id


@pytest.mark.parametrize("text", ["", "xyz", "ab" * 31, "ab" * 33])
async def test_a_configured_one_that_is_none_is_named(book, file, text):
    with pytest.raises(SecretsError, match="setting master_key must be 64 hexadecimal digits"):
        await open_master_key(file, book, text)


@pytest.mark.parametrize("needed", [OLD, NEW])
async def test_of_an_interrupted_rotation_the_key_that_the_database_needs_is_kept(book, file, needed):
    await book.set_value(CHECK_NAME, key(needed).check_value)
    file.change(master_key=OLD, next_master_key=NEW)
    assert (await open_master_key(file, book)).id == key(needed).id
    content = file.read()
    assert content is not None
    assert (content.master_key, content.next_master_key) == (needed, None)


async def test_an_interrupted_rotation_of_another_database_drops_no_key(book, file):
    await book.set_value(CHECK_NAME, key("ee" * 32).check_value)
    file.change(master_key=OLD, next_master_key=NEW)
    with pytest.raises(SecretsError, match="another database"):
        await open_master_key(file, book)
    content = file.read()
    assert content is not None
    assert (content.master_key, content.next_master_key) == (OLD, NEW)
