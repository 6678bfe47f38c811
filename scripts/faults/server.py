"""The real server in a folder of its own, a client of it, and the load whose acknowledged answers are counted afterwards."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
PREDICTIONS, READY, LIVE = "/api/v1/predictions/", "/health/ready", "/health/live"
PASSWORD = "a-password-of-the-faults"  # noqa: S105  # of a superuser in a database that is thrown away
COMMAND = ("-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "project.wsgi")


@dataclass(kw_only=True)
class Answer:
    """What the server answered."""

    status: int
    """0 if the connection broke off."""
    body: bytes
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class Server:
    """A server of this project over one database, in a process group of its own."""

    def __init__(self, folder: Path, database_url: str = "", **variables: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.file = folder / "site.sqlite3"
        self.environment = os.environ | {
            "DATABASE_URL": database_url or f"sqlite:///{self.file}",
            "SECRET_KEY": "faults-only-" + "0123456789" * 5,
            "LOG_LEVEL": "WARNING",
            "OMP_NUM_THREADS": "1",
            "PORT": str(self.port),
            **variables,
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        self._process: subprocess.Popen[bytes] | None = None
        self.token = ""

    def manage(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ``manage.py`` over the same database."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment | variables, capture_output=True, text=True, timeout=120, check=False
        )

    def prepare(self) -> None:
        """Make the tables, a token of the API and a superuser."""
        for words in (
            ("migrate", "--verbosity", "0"),
            ("collectstatic", "--no-input", "--verbosity", "0"),
            ("createsuperuser", "--no-input", "--username", "root", "--email", "root@example.com"),
        ):
            done = self.manage(*words, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
            if done.returncode:
                raise RuntimeError(done.stderr)
        self.token = self.manage("create_api_token", "faults").stdout.strip()

    def start(self, *, wait_s: float = 60) -> None:
        """Start the server and wait until it is ready; with ``wait_s`` 0 only until it accepts connections."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *COMMAND], cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        path = READY if wait_s else LIVE
        if not wait_until(lambda: self.get(path).status == 200, wait_s or 60):
            raise RuntimeError(f"the server does not answer: {(self.folder / 'server.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """End the whole process group at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def get(self, path: str, timeout_s: float = 30) -> Answer:
        """GET a page or a probe."""
        return self.ask("GET", path, timeout_s=timeout_s)

    def post(self, record: object, timeout_s: float = 60, token: str = "") -> Answer:
        """POST a record to the API."""
        headers = {"Authorization": f"Token {token or self.token}", "Content-Type": "application/json"}
        return self.ask("POST", PREDICTIONS, json.dumps(record).encode(), headers, timeout_s)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, timeout_s: float = 30
    ) -> Answer:
        """Send one request on a connection of its own."""
        started_at = time.monotonic()
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)) as connection:
                connection.request(method, path, body or None, dict(headers or {}))
                response = connection.getresponse()
                content = response.read()
                answer_headers = {name.lower(): value for name, value in response.getheaders()}
        except (OSError, http.client.HTTPException):
            return Answer(status=0, body=b"", seconds=time.monotonic() - started_at)
        return Answer(status=response.status, body=content, seconds=time.monotonic() - started_at, headers=answer_headers)

    def ready(self) -> int:
        """Return the status of the readiness probe, from a look that began after this call."""
        time.sleep(1.1)  # a look is kept for a second
        return self.get(READY).status


@contextmanager
def serving(folder: Path, database_url: str = "", *, start: bool = True, **variables: str) -> Iterator[Server]:
    """Run a prepared server and end it with its folder's fault."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder, database_url, **variables)
    if database_url:
        server.prepare()
    else:
        template, server.token = _template()
        shutil.copy(template, server.file)
    try:
        if start:
            server.start()
        yield server
    finally:
        server.kill()


@cache
def _template() -> tuple[Path, str]:
    """Return a prepared database, which is made once, and its token."""
    folder = Path(os.environ.get("FAULTS_FOLDER", "/tmp")) / f"inhouse-faults-{os.getuid()}-{secrets.token_hex(4)}"  # noqa: S108
    folder.mkdir(mode=0o700)
    server = Server(folder)
    server.prepare()
    return server.file, server.token


def wait_until(is_done: Callable[[], bool], most_s: float) -> bool:
    """Return whether something happens in time."""
    until = time.monotonic() + most_s
    while not is_done():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@cache
def example() -> dict[str, Any]:
    """Return a record that the live release accepts."""
    from ml_model.scoring import load_scorer

    return dict(load_scorer().spec.example())


@cache
def _numbered_field() -> tuple[str, int, int]:
    """Return the field of numbers with the widest range; each request of a load has a number of its own in it."""
    from ml_model.scoring import load_scorer

    ranges = [(field.name, *field.trained) for field in load_scorer().spec.field if field.trained]
    name, least, most = max(ranges, key=lambda found: found[2] - found[1])
    return name, int(least) + 1, int(most)


class Load:
    """Threads that post records, each with a number of its own, and a ledger of what was acknowledged."""

    def __init__(self, server: Server, threads: int = 8) -> None:
        self._server = server
        self._name, self._first, self._last = _numbered_field()
        self._next, self._lock, self._stop = self._first, threading.Lock(), threading.Event()
        self._threads_wanted = threads
        self._threads: list[threading.Thread] = []
        self.acknowledged: dict[str, int] = {}
        """Number of the record by the id of the answer."""
        self.statuses: Counter[int] = Counter()
        self.slowest_s = 0.0

    def __enter__(self) -> Self:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._run) for _ in range(self._threads_wanted)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                number = self._next
                self._next += 1
            if number > self._last:
                return
            answer = self._server.post(example() | {self._name: number})
            with self._lock:
                self.statuses[answer.status] += 1
                self.slowest_s = max(self.slowest_s, answer.seconds)
                if answer.status == 201:
                    self.acknowledged[answer.json()["id"]] = number
            if answer.status == 0:
                time.sleep(0.02)  # the server is gone

    def compared(self, stored: Mapping[str, Mapping[str, Any]]) -> tuple[int, int]:
        """Return how many acknowledged rows are not stored as they were answered, and how many records are stored twice."""
        lost = sum(stored.get(key, {}).get(self._name) != number for key, number in self.acknowledged.items())
        numbers = Counter(inputs[self._name] for inputs in stored.values())
        return lost, sum(count - 1 for count in numbers.values())


STORED = """
import json, sys, django
django.setup()
from predictions.models import Prediction
json.dump({str(key): inputs for key, inputs in Prediction.objects.values_list("pk", "inputs")}, sys.stdout)
"""


def stored_rows(server: Server, **variables: str) -> dict[str, dict[str, Any]]:
    """Return the inputs of all stored predictions by their id, read by a process of its own."""
    environment = server.environment | {"DJANGO_SETTINGS_MODULE": "project.settings"} | variables
    done = subprocess.run([sys.executable, "-c", STORED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return rows
