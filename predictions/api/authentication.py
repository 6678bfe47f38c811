"""Who is asking: the owner of a token."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
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
        # Tokens are hexadecimal digits. Other bytes fail to decode, and PostgreSQL refuses to compare with a NUL.
        if not token.isalnum():
            raise AuthenticationFailed("Invalid token.")
        text = token.decode()
        known = sqlite.run(_LASTING, [text[: CONSTANTS.TOKEN_KEY_LENGTH]])
        if known:
            given = hash_token(text)
            for digest, user_id in known:
                if compare_digest(given, digest):
                    return User.from_db(connection.alias, ["id", "is_active"], [user_id, True]), None
        return super().authenticate_credentials(token)
