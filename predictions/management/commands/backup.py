"""``python manage.py backup FILE``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from predictions.backups import BackupProblem, back_up
from predictions.management.sqlite_file import sqlite_file


class Command(BaseCommand):
    """Copies the SQLite database to a new file while the site goes on."""

    requires_system_checks = ()  # a database is saved also when the release is refused
    help = "Copy the SQLite database to the new file FILE, readable by its owner alone, while the site goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the path of the new file."""
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        """Make the copy."""
        database = sqlite_file("pg_dump --format=custom --file=FILE")
        started_at = time.monotonic()
        try:
            size = back_up(database, file)
        except BackupProblem as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{file}: {size:,} bytes in {time.monotonic() - started_at:.1f} s")
