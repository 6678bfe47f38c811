"""The server under test: a database and accounts of its own, sessions that are logged in, and a probe that never stops."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from scripts.fuzz.request import Answer, Request, send

ROOT = Path(__file__).resolve().parent.parent.parent
_START_S = 90
_PROBE_EVERY_S = 0.05
_COMMAND = ("gunicorn", "--config", "deploy/gunicorn.conf.py", "project.wsgi")


class Server:
    """A running server with an account for each door."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address: tuple[str, int] = free.getsockname()
        self.base = f"http://127.0.0.1:{self.address[1]}"
        self.log = folder / "log"
        self._folder = folder
        self._environment = os.environ | {
            "DATABASE_URL": os.environ.get("FUZZ_DATABASE_URL") or f"sqlite:///{folder / 'fuzz.sqlite3'}",
            "SECRET_KEY": secrets.token_urlsafe(60),
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "PORT": str(self.address[1]),
            "OMP_NUM_THREADS": "1",
            # What is limited would not be tried.
            "FORM_RATE": "none",
            "WRONG_TOKEN_RATE": "none",
            "LOGIN_FAILURES": "10000",
        }
        self._passwords: dict[str, str] = {}
        self._sessions: dict[str, dict[str, str]] = {"": {}}
        self._cookies: dict[str, dict[str, str]] = {}

    def prepare(self) -> None:
        """Make the database, the static files and the accounts."""
        self._manage("migrate", "--verbosity", "0")
        self._manage("collectstatic", "--no-input", "--verbosity", "0")
        self._passwords = {name: secrets.token_urlsafe(20) for name in ("superuser", "reviewer")}
        script = [
            "from django.contrib.auth.models import Group, User",
            f"User.objects.create_superuser('superuser', password={self._passwords['superuser']!r})",
            f"reviewer = User.objects.create_user('reviewer', password={self._passwords['reviewer']!r}, is_staff=True)",
            "reviewer.groups.add(Group.objects.get(name='Reviewer'))",
        ]
        self._manage("shell", "--verbosity", "0", "--command", "\n".join(script))
        # The superuser's token, so that what programs send can be read in the superuser's history, too.
        token = self._manage("create_api_token", "superuser").split()[-1]
        self._sessions["token"] = {"Authorization": f"Token {token}"}

    def _manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self._environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the server in a process group of its own until the block ends."""
        program = Path(sys.executable).parent / _COMMAND[0]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [program, *_COMMAND[1:]], cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            until = time.monotonic() + _START_S
            while self.send(Request(door="probe", path="/health/ready")).status != 200:
                if time.monotonic() > until or process.poll() is not None:
                    sys.exit(f"The server does not start:\n{self.log.read_text(errors='replace')[-3_000:]}")
                time.sleep(0.1)
            for name in ("visitor", "reviewer", "superuser"):
                self.log_in(name)
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def log_in(self, name: str) -> None:
        """Open the session of an account; that of a visitor has no name and no password."""
        self._cookies[name], self._sessions[name] = {}, {}
        path = "/" if name == "visitor" else "/admin/login/"
        self.send(Request(door="login", path=path, login=name))
        if name == "visitor":
            return
        typed = [("username", name), ("password", self._passwords[name])]
        answer = self.send(Request(door="login", method="POST", path=path, login=name, content=typed, encoding="form"))
        if answer.status != 302:
            sys.exit(f"{name} cannot log in: {answer.status}")

    def send(self, request: Request) -> Answer:
        """Send a request as whoever it names, and keep the cookies of the answer."""
        session = self._sessions[request.login]
        is_last = request.encoding == "socket"
        try:
            answer = send(self.address, request.whole(session), method=request.method, is_last=is_last)
        except ConnectionRefusedError:
            return Answer(status=0, headers={}, cookies={}, body=b"", seconds=0)
        if request.login in self._cookies and answer.cookies:
            cookies = self._cookies[request.login]
            cookies |= answer.cookies
            self._sessions[request.login] = {
                "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
                "X-CSRFToken": cookies.get("csrftoken", ""),
            }
        return answer

    def is_logged_in(self, name: str) -> bool:
        """Return whether a session is still open; odd requests may end it."""
        return self.send(Request(door="login", path="/admin/", login=name)).status == 200


class Probe:
    """Asks ``/health/live`` without a pause, as an orchestrator would, and keeps the slowest answer."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._slowest_s = 0.0
        self._asked_at: float | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def slowest_s(self) -> float:
        """Return the longest wait since the last call, that of the probe under way included."""
        asked_at, slowest_s = self._asked_at, self._slowest_s
        self._slowest_s = 0.0
        return max(slowest_s, time.perf_counter() - asked_at if asked_at else 0.0)

    def _run(self) -> None:
        while True:
            self._asked_at = start = time.perf_counter()
            connection = http.client.HTTPConnection(*self._address, timeout=30)
            with suppress(OSError, http.client.HTTPException), closing(connection):
                connection.request("GET", "/health/live")
                connection.getresponse().read()
            self._slowest_s = max(self._slowest_s, time.perf_counter() - start)
            self._asked_at = None
            time.sleep(_PROBE_EVERY_S)
