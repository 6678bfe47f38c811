"""Prepare everything that a first look needs, and say how to use it."""

from __future__ import annotations

import json
import os
import shlex
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from predictions import embedded


class Command(BaseCommand):
    """``prepare_local FILE``: database, static files and demo accounts, whose secrets are kept in FILE."""

    requires_system_checks = ()  # they open the release, and so does this command itself
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the path of the file of secrets."""
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the steps; each of them does nothing where it was done before."""
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("create_demo_accounts", options["file"], verbosity=0)
        secrets = json.loads(options["file"].read_text("utf-8"))
        address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
        spec = embedded.live().spec
        record = {field.name: field.example for field in spec.field if field.required}
        curl = [
            *("curl", "-s", f"{address}/api/v1/predictions/"),
            *("-H", f"Authorization: Token {secrets['api']['token']}"),
            *("-H", "Content-Type: application/json"),
            *("-d", json.dumps(record, separators=(",", ":"))),
        ]
        lines = [
            spec.model.title,
            f"Form       {address}/",
            f"Admin      {address}/admin/   {secrets['reviewer']['username']} / {secrets['reviewer']['password']}",
            f"API token  {secrets['api']['token']}",
            shlex.join(curl),
            "Ctrl-C stops the server.",
        ]
        self.stdout.write("\n" + "\n".join(f"  {line}\n" for line in lines))
