"""Django's SQLite backend for a server that runs longer than its file stays as it is.

Django keeps a connection for many requests, also when the file was deleted, replaced, or was read-only for a while. This backend
keeps a connection only as long as it is a connection to the file that lies at its path and can be written.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from django.db.backends.sqlite3 import base

_COMPARE_EACH_S = 0.02
"""Not once more after a request that took a millisecond."""


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is replaced with the next request if its file was replaced or an error has occurred."""

    may_create: ClassVar[bool] = True
    """Whether a missing file is created. Never by a server: an empty file would hide that the database is gone."""
    _path: Path | None = None
    """The file that was opened; None if the database is in memory."""
    _file: tuple[int, ...] | None = ()
    """Its device and inode; empty if it was read-only, so that no file is equal to it."""
    _compared_at = 0.0

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the file; raise OperationalError if it is missing and must not be created."""
        if self.is_in_memory_db():
            return super().get_new_connection(conn_params)
        self._path = Path(self.settings_dict["NAME"]).absolute()
        if not self.may_create:
            conn_params = conn_params | {"database": f"{self._path.as_uri()}?mode=rw"}
        connection = super().get_new_connection(conn_params)
        # SQLite opens a read-only file without an error, and such a connection never writes.
        self._file = _identity(self._path) if os.access(self._path, os.W_OK) else ()
        return connection

    def close_if_unusable_or_obsolete(self) -> None:
        """Close the connection if it must not serve the next request; Django calls this before and after each request."""
        if self.connection is not None and self._path is not None:
            now = monotonic()
            if now - self._compared_at > _COMPARE_EACH_S:
                self._compared_at = now
                if self._file != _identity(self._path):
                    self.close()
        super().close_if_unusable_or_obsolete()

    def is_usable(self) -> bool:
        """Return False: Django asks after an error, and a new connection costs less than to find out what the error was."""
        return False


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # on the path of each request, and Path.stat takes twice as long
    except OSError:
        return None
    return found.st_dev, found.st_ino
