"""Failed log-ins as they are recorded, and what a change of password ends besides the sessions, which Django ends."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import User
from django.http import HttpRequest
from knox.models import AuthToken

_LONGEST_NAME = 255
"""Characters of the column in which django-axes keeps a name; PostgreSQL refuses longer ones."""


def attempted_name(request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """Return the name of a failed log-in as it is recorded."""
    name = credentials.get("username") if credentials else request.POST.get("username")
    return (name or "")[:_LONGEST_NAME]


class TokensEndWithPassword:
    """A "validator" that accepts every password; Django calls ``password_changed`` of each when one was saved."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Accept the password."""

    def password_changed(self, password: str, user: User | None = None) -> None:  # noqa: ARG002  # Django gives it
        """Delete the tokens of the user: who changes a password may fear that others have them."""
        if user is not None and user.pk is not None:
            AuthToken.objects.filter(user=user).delete()

    def get_help_text(self) -> str:
        """Return what the forms for passwords say about it."""
        return "A new password ends the tokens of the API that this user has."
