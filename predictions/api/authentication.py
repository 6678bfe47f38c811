"""Who is asking: the owner of a token."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed

from predictions import sqlite

# Tokens that do not expire, of owners that are active; the ORM takes ten times as long to say it anew for each request.
_LASTING = """
    SELECT token.digest, person.id FROM knox_authtoken token JOIN auth_user person ON person.id = token.user_id
    WHERE token.token_key = %s AND token.expiry IS NULL AND person.is_active
"""


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]
    """``Authorization: Token ...``; what cannot be a token never reaches the database.

    A token that lasts is taken by one short query, and the user is then a reference whose other columns load when they are read.
    Everything else, each refusal among it, is left to knox.
    """

    def authenticate_credentials(self, token: bytes) -> Any:
        """Return the user and the token; raise AuthenticationFailed."""
        user_id = owner_of(token)
        if user_id is not None:
            return User.from_db(DEFAULT_DB_ALIAS, ["id", "is_active"], [user_id, True]), None
        if not _may_be(token):
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)


def owner_of(token: bytes) -> int | None:
    """Return the key of the active user whose token this is, or None where it is none that lasts."""
    if not _may_be(token):
        return None
    text = token.decode()
    for digest, user_id in sqlite.run(sqlite.database(), _LASTING, [text[: CONSTANTS.TOKEN_KEY_LENGTH]]):
        if compare_digest(hash_token(text), digest):
            return user_id  # type: ignore[no-any-return]  # the key of a user
    return None


def _may_be(token: bytes) -> bool:
    # Tokens are hexadecimal digits. Other bytes fail to decode, and PostgreSQL refuses to compare with a NUL.
    return token.isalnum()
