"""The file that holds the installation's secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tollkeeper.services.keyring.secrets_file import SecretsError, SecretsFile, read_secret, secrets_path

OLD, NEW = "ab" * 32, "cd" * 32


@pytest.fixture
def file(tmp_path: Path) -> SecretsFile:
    return SecretsFile(secrets_path(tmp_path / "tollkeeper.db"))


def test_there_is_none_at_first(file):
    assert file.read() is None


def test_a_change_leaves_the_other_secrets(file):
    file.change(pepper=OLD)
    file.change(master_key=NEW)
    assert file.path.name == "tollkeeper.db.secrets"
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.path.read_text()) == {"version": 1, "pepper": OLD, "master_key": NEW}
    file.change(master_key=None)
    assert json.loads(file.path.read_text()) == {"version": 1, "pepper": OLD}


def test_what_a_killed_write_left_is_in_nobodys_way(file):
    file.change(pepper=OLD)
    partial = file.path.with_name(file.path.name + ".partial")
    partial.write_text("half of")
    partial.chmod(0o644)
    content = file.read()
    assert content is not None
    assert content.pepper == OLD
    file.change(pepper=NEW)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert not partial.exists()


def test_secrets_are_not_printed(file):
    file.change(pepper=OLD, master_key=NEW, next_master_key=OLD)
    for shown in (repr(file), repr(file.read())):
        assert OLD not in shown
        assert NEW not in shown


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        "no json",
        '{"version": 1}',
        '{"version": 1, "master_key": "xyz"}',
        '{"version": 2, "pepper": "00"}',
        json.dumps({"version": 1, "pepper": OLD, "master_key": "00"}),
        json.dumps({"version": 2, "pepper": OLD}),
        json.dumps({"version": 1, "pepper": OLD, "salt": "00"}),
    ],
)
def test_a_file_that_is_none_is_left_alone(file, content):
    file.path.write_text(content)
    file.path.chmod(0o600)
    for call in (file.read, lambda: file.change(pepper=NEW)):
        with pytest.raises(SecretsError) as stopped:
            call()
        assert "\n" not in str(stopped.value)
        assert OLD not in str(stopped.value)
    assert file.path.read_text() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file, mode):
    file.change(pepper=OLD)
    file.path.chmod(mode)
    with pytest.raises(SecretsError, match="chmod 600"):
        file.read()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SecretsError, match="cannot be made"):
        SecretsFile(tmp_path / "none" / "secrets").change(pepper=OLD)


@pytest.mark.parametrize(("text", "exact", "ok"), [
    ("ab" * 16, False, True), ("ab" * 40, False, True), ("ab" * 15, False, False), ("xyz", False, False),
    ("ab" * 16, True, True), ("ab" * 17, True, False),
])  # fmt: skip
def test_a_secret_of_a_setting(text, exact, ok):
    if ok:
        assert read_secret("pepper", text, 16, exact=exact) == bytes.fromhex(text)
    else:
        with pytest.raises(SecretsError, match=r"setting pepper must be .*32 hexadecimal digits") as refused:
            read_secret("pepper", text, 16, exact=exact)
        assert text not in str(refused.value)
