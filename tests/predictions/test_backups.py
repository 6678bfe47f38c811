"""Backup and restore of the SQLite database: whole copies, and never a database with the log of another one."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from predictions import backups
from predictions.backups import BackupProblem, announce_server, back_up, restore


@pytest.fixture
def site(tmp_path) -> Path:
    """A database of the site with one prediction."""
    return made(tmp_path / "site.sqlite3", 1)


def made(path: Path, rows: int) -> Path:
    """Make a database in WAL mode with the tables that a backup needs."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE django_migrations (name TEXT)")
        connection.execute("CREATE TABLE predictions_prediction (id INTEGER PRIMARY KEY, inputs TEXT)")
        connection.executemany("INSERT INTO predictions_prediction (inputs) VALUES (?)", [("x" * 900,)] * rows)
    connection.close()
    return path


def rows_in(path: Path) -> int:
    """Number of predictions in a database that is whole."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT COUNT(*) FROM predictions_prediction").fetchone()[0]
    finally:
        connection.close()


CRASH = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
with connection:
    connection.executemany("INSERT INTO predictions_prediction (inputs) VALUES (?)", [("y" * 900,)] * 50)
os._exit(9)
"""


@pytest.fixture
def crashed(site) -> Iterator[Path]:
    """The database of a server that was killed: its last rows are in the log alone."""
    subprocess.run([sys.executable, "-c", CRASH, str(site)], check=False)
    assert site.with_name("site.sqlite3-wal").stat().st_size
    return site


def test_a_backup_ends_and_is_whole_while_others_write(site, tmp_path):
    stop, written = threading.Event(), []

    def write() -> None:
        with_timeout = sqlite3.connect(site, timeout=20, isolation_level=None)
        while not stop.is_set():
            with_timeout.execute("INSERT INTO predictions_prediction (inputs) VALUES ('z')")
            written.append(1)
        with_timeout.close()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for number in range(3):
            size = back_up(site, tmp_path / f"copy-{number}")
            assert size == (tmp_path / f"copy-{number}").stat().st_size
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert 1 <= rows_in(tmp_path / "copy-0") <= rows_in(tmp_path / "copy-2") <= 1 + len(written)
    assert rows_in(site) == 1 + len(written)
    assert (tmp_path / "copy-0").stat().st_mode & 0o777 == 0o600


def test_a_backup_replaces_nothing_and_leaves_nothing_half_done(site, tmp_path):
    (tmp_path / "earlier").write_text("kept")
    with pytest.raises(BackupProblem, match="exists"):
        back_up(site, tmp_path / "earlier")
    for source, target in ((tmp_path / "none", tmp_path / "a"), (tmp_path / "earlier", tmp_path / "b")):
        with pytest.raises(BackupProblem):
            back_up(source, target)
    with pytest.raises(BackupProblem, match="No such file"):
        back_up(site, tmp_path / "no folder" / "copy")
    assert (tmp_path / "earlier").read_text() == "kept"
    assert {path.name for path in tmp_path.iterdir()} <= {"site.sqlite3", "earlier", "site.sqlite3-wal", "site.sqlite3-shm"}


def test_a_restore_beside_the_log_of_a_crash_gives_the_backup_and_keeps_what_was_there(crashed, tmp_path):
    backup = made(tmp_path / "backup", 7)
    kept = restore(backup, crashed)
    assert rows_in(crashed) == 7
    assert rows_in(kept) == 51
    assert rows_in(backup) == 7
    assert restore(kept, crashed) != kept
    assert rows_in(crashed) == 51


def test_a_damaged_or_missing_database_is_restored(crashed, tmp_path):
    backup = made(tmp_path / "backup", 7)
    crashed.write_bytes(b"damaged" * 999)
    crashed.with_name("site.sqlite3-wal").unlink()
    kept = restore(backup, crashed)
    assert kept.read_bytes() == b"damaged" * 999
    assert rows_in(crashed) == 7
    crashed.unlink()
    assert restore(backup, crashed) is None
    assert rows_in(crashed) == 7


def test_a_restore_refuses_while_the_database_is_used(site, tmp_path):
    backup = made(tmp_path / "backup", 7)
    other = sqlite3.connect(site)
    other.execute("SELECT * FROM predictions_prediction").fetchall()
    with pytest.raises(BackupProblem, match="another process is using"):
        restore(backup, site)
    other.close()
    announce_server(site)
    with pytest.raises(BackupProblem, match="a server is using"):
        restore(backup, site)
    backups.os.close(backups._served.pop())
    assert rows_in(site) == 1
    restore(backup, site)
    assert rows_in(site) == 7


@pytest.mark.parametrize("content", [b"", b"text" * 999, None], ids=["empty", "other", "missing"])
def test_what_is_no_backup_is_not_restored(site, tmp_path, content):
    backup = tmp_path / "backup"
    if content is not None:
        backup.write_bytes(content)
    with pytest.raises(BackupProblem, match="backup"):
        restore(backup, site)
    with pytest.raises(BackupProblem, match="the database itself"):
        restore(site, site)
    assert rows_in(site) == 1


def test_with_postgresql_the_commands_name_its_tools(monkeypatch):
    monkeypatch.setattr(connections["default"], "vendor", "postgresql")
    for command, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
        with pytest.raises(CommandError, match=tool):
            call_command(command, "file")


def test_the_commands_copy_and_put_back(monkeypatch, site, tmp_path, capsys):
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", str(site))
    call_command("backup", str(tmp_path / "copy"))
    call_command("restore", str(tmp_path / "copy"))
    told = capsys.readouterr().out
    assert f"{tmp_path / 'copy'}: " in told
    assert "kept as" in told
    with pytest.raises(CommandError, match="exists"):
        call_command("backup", str(tmp_path / "copy"))
    assert rows_in(site) == 1
