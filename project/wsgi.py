"""The WSGI application that gunicorn serves."""

import io
import os
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.db import connection
from gunicorn.http.errors import ParseException

from predictions.api.problems import API_ROOTS
from predictions.backups import announce_server
from predictions.sqlite_backend.base import DatabaseWrapper
from project.limits import PAGE_BODY_BYTES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


class Chunks(io.IOBase):
    """A chunked body as gunicorn reads it. A fault in its framing is an OSError, which is what Django expects of a stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the body."""
        try:
            return self._stream.read(size)
        except ParseException as error:
            raise OSError(str(error)) from error


class Request(WSGIRequest):
    """A request that may have a chunked body, or nonsense as its Content-Type: Django raises before a middleware could answer."""

    def __init__(self, environ: dict[str, Any]) -> None:
        if "HTTP_TRANSFER_ENCODING" in environ:
            is_api = environ["PATH_INFO"].startswith(API_ROOTS)
            most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_api else PAGE_BODY_BYTES
            # Django reads as many bytes as are announced. One more than is accepted shows that the body is too long.
            environ["CONTENT_LENGTH"] = str(most + 1)
            environ["wsgi.input"] = Chunks(environ["wsgi.input"])
        super().__init__(environ)

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except ValueError:
            meta["CONTENT_TYPE"] = self.content_type = ""
            self.content_params = {}


application = get_wsgi_application()
# A server whose database was deleted must say so, and not go on with an empty file.
DatabaseWrapper.may_create = False
if connection.vendor == "sqlite":
    announce_server(Path(connection.settings_dict["NAME"]))
application.request_class = Request
