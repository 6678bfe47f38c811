"""The file that the commands for backups are about."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import CommandError
from django.db import connection


def sqlite_file(postgresql: str) -> Path:
    """Return the path of the database; raise CommandError with the command of PostgreSQL if it is one of those."""
    if connection.vendor != "sqlite":
        raise CommandError(f"the database is PostgreSQL; use its own tool: {postgresql}")
    return Path(connection.settings_dict["NAME"]).absolute()
