"""The real server, in processes of its own: it starts, answers, and stops when it is told to."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.serving import get, raw, serving

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


@pytest.mark.parametrize("told", ["by the terminal", "by a supervisor"])
def test_it_stops_at_once_while_browsers_keep_their_connections(server, told):
    process, port = server
    kept = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(80)]
    with ThreadPoolExecutor(4) as browsers:
        assert set(browsers.map(lambda connection: get(connection, "/"), kept)) == {200}
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
    head = ("POST /api/v1/predictions/ HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 300000")
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


def test_readiness_turns_first_and_no_connection_is_reset(tmp_path):
    """Clients connect all the time while the server stops: each is answered or refused, none is reset."""
    outcomes: list[str] = []
    readiness: list[int] = []
    stopped = threading.Event()

    def visit() -> None:
        while not stopped.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                outcomes.append(str(get(connection, "/health/live")))
            except OSError as error:
                outcomes.append(type(error).__name__)
            finally:
                connection.close()

    with serving(tmp_path, WEB_DRAIN_S="2") as (process, port), ThreadPoolExecutor(4) as visitors:
        for _ in range(4):
            visitors.submit(visit)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as probe:
            readiness.append(get(probe, "/health/ready"))
        assert process.wait(STOPPED_WITHIN_S) == 0
        stopped.set()
    assert readiness == [503]
    assert set(outcomes) == {"200", "ConnectionRefusedError"}


def test_under_a_path_every_link_and_cookie_has_it(tmp_path):
    with serving(tmp_path, SCRIPT_NAME="/inhouse", WEB_CONCURRENCY="1") as (_, port):
        page = raw(port, b"GET /inhouse/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        linked = set(re.findall(rb'(?:href|src|action)="(/[^"#?]*)', page))
        statuses = {
            link: raw(port, b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % link)[9:12] for link in linked
        }
        problem = raw(port, b"POST /inhouse/api/v1/predictions/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        outside = raw(port, b"GET /elsewhere/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert any(link.endswith(b".css") for link in linked)
    assert all(link.startswith(b"/inhouse/") for link in linked)
    assert set(statuses.values()) == {b"200"}, statuses
    assert re.findall(rb"Path=([^;\r]+)", page) == [b"/inhouse/"] * page.count(b"Set-Cookie:")
    assert b'"/inhouse/api/v1/problems/unauthenticated/"' in problem
    assert outside.startswith(b"HTTP/1.1 404 ")


def test_it_listens_on_an_address_of_ipv6(tmp_path):
    with serving(tmp_path, host="::1", HOST="::1", WEB_CONCURRENCY="1"):
        pass
