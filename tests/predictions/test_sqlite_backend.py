"""A connection is kept as long as it is one to the file at its path that can write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from predictions.sqlite import run
from predictions.sqlite_backend import base
from predictions.sqlite_backend.base import DatabaseWrapper

pytestmark = pytest.mark.django_db  # which opens any connection for a test


@pytest.fixture
def kept(tmp_path):
    """An open connection to a file with one table."""
    settings = {"ENGINE": "predictions.sqlite_backend", "NAME": str(tmp_path / "db"), "CONN_MAX_AGE": 600}
    connection = ConnectionHandler({"default": settings})["default"]
    run(connection, "CREATE TABLE rows (row TEXT)")
    yield connection
    connection.close()


def is_kept(connection: BaseDatabaseWrapper) -> bool:
    """Whether the next request gets the same connection."""
    connection._compared_at = 0.0
    before = connection.connection
    connection.close_if_unusable_or_obsolete()
    connection.ensure_connection()
    return connection.connection is before


def test_a_connection_is_kept_as_long_as_nothing_happens(kept):
    assert is_kept(kept)
    run(kept, "INSERT INTO rows VALUES ('x')")
    assert is_kept(kept)


def test_a_connection_to_another_file_than_the_one_at_its_path_is_replaced(kept, tmp_path):
    shutil.copy(tmp_path / "db", tmp_path / "copy")
    (tmp_path / "copy").rename(tmp_path / "db")
    assert not is_kept(kept)
    assert is_kept(kept)


def test_a_connection_is_replaced_after_an_error(kept):
    with pytest.raises(DatabaseError):
        run(kept, "SELECT nothing")
    assert not is_kept(kept)
    assert is_kept(kept)


def test_a_connection_that_was_opened_while_the_file_was_read_only_is_not_kept(kept, monkeypatch):
    kept.close()
    with monkeypatch.context() as patch:  # root may write whatever the mode of the file says
        patch.setattr(base.os, "access", lambda *_: False)
        assert not is_kept(kept)
        assert not is_kept(kept)
    assert not is_kept(kept)
    assert is_kept(kept)


def test_a_server_makes_no_empty_file_where_the_database_was_deleted(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(DatabaseWrapper, "may_create", False)
    (tmp_path / "db").rename(tmp_path / "away")
    with pytest.raises(OperationalError, match="unable to open"):
        is_kept(kept)
    assert not (tmp_path / "db").exists()
    (tmp_path / "away").rename(tmp_path / "db")
    assert run(kept, "SELECT COUNT(*) FROM rows") == [(0,)]


def test_a_path_with_signs_of_an_address_is_opened_as_it_is(tmp_path, monkeypatch):
    name = Path(tmp_path / "a b?mode=memory#c%41é")
    connection = ConnectionHandler({"default": {"ENGINE": "predictions.sqlite_backend", "NAME": str(name)}})["default"]
    name.touch()
    monkeypatch.setattr(DatabaseWrapper, "may_create", False)
    monkeypatch.setattr(connection, "is_in_memory_db", lambda: False)
    run(connection, "CREATE TABLE rows (row TEXT)")
    connection.close()
    assert name.stat().st_size
