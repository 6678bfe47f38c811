"""The real server, in processes of its own: it starts, answers, and stops when it is told to."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
STOPPED_WITHIN_S = 15


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A gunicorn with two workers in a process group of its own, and its port."""
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def single(tmp_path: Path) -> Iterator[int]:
    """The port of a gunicorn with one worker of one thread, as behind a proxy."""
    with serving(tmp_path, WEB_CONCURRENCY="1", WEB_THREADS="1") as (_, port):
        yield port


@contextmanager
def serving(
    tmp_path: Path, config: str = "deploy/gunicorn.conf.py", **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a gunicorn in a process group of its own, with its log in ``tmp_path``; yield it and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'server.sqlite3'}", "PORT": str(port), **variables}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    for prepare in (["migrate"], ["collectstatic", "--no-input"]):
        subprocess.run([sys.executable, "manage.py", *prepare, "--verbosity", "0"], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "gunicorn", "--config", config, "project.wsgi"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_until_ready(port)
        yield process, port
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            if _get(connection, "/health/ready") == 200:
                return
        assert time.monotonic() < until, "the server does not become ready"
        time.sleep(0.2)


def _get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.mark.parametrize("told", ["by the terminal", "by a supervisor"])
def test_it_stops_at_once_while_browsers_keep_their_connections(server, told):
    process, port = server
    kept = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(80)]
    with ThreadPoolExecutor(4) as browsers:
        assert set(browsers.map(lambda connection: _get(connection, "/"), kept)) == {200}
    if told == "by the terminal":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(STOPPED_WITHIN_S) == 0
    for connection in kept:
        connection.close()


TELLING = """
import gc, runpy
globals().update(runpy.run_path("deploy/gunicorn.conf.py"))
_begin = post_worker_init
def post_worker_init(worker):
    _begin(worker)
    worker.log.info("collector: %s", gc.isenabled())
"""


def test_workers_collect_garbage_before_and_after_a_reload(tmp_path):
    (tmp_path / "telling.py").write_text(TELLING)
    with serving(tmp_path, config=str(tmp_path / "telling.py"), WEB_CONCURRENCY="1") as (process, _):
        process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 60
        while len(told := re.findall("collector: (.*)", (tmp_path / "log").read_text())) < 2:
            assert time.monotonic() < until, "no worker was started anew"
            time.sleep(0.2)
    assert set(told) == {"True"}


def _connected(port: int, kept: ExitStack, timeout_s: float) -> socket.socket:
    return kept.enter_context(socket.create_connection(("127.0.0.1", port), timeout=timeout_s))


def test_a_worker_turns_to_the_next_client_before_the_last_one_has_closed(single):
    """gunicorn alone would wait for two seconds."""
    with ExitStack() as kept:
        for _ in range(3):
            connection = _connected(single, kept, timeout_s=1.5)
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_who_still_sends_a_refused_body_gets_the_answer(single):
    head = ("POST /api/v1/predictions/ HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 60000")
    with ExitStack() as kept:
        connection = _connected(single, kept, timeout_s=10)
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        # The answer is on its way, and a connection that the server had closed would be reset by what comes now.
        assert connection.recv(16, socket.MSG_PEEK).startswith(b"HTTP/1.1 401 ")
        for _ in range(6):
            time.sleep(0.05)
            connection.sendall(b" " * 10_000)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.endswith(b'"errors": []}')
