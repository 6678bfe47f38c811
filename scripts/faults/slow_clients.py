"""Slow clients against a server: do probe and form still answer, and when does the server end the slow requests?

python -m scripts.faults.slow_clients PORT [CLIENTS]
"""

from __future__ import annotations

import http.client
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.faults.report import Result, result
from scripts.faults.server import serving

HOST = "127.0.0.1"
_FORM = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
_API = b"POST /api/v1/predictions/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
_DRIP_S = 0.3
_PATIENCE_S = 5.0
"""How long a probe or a form may take until it counts as not answered."""
KINDS = {
    "silent": b"",
    "head": _FORM,
    "form": _FORM + b"Content-Length: 5000\r\n\r\n",
    "api": _API + b"Content-Length: 5000\r\n\r\n",
    "long body": _API + b"Content-Length: 5000000\r\n\r\n",
    "chunks": _FORM + b"Transfer-Encoding: chunked\r\n\r\n1\r\n",
    "promise": _FORM + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
    "unread": b"GET /api/v1/model/schema/ HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40,
    "half closed": b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
}
"""What each client of a kind sends at first. From then on it sends one byte after the other, except for the kinds below."""
_SENDS_NO_MORE = {"silent", "unread", "half closed"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one kind of slow clients."""

    kind: str
    clients: int
    asked: int
    """Probes and forms that were asked for while the clients were slow."""
    answered: int
    slowest_s: float
    """Of the answers to them."""
    ended: int
    """Slow connections that the server ended."""
    ended_within_s: float
    """From the start to the last end; 0 if none was ended."""

    def __str__(self) -> str:
        return (
            f"{self.clients} clients, {self.kind}: {self.answered} of {self.asked} probes and forms answered, the slowest in "
            f"{self.slowest_s:.2f} s; {self.ended} connections ended within {self.ended_within_s:.1f} s"
        )


def attack(port: int, kind: str, *, clients: int = 50, seconds: float = 6.0, asks: int = 6, token: str = "") -> Outcome:
    """Open slow connections of one kind, keep each slow for ``seconds``, and ask for probe and form in between.

    With a token of the API, the clients are users of it.
    """
    crowd = _Crowd(port, kind, clients, token)
    with crowd:
        waits = [_ask(port, ("/health/live", "/")[number % 2]) for number in range(asks)]
        crowd.last(seconds)
    answered = [wait_s for wait_s in waits if wait_s is not None]
    return Outcome(
        kind=kind,
        clients=clients,
        asked=len(waits),
        answered=len(answered),
        slowest_s=max(answered, default=0.0),
        ended=len(crowd.ended_after_s),
        ended_within_s=max(crowd.ended_after_s, default=0.0),
    )


def slow_clients(folder: Path) -> Result:
    """Attack a server of the default set-up by 50 slow clients of each kind; only its patience is shorter than by default."""
    with serving(folder, WEB_HEAD_TIMEOUT_S="3", WEB_BODY_TIMEOUT_S="4") as server:
        outcomes = [attack(server.port, kind) for kind in KINDS]
        outcomes.append(attack(server.port, "long body", seconds=30, token=server.token))
    ended = [outcome for outcome in outcomes if outcome.kind != "unread"]
    return result(
        "50 slow clients",
        f"{sum(outcome.answered for outcome in outcomes)} of {sum(outcome.asked for outcome in outcomes)} probes and forms "
        f"answered, the slowest in {max(outcome.slowest_s for outcome in outcomes):.1f} s; slow requests ended within "
        f"{max(outcome.ended_within_s for outcome in ended):.1f} s",
        all_are_answered=all(outcome.answered == outcome.asked for outcome in outcomes),
        slow_requests_end=all(outcome.ended == outcome.clients for outcome in ended),
    )


class _Crowd:
    """Slow connections, kept slow by a thread."""

    def __init__(self, port: int, kind: str, clients: int, token: str) -> None:
        self._kind = kind
        self._started = time.monotonic()
        self._stopped = threading.Event()
        first = KINDS[kind]
        if token:
            first = first.replace(b"\r\n", f"\r\nAuthorization: Token {token}\r\n".encode(), 1)
        self._sockets = [_connected(port, first, reads_little=kind == "unread") for _ in range(clients)]
        self._thread = threading.Thread(target=self._drip)
        self.ended_after_s: list[float] = []

    def __enter__(self) -> None:
        self._thread.start()
        time.sleep(_DRIP_S)

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def last(self, seconds: float) -> None:
        """Wait until the clients have been slow for so long, or all of them have been ended."""
        self._thread.join(max(0.0, self._started + seconds - time.monotonic()))

    def _drip(self) -> None:
        open_ = set(self._sockets)
        while open_ and not self._stopped.wait(_DRIP_S):
            for sock in tuple(open_):
                if _is_ended(sock, self._kind):
                    open_.discard(sock)
                    self.ended_after_s.append(time.monotonic() - self._started)


def _connected(port: int, first: bytes, *, reads_little: bool) -> socket.socket:
    sock = socket.socket()
    if reads_little:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.settimeout(_PATIENCE_S)
    sock.connect((HOST, port))
    with suppress(OSError):
        sock.sendall(first)
    sock.setblocking(False)
    return sock


def _is_ended(sock: socket.socket, kind: str) -> bool:
    """Send one byte more; return whether the server has answered what was not complete, or has closed the connection."""
    if kind == "unread":
        return False
    drips = kind not in _SENDS_NO_MORE
    try:
        if drips:
            sock.send(b"a")
        received = sock.recv(65536)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return not received or (drips and not received.startswith(b"HTTP/1.1 100"))


def _ask(port: int, path: str) -> float | None:
    started = time.monotonic()
    connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return time.monotonic() - started if response.status == 200 else None


def main() -> None:
    """Attack the server on a port by every kind of slow clients, and print what came of it."""
    port, clients = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 50
    for kind in KINDS:
        print(attack(port, kind, clients=clients), flush=True)


if __name__ == "__main__":
    main()
