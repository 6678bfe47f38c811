"""What a change of password ends besides the sessions, which Django ends."""

from __future__ import annotations

from django.contrib.auth.models import User
from knox.models import AuthToken


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
