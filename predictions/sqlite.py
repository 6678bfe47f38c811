"""What SQLite is told beside its statements: who writes next, how many rows are written at once, when its log is copied.

Where the database is another one, all of this does no more than Django does.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, DataError, IntegrityError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)
_LONG_WAIT_S = 1.0
"""How long a writer stays in the queue; a wait that is longer than many writes has another reason than those."""
_AT_LENGTH = {
    # What is stored as JSON was written as JSON a moment ago; to check it takes as long as a third of the rest.
    "ignore_check_constraints": 1,
    # The rows of one body and their indexes, which would otherwise be written, read and written again; in kB, below 0.
    "cache_size": -16_000,
    # To copy the log into the database takes as long as to write it, and can wait for the answer: see ``checkpoint``.
    "wal_autocheckpoint": 0,
}


class _Log(threading.local):
    """Whether this thread has left a long log of writes behind."""

    is_long = False


class _QueueFile:
    """The file of a queue, open for as long as this lives; its lock is held by whoever shares this."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.key = (path, os.getpid())

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class _Queue(threading.local):
    """The file that this thread queues by: one of its own, and another one after a fork or with another database."""

    file: _QueueFile | None = None

    def opened(self, path: str) -> int:
        """Return its descriptor; raise OSError where it cannot be opened."""
        if self.file is None or self.file.key != (path, os.getpid()):
            self.file = _QueueFile(path)
        return self.file.descriptor


_log = _Log()
_queue = _Queue()


def database() -> BaseDatabaseWrapper:
    """Return the connection of this thread; ``django.db.connection`` looks for it anew at each use of an attribute."""
    return connections[DEFAULT_DB_ALIAS]


def is_unavailable(error: BaseException | None) -> bool:
    """Whether an error says that the database is missing, locked, full, damaged or lacks a table; not that a row is wrong."""
    return isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, IntegrityError | DataError)


class Turn:
    """Waits until no other thread or process of this machine is storing, and lets the next one store after ``with``.

    SQLite lets one write at a time and has the others ask again after 1, 2, 5, 10 … 100 ms, in no order: under load the last
    of a hundred waited for half a second. The lock of a file wakes the next one at once, and ends with its process.

    If a writer outside of the queue holds the lock of the database, each in the queue would wait its whole patience after the one
    before it. So a writer that has queued for more than ``_LONG_WAIT_S`` leaves the queue and waits as SQLite has writers wait,
    for the rest of its time: the deadline of a writer does not depend on how many there are.
    """

    __slots__ = ("_connection", "_descriptor", "_is_late")

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._is_late = False

    def __enter__(self) -> None:
        self._descriptor = _queue_of(self._connection)
        if self._descriptor is None:
            return
        queued_at = monotonic()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        waited_s = monotonic() - queued_at
        if waited_s > _LONG_WAIT_S:
            self._leave()
            self._is_late = True
            _set_patience(self._connection, max(patience_s(self._connection) - waited_s, 0))

    def __exit__(self, *_: object) -> None:
        self._leave()
        if self._is_late:
            _set_patience(self._connection, patience_s(self._connection))

    def _leave(self) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._descriptor = None


def patience_s(connection: BaseDatabaseWrapper) -> float:
    """Return how long a writer waits for the lock of the database before it fails."""
    return float(connection.settings_dict["OPTIONS"]["timeout"])


def _set_patience(connection: BaseDatabaseWrapper, seconds: float) -> None:
    run(connection, f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _queue_of(connection: BaseDatabaseWrapper) -> int | None:
    """Return the descriptor of the file by which a connection queues, or None where there is nobody to wait for."""
    alone = connection.vendor != "sqlite" or connection.in_atomic_block
    if alone or connection.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite has it
        return None
    try:
        return _queue.opened(f"{connection.settings_dict['NAME']}-queue")
    except OSError:
        # Another user's file, say. The queue is for speed alone: SQLite has writers wait as well, only longer.
        return None


@contextmanager
def at_length(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Have thousands of rows written at half of their cost, and then all be as it was."""
    if connection.vendor != "sqlite":
        yield
        return
    checkpoint()
    before = {name: run(connection, f"PRAGMA {name}")[0][0] for name in _AT_LENGTH}
    try:
        for name, value in _AT_LENGTH.items():
            run(connection, f"PRAGMA {name} = {value}")
        yield
    finally:
        _log.is_long = True
        try:
            for name, value in before.items():
                run(connection, f"PRAGMA {name} = {value}")
        except DatabaseError:
            # The rows are stored, so nobody must be told otherwise; a new connection begins with its own settings.
            logger.warning("the settings for many rows could not be taken back", exc_info=True)
            connection.close()


def is_watched(connection: BaseDatabaseWrapper) -> bool:
    """Whether somebody counts or wraps the statements of a connection, and is to see each of them."""
    return connection.queries_logged or bool(connection.execute_wrappers)


def run(connection: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Execute a statement with Django's ``%s`` and return its rows; without the steps of Django's cursor where this is SQLite.

    They look for the ``%s`` through all of a statement each time, and cost a stored prediction a twentieth. Errors are Django's,
    and whoever watches its statements sees these as well.
    """
    if connection.vendor != "sqlite" or is_watched(connection):
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    if connection.connection is None:
        connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        return connection.connection.execute(_with_marks(statement), parameters).fetchall()  # type: ignore[no-any-return]


@lru_cache(maxsize=512)
def _with_marks(statement: str) -> str:
    # No statement of this project holds a percent sign of its own.
    return statement.replace("%s", "?")


def checkpoint(**_: object) -> None:
    """Copy the log that many rows have left behind into the database.

    Called when an answer is on its way, and before more rows come where none was.
    """
    if not _log.is_long or (connection := database()).in_atomic_block:
        return
    _log.is_long = False
    try:
        run(connection, "PRAGMA wal_checkpoint(PASSIVE)")
    except DatabaseError:
        # What is in the log is stored; the next writer copies it.
        logger.warning("the log of the database could not be copied into it", exc_info=True)


def text_of(instant: dt.datetime) -> str:
    """Return an instant as Django writes it there."""
    return str(instant.replace(tzinfo=None))
