"""One client's connection: receives a request without a thread, until a thread can answer it without waiting for the client."""

from __future__ import annotations

import fcntl
import re
import socket
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn

from project import env
from project.limits import PAGE_BODY_BYTES

HEAD_TIMEOUT_S = env.integer("WEB_HEAD_TIMEOUT_S", default=10, least=1, most=3600)
BODY_TIMEOUT_S = env.integer("WEB_BODY_TIMEOUT_S", default=60, least=1, most=3600)
PIECE_BYTES = 64 * 1024
_LONGEST_HEAD_BYTES = 64 * 1024
_BODY = re.compile(rb"\r\n(?:content-length[ \t]*:[ \t]*(\d{1,18})|transfer-encoding[ \t]*:)", re.IGNORECASE)
_EXPECTS_CONTINUE = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)


class Connection(TConn):  # type: ignore[misc]  # gunicorn is not typed
    """A connection, and what has arrived of its next request.

    It only finds out *when* a request is complete. What the bytes mean is decided by gunicorn's parser alone.
    """

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, linger: Callable[[Connection], None]) -> None:
        super().__init__(cfg, sock, client, server)
        self._linger = linger
        self.received = bytearray()
        self.deadline = 0.0
        """On the monotonic clock, in seconds."""
        self.must_close = False
        """Whether no other request can follow on this connection without a wait for the client."""
        self.is_whole = False
        """Whether the whole request has arrived."""
        self.is_partial = False
        """Whether the thread that takes the request has to wait for the rest of its body."""
        self._head_bytes = 0
        self._body_bytes: int | None = 0
        """None for a chunked body."""

    def start(self) -> None:
        """Begin to receive a request. What came behind the last request belongs to it."""
        self.deadline = time.monotonic() + HEAD_TIMEOUT_S
        self._head_bytes = 0
        self.is_whole = False
        if self.initialized:
            self.received = bytearray(self.parser.unreader.take_buffered())
            # A client that asks again before it has read the last answer could fill the send buffer and hold a thread.
            self.must_close = _unsent_bytes(self.sock) > 0

    def receive(self) -> bool:
        """Read what has arrived, without waiting; return whether a thread can take the request."""
        if self.received and self._is_complete():
            return True
        try:
            piece = self.sock.recv(PIECE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        self.received += piece
        return not piece or self._is_complete()

    def hand_over(self) -> None:
        """Give gunicorn's parser what has arrived."""
        self.init()
        self.data_ready = True
        self.parser.unreader.unread(bytes(self.received))
        self.received.clear()

    def close(self, graceful: bool = False) -> None:  # gunicorn's signature
        """Close the connection; gracefully means that the client can still read the answer.

        To close while bytes of the client are unread, or are still on their way, would reset the connection.
        """
        if graceful and not (self.is_whole and self._has_nothing_unread()):
            self._linger(self)
        else:
            super().close()

    def _has_nothing_unread(self) -> bool:
        try:
            return not self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _is_complete(self) -> bool:
        received = self.received
        if not self._head_bytes:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                # The parser refuses a head that is too long or has a bare line feed.
                return len(received) > _LONGEST_HEAD_BYTES or received.count(b"\n") != received.count(b"\r\n")
            self._head_bytes = end + 4
            self._read_head(bytes(received[: end + 2]))
        body_bytes = len(received) - self._head_bytes
        if self._body_bytes is None:
            self.is_whole = received.endswith(b"\r\n\r\n")
            is_long = body_bytes > PAGE_BODY_BYTES
        else:
            self.is_whole = body_bytes >= self._body_bytes
            is_long = self._body_bytes > PAGE_BODY_BYTES
        # A thread reads a long body itself, after the app has checked who sends it.
        self.is_partial = is_long and not self.is_whole
        self.must_close |= self.is_partial
        return self.is_whole or is_long

    def _read_head(self, head: bytes) -> None:
        self.deadline = time.monotonic() + BODY_TIMEOUT_S
        found = _BODY.search(head)
        self._body_bytes = 0 if found is None else int(found[1]) if found[1] else None
        if found and _EXPECTS_CONTINUE.search(head):
            with suppress(OSError):
                self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n", socket.MSG_DONTWAIT)


def _unsent_bytes(sock: socket.socket) -> int:
    """Return how many bytes of the answers the client has not taken yet."""
    return int(struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0])
