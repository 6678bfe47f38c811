"""What the benchmarks share: the app over a SQLite file of their own, requests through its WSGI application, and timing.

Import it before anything that imports numpy: it holds numerical libraries to the one thread that the server gives them.
"""

from __future__ import annotations

import io
import json
import os
import time
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeVar
from wsgiref.util import setup_testing_defaults

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
ONE, BULK = "/api/v1/predictions/", "/api/v1/predictions/bulk/"
Key = TypeVar("Key", bound=Hashable)
Clock = Callable[[], float]


def start_app(database: Path) -> None:
    """Set Django up by the settings of the project over one SQLite file; once per process, before any model is imported."""
    os.environ.setdefault("SECRET_KEY", "benchmarks-only-" + "0123456789" * 5)
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ["DATABASE_URL"] = f"sqlite:///{database.resolve()}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    os.environ.pop("API_RATE", None)
    import django

    django.setup()


def prepare_database() -> str:
    """Make the tables and a user of the API; return the token."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from knox.models import AuthToken

    call_command("migrate", verbosity=0)
    token: str = AuthToken.objects.create(User.objects.create_user("api"))[1]
    return token


def real_records(count: int) -> list[dict[str, Any]]:
    """Return so many records of the data that the model learnt from, from the first again where they do not suffice."""
    from ml_model.data import load_dataset
    from ml_model.spec import load_spec
    from ml_model.training import SPEC_PATH

    spec = load_spec(SPEC_PATH)
    return list(islice(cycle(load_dataset(spec, SPEC_PATH.parent).records), count))


class Door:
    """Sends JSON through the WSGI application in this process: every middleware, authentication, parsing and storing."""

    def __init__(self, token: str) -> None:
        # Static files are not asked for, and need not have been collected.
        warnings.filterwarnings("ignore", "No directory at", UserWarning)
        from project.wsgi import application

        self._application = application
        self._token = token

    def post(self, path: str, body: bytes) -> bytes:
        """Return the body of the answer, which must be ``201``."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Token {self._token}",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
        }
        setup_testing_defaults(environ)
        told: list[str] = []
        answer = self._application(environ, lambda status, _headers, _info=None: told.append(status))
        try:
            content = b"".join(answer)
        finally:
            answer.close()
        if not told[0].startswith("201"):
            raise RuntimeError(f"POST {path}: {told[0]}: {content[:500]!r}")
        return content


def bodies(records: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Return each record as the body of a request."""
    return [json.dumps(record).encode() for record in records]


def interleaved(
    cases: Mapping[Key, Callable[[], object]], rounds: int, *, calls: int = 1, clock: Clock = time.perf_counter
) -> dict[Key, list[float]]:
    """Return the seconds of one call of each case in each round, after one round that does not count.

    In every round each case has its turn, and the first is another one each time, so that the noise of the machine and the
    drift of its clock rate meet all of them alike.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in cases}
    keys = list(cases)
    for number in range(-1, rounds):
        turn = number % len(keys)
        for key in keys[turn:] + keys[:turn]:
            case = cases[key]
            started = clock()
            for _ in range(calls):
                case()
            spent = (clock() - started) / calls
            if number >= 0:
                seconds[key].append(spent)
    return seconds
