"""The day on which each token of the API was last used: written once a day and process, after the answer has been sent."""

from __future__ import annotations

import logging
import threading
import time

from django.db import DatabaseError

from predictions import sqlite
from predictions.models import TokenUse

logger = logging.getLogger(__name__)
_DAY_S = 86_400
_STATEMENT = f"""
    INSERT INTO {TokenUse._meta.db_table} (token_id, last_used_on) VALUES (%s, %s)
    ON CONFLICT (token_id) DO UPDATE SET last_used_on = excluded.last_used_on
"""  # noqa: S608, SLF001  # the name of a table, public in all but its name
_noted: dict[str, int] = {}
"""The day on which this process last saw each valid token, by its digest."""


class _Waiting(threading.local):
    """The token whose use this thread is to write when its answer has been sent."""

    digest: str | None = None


_waiting = _Waiting()


def note(digest: str) -> None:
    """Note that a valid token is used now."""
    today = int(time.time()) // _DAY_S
    if _noted.get(digest) != today:
        _noted[digest] = today
        _waiting.digest = digest


def write(**_: object) -> None:
    """Write what this thread has noted; called when an answer has been sent."""
    digest = _waiting.digest
    if digest is None:
        return
    _waiting.digest = None
    day = time.strftime("%Y-%m-%d", time.gmtime(_noted[digest] * _DAY_S))
    connection = sqlite.database()
    try:
        with sqlite.Turn(connection):
            sqlite.run(connection, _STATEMENT, [digest, day])
    except DatabaseError as error:  # the token was revoked, or the database takes no writes
        _noted.pop(digest, None)
        logger.warning("the use of a token could not be written: %s", error)
