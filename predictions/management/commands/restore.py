"""``python manage.py restore FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from predictions.backups import BackupProblem, restore
from predictions.management.sqlite_file import sqlite_file


class Command(BaseCommand):
    """Puts a backup in the place of the SQLite database, which no server may use meanwhile."""

    requires_system_checks = ()  # a database is restored also when the release is refused
    help = "Put the backup FILE in the place of the SQLite database. Stop the server first. The replaced database is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the path of the backup."""
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        """Replace the database."""
        database = sqlite_file("pg_restore --clean --dbname=NAME FILE")
        try:
            kept = restore(file, database)
        except BackupProblem as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{database} is restored from {file}." + (f" The replaced database is kept as {kept}." if kept else ""))
        self.stdout.write("Run 'python manage.py migrate', then start the server.")
