"""``python manage.py create_api_token NAME``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from knox.models import AuthToken

_MOST_DAYS = 36_500


class Command(BaseCommand):
    """Creates a token of the API; a user who is not there yet is created without a password."""

    requires_system_checks = ()  # they open the release, which this command does not need them for
    help = "Print a new token of the API for the user NAME, who is created where there is none. It is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name of the user, and for how long."""
        parser.add_argument("name", metavar="NAME")
        parser.add_argument(
            "--days",
            type=int,
            default=settings.API_TOKEN_DAYS,
            help="days until the token ends; 0 for a token that is valid until it is deleted; %(default)s unless given",
        )

    def handle(self, *_args: Any, name: str, days: int, **_options: Any) -> None:
        """Print the token and nothing else, so that a script can take it."""
        if not 0 <= days <= _MOST_DAYS:
            raise CommandError(f"--days is {days}; it must be from 0 to {_MOST_DAYS}")
        user = _user(name)
        if not user.is_active:
            raise CommandError(f"the user '{name}' is not active; a token of theirs would be refused")
        _, token = AuthToken.objects.create(user, expiry=timedelta(days=days) if days else None)
        self.stdout.write(token)


def _user(name: str) -> User:
    user = User(username=User.normalize_username(name))
    user.set_unusable_password()
    try:
        user.clean_fields()
    except ValidationError as error:
        raise CommandError(f"'{name}' cannot be the name of a user: {' '.join(error.messages)}") from error
    known = User.objects.filter(username=user.username).first()
    if known is None:
        user.save()
    return known or user
