"""The database as a file among others."""

import os

import pytest

from tollkeeper.store.sqlite.files import (
    BEFORE_RESTORE,
    beside,
    copy_owner,
    make_empty,
    real_path,
    remove_unfinished_restore,
)


def test_a_new_file_is_its_owner_s_alone_and_never_another_s(tmp_path):
    made = tmp_path / "a"
    make_empty(made)
    assert made.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_empty(made)


def test_links_are_followed_and_names_lengthened(tmp_path):
    (tmp_path / "real.db").touch()
    (tmp_path / "link.db").symlink_to("real.db")
    assert real_path(tmp_path / "link.db") == real_path(tmp_path / "real.db")
    assert beside(tmp_path / "a.db", "-wal") == tmp_path / "a.db-wal"


@pytest.mark.parametrize(("mode", "became"), [(True, 0o640), (False, 0o600)])
def test_a_file_is_given_the_mode_of_another(tmp_path, mode, became):
    like = tmp_path / "like"
    like.touch()
    like.chmod(0o640)
    make_empty(tmp_path / "a")
    file = os.open(tmp_path / "a", os.O_RDWR)
    copy_owner(file, like.stat(), mode=mode)
    os.close(file)
    assert (tmp_path / "a").stat().st_mode & 0o777 == became


def test_a_second_name_of_the_database_is_dropped_and_no_other_file(tmp_path):
    database = tmp_path / "a.db"
    database.touch()
    second, older = (tmp_path / f"a.db{BEFORE_RESTORE}{number}" for number in (1, 2))
    os.link(database, second)
    older.touch()
    remove_unfinished_restore(database)
    assert sorted(tmp_path.iterdir()) == [database, older]
