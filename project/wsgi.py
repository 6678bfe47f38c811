"""The WSGI application that gunicorn serves."""

import os
from pathlib import Path
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.db import connection

from predictions.backups import announce_server
from predictions.sqlite_backend.base import DatabaseWrapper

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


class Request(WSGIRequest):
    """A request whose Content-Type may be nonsense; Django raises on some before any middleware could answer."""

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
