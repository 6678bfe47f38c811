"""Who is asking: the owner of a token."""

from __future__ import annotations

from typing import Any

from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]
    """``Authorization: Token ...``; what cannot be a token never reaches the database."""

    def authenticate_credentials(self, token: bytes) -> Any:
        """Return the user and the token; raise AuthenticationFailed."""
        # Tokens are hexadecimal digits. Other bytes fail to decode, and PostgreSQL refuses to compare with a NUL.
        if not token.isalnum():
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)
