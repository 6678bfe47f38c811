"""Who is asking: the owner of a token."""

from __future__ import annotations

import datetime as dt
import logging
import time
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, DatabaseError
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from predictions import sqlite, token_uses
from predictions.client_address import address_of
from predictions.limits import count

logger = logging.getLogger(__name__)
# Valid tokens of active owners; the ORM takes ten times as long to ask the same.
_VALID = """
    SELECT token.digest, person.id FROM knox_authtoken token JOIN auth_user person ON person.id = token.user_id
    WHERE token.token_key = %s AND (token.expiry IS NULL OR token.expiry > %s) AND person.is_active
"""


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]
    """``Authorization: Token ...``; what cannot be a token never reaches the database.

    A valid token is found by one short query, and the user is then a reference whose other columns load when they are read. Each
    refusal is left to knox, and counts against ``WRONG_TOKEN_RATE`` of the address. A valid token is never refused by that.
    """

    def authenticate(self, request: Request) -> Any:
        """Return the user and the token, or None without a header; raise AuthenticationFailed or Throttled."""
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            if wait_s := _count_refusal(request):
                raise Throttled(wait_s, "Too many requests with a wrong token.") from None
            raise

    def authenticate_credentials(self, token: bytes) -> Any:
        """Return the user and the token; raise AuthenticationFailed."""
        user_id = owner_of(token)
        if user_id is not None:
            return User.from_db(DEFAULT_DB_ALIAS, ["id", "is_active"], [user_id, True]), None
        if not _may_be(token):
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)


def _count_refusal(request: Request) -> float:
    try:
        return count("wrong-token", address_of(request), settings.WRONG_TOKEN_RATE)
    except DatabaseError as error:
        logger.warning("a wrong token could not be counted: %s", error)
        return 0


def owner_of(token: bytes) -> int | None:
    """Return the key of the active user whose token this is, or None if it is not valid."""
    if not _may_be(token):
        return None
    text = token.decode()
    connection = sqlite.database()
    now = _second(int(time.time()), is_text=connection.vendor == "sqlite")
    for digest, user_id in sqlite.run(connection, _VALID, [text[: CONSTANTS.TOKEN_KEY_LENGTH], now]):
        if compare_digest(hash_token(text), digest):
            token_uses.note(digest)
            return user_id  # type: ignore[no-any-return]  # the key of a user
    return None


@lru_cache(maxsize=1)
def _second(second: int, *, is_text: bool) -> dt.datetime | str:
    """Return an instant as the database compares it."""
    instant = dt.datetime.fromtimestamp(second, dt.UTC)
    return sqlite.text_of(instant) if is_text else instant


def _may_be(token: bytes) -> bool:
    # Tokens are hexadecimal digits. Other bytes fail to decode, and PostgreSQL refuses to compare with a NUL.
    return token.isalnum()
