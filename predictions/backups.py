"""Whole copies of an SQLite database, made while it is written, and put back while nobody uses it.

The shell's ``.backup`` starts over with each write of another process; ``VACUUM INTO`` reads one state of the database, however
much is written meanwhile. A restored file must never lie next to the log of another one, which SQLite would apply to it.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_LOGS = ("-wal", "-shm", "-journal")
_TABLES = {"django_migrations", "predictions_prediction"}
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_served: list[int] = []
"""Descriptors whose locks say that this process and its children serve a database."""


class BackupProblem(Exception):
    """A backup cannot be made or restored."""


def back_up(database: Path, target: Path) -> int:
    """Write a copy of a database to a new file, readable by its owner alone; return its bytes; raise BackupProblem."""
    if target.exists():
        raise BackupProblem(f"{target} exists; name a new file, for example with the date in its name")
    with _part(target) as part:
        _copy(database, part)
        part.replace(target)
        _sync(target.parent)
    return target.stat().st_size


def restore(backup: Path, database: Path) -> Path | None:
    """Put a backup in the place of a database; return where the replaced file is kept, if there was one; raise BackupProblem.

    An interruption leaves the old database, the new one or none, but never a database with the log of another one.
    """
    if database.exists() and backup.exists() and backup.samefile(database):
        raise BackupProblem(f"{backup} is the database itself")
    kept = database.with_name(f"{database.name}.before-restore-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S-%f}")
    with _part(database) as part:
        _copy(backup, part)
        with _alone(database):
            if was_there := database.exists():
                found = database.stat()
                shutil.copymode(database, part)
                os.chown(part, found.st_uid, found.st_gid)
            for suffix in ("", *_LOGS):
                with suppress(FileNotFoundError):
                    _with_suffix(database, suffix).rename(_with_suffix(kept, suffix))
            part.replace(database)
            _sync(database.parent)
    return kept if was_there else None


def announce_server(database: Path) -> None:
    """Let nobody restore ``database`` as long as this process or a child of it runs."""
    with suppress(OSError):  # the folder may belong to another user; then a restore sees the server by its connections
        _served.append(_lock(database, fcntl.LOCK_SH))


def _lock(database: Path, kind: int) -> int:
    descriptor = os.open(_with_suffix(database, "-server"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Keep every other process from the database; raise BackupProblem if one uses it."""
    try:
        descriptor = _lock(database, fcntl.LOCK_EX)
    except BlockingIOError:
        raise BackupProblem(f"a server is using {database}; stop it first") from None
    try:
        with closing(sqlite3.connect(":memory:" if not database.exists() else database, timeout=2, isolation_level=None)) as mine:
            try:
                # This copies the log into the file and is refused as long as another connection is open.
                mine.execute("PRAGMA journal_mode = DELETE")
                mine.execute("BEGIN EXCLUSIVE")
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorname not in _DAMAGED:  # which is a reason to restore
                    raise BackupProblem(f"another process is using {database}; stop it first ({error})") from None
            yield
    finally:
        os.close(descriptor)


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    """Yield an empty file next to ``target`` for what will become it; raise BackupProblem for what the system refuses."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
    except OSError as error:
        raise BackupProblem(f"{target} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Write one state of a database to an empty file; raise BackupProblem if it is not a whole database of this site."""
    if not source.is_file():
        raise BackupProblem(f"there is no file {source}")
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=20)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        with closing(sqlite3.connect(target)) as copy:
            found = copy.execute("PRAGMA quick_check").fetchone()[0]
            tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        raise BackupProblem(f"{source} cannot be copied: {error}") from error
    if found != "ok":
        raise BackupProblem(f"{source} is damaged: {found}")
    if not tables >= _TABLES:
        raise BackupProblem(f"{source} is not a database of this site: it has no table {min(_TABLES - tables)}")
    _sync(target)


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
