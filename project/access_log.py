"""The access log: one line per answer, with the id that the log of the app and the answer's header carry."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gunicorn.glogging import Logger


class AccessLog(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn's log with a line of its own: to fill a format it prepares every header and variable of a request."""

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: dt.timedelta) -> None:  # noqa: ARG002
        """Tell of one answer: when, request id, who, what, status, bytes, milliseconds, by which program."""
        if not self.access_log_enabled:
            return
        request_id = next((value for name, value in resp.headers if name == "X-Request-ID"), "-")
        asked = f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ['SERVER_PROTOCOL']}"
        line = '%s ACCESS [%s] %s "%s" %s %s bytes %d ms "%s"'
        parts = (
            _second(int(time.time())),
            request_id,
            environ.get("REMOTE_ADDR", "-"),
            asked.replace('"', '\\"'),
            str(resp.status).partition(" ")[0],
            resp.sent,
            request_time.total_seconds() * 1000,
            environ.get("HTTP_USER_AGENT", "-").replace('"', '\\"'),
        )
        # ``info`` would look through the stack for where it was called.
        self.access_log.handle(logging.LogRecord(self.access_log.name, logging.INFO, __file__, 0, line, parts, None))


@lru_cache(maxsize=1)
def _second(now: int) -> str:
    return time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(now))
