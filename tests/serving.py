"""The real server for tests: gunicorn in a process group of its own, with a new database."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


@contextmanager
def serving(
    tmp_path: Path, config: str = "deploy/gunicorn.conf.py", host: str = "127.0.0.1", **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a gunicorn in a process group of its own, with its log in ``tmp_path``; yield it and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = _environment(tmp_path) | {"PORT": str(port), "WEB_DRAIN_S": "0", **variables}
    for prepare in (["migrate"], ["collectstatic", "--no-input"]):
        subprocess.run([sys.executable, "manage.py", *prepare, "--verbosity", "0"], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "gunicorn", "--config", config, "project.wsgi"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_until_ready(host, port, variables.get("SCRIPT_NAME", ""))
        yield process, port
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def token_for(tmp_path: Path) -> str:
    """Return a new token of the API for the server whose database is in ``tmp_path``."""
    command = [sys.executable, "manage.py", "create_api_token", "caller"]
    made = subprocess.run(command, cwd=ROOT, env=_environment(tmp_path), capture_output=True, text=True, check=True)
    return made.stdout.strip()


def _environment(tmp_path: Path) -> dict[str, str]:
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'server.sqlite3'}"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return environment


def raw(port: int, *parts: bytes, ends: bool = False) -> bytes:
    """Send bytes over a new connection, each part by itself, and return all that comes back; ``ends`` closes the sending side."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.02)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _wait_until_ready(host: str, port: int, prefix: str) -> None:
    until = time.monotonic() + 60
    while True:
        with suppress(OSError), closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
            if get(connection, f"{prefix}/health/ready") == 200:
                return
        assert time.monotonic() < until, "the server does not become ready"
        time.sleep(0.2)


def get(connection: http.client.HTTPConnection, path: str) -> int:
    """Return the status of an answer, after reading it."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status
