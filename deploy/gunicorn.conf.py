"""gunicorn for Inhouse: ``gunicorn -c deploy/gunicorn.conf.py project.wsgi``, from the root of the project.

The code is imported once and shared by all workers; each loads the model after its fork, so that no thread of a library is
carried through one. ``docs/performance.md`` says how the numbers here were measured.
"""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Any

from predictions import stopping
from project import env
from project.memory import Memory, give_back
from project.worker import Worker

# While the code is imported there is next to nothing to collect, and to look for it took a sixth of the start.
gc.disable()
# Each request scores a few rows: a second thread inside of one waits for the first more than it helps.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_LONG = 2**20
"""Bytes of a body, from where on it is worth a few milliseconds to free its memory."""
_memory = Memory(quiet_s=1.0)
_host = env.address("HOST", "127.0.0.1")
_port = env.integer("PORT", default=8000, least=1, most=65535)
bind = f"{_host}:{_port}"
workers = env.integer("WEB_CONCURRENCY", default=2, least=1, most=256)
threads = env.integer("WEB_THREADS", default=4, least=1, most=256)
worker_class = Worker
# Each takes a file descriptor, and a process often has 1,024 of them.
worker_connections = 800
timeout = env.integer("WEB_TIMEOUT_S", default=60, least=1, most=3600)
graceful_timeout = env.integer("WEB_GRACEFUL_TIMEOUT_S", default=30, least=1, most=3600)
# How long readiness says 503 before the server stops to accept: a proxy needs the time to send requests elsewhere.
_drain_s = env.integer("WEB_DRAIN_S", default=5, least=0, most=3600)
preload_app = True
# The default is a folder that may be read-only, or on a disk that makes a worker wait.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
# A link that fills in a form of many fields is longer than the 4,094 bytes that a request line may have by default.
limit_request_line = 8190
# It would write a socket to the home folder, and nothing here uses it.
control_socket_disable = True
proc_name = "inhouse"
accesslog = "-"
logger_class = "project.access_log.AccessLog"


def on_starting(_server: Any) -> None:
    """Import what the first request would; the runtime starts no thread that a fork would lose, see ``ml_model.compiled``."""
    from django.urls import get_resolver

    from ml_model.compiled import runtime_version

    _ = get_resolver().url_patterns
    runtime_version()


def when_ready(server: Any) -> None:
    """Keep the collector from touching, and so copying, what the workers share, and let it begin; stop in two steps."""

    def stop(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM and _drain_s and not stopping.has_begun():
            stopping.begin()
            signal.alarm(_drain_s)
        else:
            server.signal(signal.SIGTERM, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    gc.freeze()
    # A long body is many objects and no cycle: with Python's threshold of 700 the collector takes a twentieth of its time.
    gc.set_threshold(10_000)
    gc.enable()
    give_back()


def on_reload(server: Any) -> None:
    """Do the same with the code that a reload has imported; this file was executed again for it."""
    when_ready(server)


def post_worker_init(_worker: Any) -> None:
    """Load the model before the first request; without one the worker still serves, and its probe says that it is not ready."""
    from predictions import embedded

    # Ctrl-C reaches the whole process group. The master then tells each worker to stop; a second signal at the same moment would
    # find the worker's own handler inside a lock that it cannot take twice, and the stop would hang until the worker is killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(embedded.ModelUnavailable):
        embedded.live()
    # What is loaded now stays, so the collector need not look through it.
    gc.freeze()
    give_back()


def post_request(_worker: Any, request: Any, _environ: Any, response: Any) -> None:
    """After a long body free what its request and its answer hold of each other."""
    if response is None:
        return
    length = dict(request.headers).get("CONTENT-LENGTH", "0")
    if (response.response_length or 0) > _LONG or (length.isdecimal() and int(length) > _LONG):
        gc.collect()
        _memory.was_needed()
