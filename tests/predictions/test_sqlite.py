"""What SQLite is told: one writer after the other, many rows at once, and its log when there is time."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest
from django.core.signals import request_finished
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from uuid_utils.compat import uuid7

from predictions import sqlite
from predictions.sqlite import checkpoint
from predictions.storing import insert_many
from tests.predictions.test_storing import several

pytestmark = pytest.mark.django_db


class File:
    """A connection to a database in a file, as far as the queue asks."""

    vendor, in_atomic_block = "sqlite", False

    def __init__(self, path: Path) -> None:
        self.settings_dict = {"NAME": path}

    def is_in_memory_db(self) -> bool:
        return False


def test_one_writer_after_the_other(tmp_path):
    with sqlite.Turn(File(tmp_path / "db")), (tmp_path / "db-queue").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "db-queue").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_threads_take_turns(tmp_path):
    file, order = File(tmp_path / "db"), []

    def wait_for_it() -> None:
        with sqlite.Turn(file):
            order.append("second")

    waiting = threading.Thread(target=wait_for_it)
    with sqlite.Turn(file):
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_the_file_is_kept_for_the_next_turn_and_closed_with_its_thread(tmp_path):
    file, kept = File(tmp_path / "db"), []

    def take_turns() -> None:
        for _ in range(2):
            with sqlite.Turn(file):
                kept.append(sqlite._queue.file)

    thread = threading.Thread(target=take_turns)
    thread.start()
    thread.join(10)
    assert kept[0] is kept[1]
    descriptor = kept[0].descriptor
    os.fstat(descriptor)
    kept.clear()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_another_database_and_another_process_have_a_file_of_their_own(monkeypatch, tmp_path):
    files = []
    for name, process in (("one", 1), ("other", 1), ("other", 2)):
        monkeypatch.setattr(sqlite.os, "getpid", lambda process=process: process)
        with sqlite.Turn(File(tmp_path / name)):
            files.append(sqlite._queue.file)
    assert len(set(files)) == 3


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="these are settings of SQLite")
def test_who_has_queued_for_long_leaves_the_queue_and_waits_for_the_rest_of_its_time(monkeypatch, tmp_path):
    monkeypatch.setattr(sqlite, "_LONG_WAIT_S", 0.1)
    settings = connection.settings_dict | {"NAME": tmp_path / "db"}
    handler = ConnectionHandler({"default": settings})
    patience, free = [], []

    def patience_of(writer: BaseDatabaseWrapper) -> int:
        return sqlite.run(writer, "PRAGMA busy_timeout")[0][0]

    def write() -> None:
        writer = handler["default"]
        with sqlite.Turn(writer):
            patience.append(patience_of(writer))
            with (tmp_path / "db-queue").open() as other:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                free.append(True)
        patience.append(patience_of(writer))
        writer.close()

    waiting = threading.Thread(target=write)
    with sqlite.Turn(File(tmp_path / "db")):
        waiting.start()
        waiting.join(0.5)
    waiting.join(10)
    assert free
    assert 19_000 < patience[0] < 19_700
    assert patience[1] == 20_000


def test_without_a_queue_the_database_has_writers_wait(tmp_path):
    with sqlite.Turn(File(tmp_path / "no such folder" / "db")):
        assert list(tmp_path.iterdir()) == []


PRAGMAS = ("ignore_check_constraints", "cache_size", "wal_autocheckpoint")


def pragmas() -> list[int]:
    with connection.cursor() as cursor:
        return [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="these are settings of SQLite")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keys", [[uuid7() for _ in range(101)], [uuid7()] * 101], ids=["stored", "refused"])
def test_the_settings_for_many_rows_end_with_them(keys):
    before = pragmas()
    try:
        insert_many([several(*keys)])
    except IntegrityError:
        assert len(set(keys)) < len(keys)
    assert pragmas() == before


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="this is the log of SQLite")
def test_the_log_is_copied_into_the_database_once_the_answer_is_on_its_way(monkeypatch, tmp_path):
    """By a connection to a file, because a database in memory has no log."""
    path = tmp_path / "db.sqlite3"
    alias = ConnectionHandler({"default": connection.settings_dict | {"NAME": path}})["default"]
    monkeypatch.setattr(sqlite, "database", lambda: alias)
    with alias.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("CREATE TABLE rows (row TEXT)")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        with sqlite.at_length(alias):
            cursor.execute(
                "INSERT INTO rows WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                "SELECT hex(zeroblob(1000)) FROM n"
            )
    assert path.stat().st_size == size
    request_finished.send(sender=None)
    assert path.stat().st_size > size + 3000 * 2000
    alias.close()


@pytest.mark.django_db(transaction=True)
def test_without_a_log_nothing_is_copied(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(sqlite._log, "is_long", False)
    with django_assert_num_queries(0):
        checkpoint()


def test_a_statement_gives_its_rows():
    assert sqlite.run(connection, "SELECT 1, %s", ["%s"]) == [(1, "%s")]


def test_a_fault_is_one_of_django():
    with pytest.raises(DatabaseError), transaction.atomic():
        sqlite.run(connection, "SELECT nothing")


def test_who_watches_statements_sees_these(django_assert_num_queries):
    with django_assert_num_queries(1):
        sqlite.run(connection, "SELECT 1")
    seen = []

    def watch(execute, statement, parameters, many, context):
        seen.append(statement)
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(watch):
        sqlite.run(connection, "SELECT 2")
    assert seen == ["SELECT 2"]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="these are settings of SQLite")
@pytest.mark.django_db(transaction=True)
def test_where_the_settings_cannot_be_taken_back_the_rows_are_stored_all_the_same(monkeypatch, caplog):
    run, closed = sqlite.run, []

    def fail(database, statement, parameters=()):
        if statement.startswith("PRAGMA cache_size = -2"):
            raise OperationalError("disk I/O error")
        return run(database, statement, parameters)

    monkeypatch.setattr(sqlite, "run", fail)
    monkeypatch.setattr(connection, "close", lambda: closed.append(True))
    try:
        insert_many([several(*(uuid7() for _ in range(101)))])
    finally:
        monkeypatch.undo()
        connection.close()
    assert closed
    assert "could not be taken back" in caplog.text


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="these are settings of SQLite")
def test_few_rows_are_stored_without_settings_of_their_own(monkeypatch):
    monkeypatch.setattr(sqlite, "at_length", pytest.fail)
    insert_many([several(*(uuid7() for _ in range(100)))])
