"""``python manage.py create_demo_accounts FILE``."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import AuthToken

from predictions.groups import REVIEWERS

_REVIEWER, _API_USER = "reviewer", "demo"
_PRIVATE_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]", "testserver"})

Accounts = dict[str, dict[str, str]]


class Command(BaseCommand):
    """Creates a reviewer and a user of the API for a first look, and keeps their secrets in FILE."""

    help = (
        f"Create the accounts '{_REVIEWER}' (may review in the admin) and '{_API_USER}' (has a token of the API) and write their "
        "secrets to FILE, readable by its owner alone. Accounts that still fit FILE are left as they are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the path of the file of secrets."""
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *_args: Any, file: Path, verbosity: int, **_options: Any) -> None:
        """Print one line for each account; with verbosity 0, none."""
        public = [host for host in settings.ALLOWED_HOSTS if host not in _PRIVATE_HOSTS]
        if public and not settings.DEBUG:
            raise CommandError(f"demo accounts are not for a public site, and ALLOWED_HOSTS names {', '.join(public)}")
        with transaction.atomic():
            accounts = _read(file)
            if accounts is None or not _are_valid(accounts):
                accounts = {"reviewer": _make_reviewer(), "api": _make_api_user()}
                _write(file, accounts)
        if verbosity:
            reviewer, api = accounts["reviewer"], accounts["api"]
            self.stdout.write(f"Reviewer  {reviewer['username']} / {reviewer['password']}")
            self.stdout.write(f"API user  {api['username']}, token {api['token']}")


def _read(file: Path) -> Accounts | None:
    try:
        accounts = json.loads(file.read_text("utf-8"))
        known = {
            "reviewer": {key: str(accounts["reviewer"][key]) for key in ("username", "password")},
            "api": {key: str(accounts["api"][key]) for key in ("username", "token")},
        }
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        return None
    return known


def _are_valid(accounts: Accounts) -> bool:
    """Whether the accounts are there, and the password and the token of the file open them."""
    given = accounts["reviewer"]
    reviewer = User.objects.filter(username=given["username"], is_active=True, is_staff=True, groups__name=REVIEWERS).first()
    digest = hash_token(accounts["api"]["token"])
    token = AuthToken.objects.filter(digest=digest, user__username=accounts["api"]["username"], user__is_active=True).first()
    in_time = token is not None and (token.expiry is None or token.expiry > timezone.now())
    return reviewer is not None and reviewer.check_password(given["password"]) and in_time


def _make_reviewer() -> dict[str, str]:
    user, _ = User.objects.get_or_create(username=_REVIEWER)
    if user.is_superuser:
        raise CommandError(f"'{_REVIEWER}' is a superuser here; their password is not changed")
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.is_active = user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name=REVIEWERS))
    return {"username": _REVIEWER, "password": password}


def _make_api_user() -> dict[str, str]:
    user, is_new = User.objects.get_or_create(username=_API_USER)
    if is_new:
        user.set_unusable_password()
        user.save()
    AuthToken.objects.filter(user=user).delete()
    _, token = AuthToken.objects.create(user)
    return {"username": _API_USER, "token": token}


def _write(file: Path, accounts: Accounts) -> None:
    """Write the file whole or not at all, and never for others to read."""
    part = file.with_name(f".{file.name}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump(accounts, out, indent=2)
        part.replace(file)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
