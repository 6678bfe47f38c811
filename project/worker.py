"""gunicorn's threaded worker, with one change: a thread takes a request only when the request has arrived.

gunicorn's own threads wait for the bytes of a client, so eight slow clients hold the eight threads of two workers. Here the
worker's main loop receives the bytes of all clients, and ends a request whose head or body takes longer than its total time.

To change this, run ``make faults`` and ``make bench`` before and after.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from project.connection import BODY_TIMEOUT_S, PIECE_BYTES, Connection
from project.http_refusals import refusal

LINGER_S = 2.0
"""How long a closed connection waits for its client to close: closing at once could cut off the answer."""
_SILENT_AT_STOP_S = 1.0
_CHECK_EVERY_S = 0.5
_SEND_TIMEOUT_S = 30
_SEND_BUFFER_BYTES = 208 * 1024
"""A thread that writes an answer of this length does not wait for the client to read it."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Receives requests in its main loop and answers them in its threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watched: dict[Connection, Callable[[Connection], None]] = {}
        """Connections that the main loop reads, and what it does when their time is over."""
        self.answering: set[Connection] = set()
        """Connections that a thread has."""
        self.partial: set[Connection] = set()
        """Those of them whose thread may have to wait for the rest of a long body: half of the threads at most."""
        self.queued: list[Connection] = []
        """Connections with a long body that wait until one of those is done."""
        self.next_check = 0.0

    def init_process(self) -> None:
        """Set what connections inherit from their listener, and run."""
        for listener in self.sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_TIMEOUT_S, 0))
        super().init_process()

    def accept(self, listener: Any) -> bool:
        """Accept one connection; return whether there was one."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        self.nr_conns += 1
        self.enqueue_req(Connection(self.cfg, sock, client, listener.getsockname(), self.linger))
        return True

    def enqueue_req(self, conn: Connection) -> None:
        """Receive a request, then give it to a thread. gunicorn calls this for new and for kept connections."""
        conn.start()
        if conn.received:
            # It came together with the last request, whose caller is on the stack.
            self.method_queue.defer(self._resume, conn)
        else:
            self._resume(conn)

    def _resume(self, conn: Connection) -> None:
        if conn.receive():
            self._dispatch(conn)
        else:
            self._watch(conn, self._on_request, self._time_out)

    def _on_request(self, conn: Connection, _sock: socket.socket) -> None:
        if conn.receive():
            self._unwatch(conn)
            self._dispatch(conn)

    def _dispatch(self, conn: Connection) -> None:
        if not conn.received:
            self._drop(conn)
        elif conn.is_partial and len(self.partial) >= max(1, self.cfg.threads // 2):
            self.queued.append(conn)
        else:
            if conn.is_partial:
                self.partial.add(conn)
            conn.hand_over()
            self._answer(conn)

    def _answer(self, conn: Connection) -> None:
        """Give a request to a thread. With one thread the main loop answers, which saves two changes of thread per request."""
        if self.cfg.threads > 1:
            super().enqueue_req(conn)
            return
        answered: Future[Any] = Future()
        answered.set_result(self.handle(conn))
        self.finish_request(conn, answered)

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        """Close a connection or keep it for its next request, after an answer."""
        super().finish_request(conn, fs)
        if conn in self.partial:
            self.partial.discard(conn)
            if self.queued:
                self._dispatch(self.queued.pop(0))

    def handle(self, conn: Connection) -> Any:
        """Answer one request, in a thread."""
        conn.deadline = time.monotonic() + BODY_TIMEOUT_S
        self.answering.add(conn)
        try:
            return super().handle(conn)
        finally:
            self.answering.discard(conn)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer one request that could be parsed."""
        if conn.must_close:
            req.force_close()
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that gunicorn cannot parse by problem details, as the app does."""
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        answer, request_id = refusal(exc)
        self.log.warning("Invalid request from ip=%s [%s]: %s", addr[0] if addr else "", request_id, exc)
        _send(client, answer)

    def linger(self, conn: Connection) -> None:
        """End the answer; discard what the client still sends until it closes its side."""
        self.nr_conns += 1
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.deadline = time.monotonic() + LINGER_S
        self._watch(conn, self._on_discarded, self._drop)

    def _on_discarded(self, conn: Connection, _sock: socket.socket) -> None:
        with suppress(OSError):
            if conn.sock.recv(PIECE_BYTES, socket.MSG_DONTWAIT):
                return
        self._unwatch(conn)
        self._drop(conn)

    def murder_pending(self) -> None:
        """End what takes too long. gunicorn's main loop calls this at least once a second."""
        now = time.monotonic()
        if now < self.next_check:
            return
        self.next_check = now + _CHECK_EVERY_S
        for conn, end in [(conn, end) for conn, end in self.watched.items() if conn.deadline < now]:
            self._unwatch(conn)
            end(conn)
        for conn in [conn for conn in self.queued if conn.deadline < now]:
            self.queued.remove(conn)
            self._time_out(conn)
        for conn in [conn for conn in tuple(self.answering) if conn.deadline < now]:
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)  # a thread that waits for the rest of the body goes on without it

    def _time_out(self, conn: Connection) -> None:
        if not conn.received:
            self._drop(conn)
            return
        answer, request_id = refusal(TimeoutError())
        self.log.info("Request from ip=%s [%s] did not arrive in time", conn.client[0], request_id)
        _send(conn.sock, answer)
        self.nr_conns -= 1
        conn.close(graceful=True)

    def set_accept_enabled(self, enabled: bool) -> None:  # gunicorn's signature
        """Accept or do not; a worker that stops answers what waits in the backlog, which closing the listener would reset."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            while self.accept(listener):
                pass
            listener.close()
        for conn in self.watched:
            if not conn.received:
                conn.deadline = min(conn.deadline, time.monotonic() + _SILENT_AT_STOP_S)

    def _watch(
        self,
        conn: Connection,
        on_readable: Callable[[Connection, socket.socket], None],
        on_deadline: Callable[[Connection], None],
    ) -> None:
        self.watched[conn] = on_deadline
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(on_readable, conn))

    def _unwatch(self, conn: Connection) -> None:
        del self.watched[conn]
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()


def _send(sock: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        sock.send(answer, socket.MSG_DONTWAIT)
