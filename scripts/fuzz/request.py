"""One request: its parts, its bytes, its answer, and the shell command that sends it again."""

from __future__ import annotations

import json
import shlex
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scripts.fuzz.values import Pairs, Token

TIMEOUT_S = 30
_BOUNDARY = "fuzz-boundary"
_SHORT = 2_000
"""Bytes of a body that are printed in a command; longer ones are written to a file."""
_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": f"multipart/form-data; boundary={_BOUNDARY}",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request in parts that can be made smaller."""

    door: str
    """What it tries: ``JSON``, ``bulk``, ``inference``, ``form``, ``site``, ``admin`` or ``raw HTTP``."""
    method: str = "GET"
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    login: str = ""
    """Who sends it: ``token``, ``visitor``, ``reviewer``, ``superuser``, or nobody."""
    has_csrf: bool = True
    """Whether the token against forged requests is sent."""
    content: Any = None
    """A value of JSON; name and text pairs of a form; bytes; or None, which is no body."""
    encoding: str = "bytes"
    """How the content is written: ``json``, ``form``, ``multipart`` or ``bytes``; ``socket`` if it is the whole request."""
    rows: int = 1
    must_be_refused: bool = False
    """Whether an answer of success is a fault."""

    def body(self) -> bytes:
        """Return the content as it is sent."""
        match self.encoding:
            case "json":
                return json_text(self.content).encode()
            case "form":
                return "&".join(f"{_quoted(name)}={_quoted(text)}" for name, text in self.content).encode()
            case "multipart":
                return _multipart(self.content)
            case _:
                return self.content or b""

    def target(self) -> str:
        """Return the path with its query."""
        return self.path + ("?" + "&".join(f"{_quoted(name)}={_quoted(text)}" for name, text in self.query) if self.query else "")

    def whole(self, session: Mapping[str, str]) -> bytes:
        """Return the whole request; ``session`` holds the headers of whoever sends it."""
        body = self.body()
        if self.encoding == "socket":
            return body
        lines = [f"{self.method} {self.target()} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.all_headers(session, body).items()]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body

    def all_headers(self, session: Mapping[str, str], body: bytes) -> dict[str, str]:
        """Return the headers, those of the request last."""
        found = {"Host": "127.0.0.1", "Connection": "close", **session}
        if not self.has_csrf:
            found.pop("X-CSRFToken", None)
        if self.encoding in _TYPES:
            found["Content-Type"] = _TYPES[self.encoding]
        if self.content is not None:
            found["Content-Length"] = str(len(body))
        return found | dict(self.headers)

    def command(self, base: str, folder: Path, number: int) -> str:
        """Return a shell command that sends the request; a long body is written to a file of ``folder``."""
        body = self.body()
        if self.encoding == "socket":
            return f"nc {base.removeprefix('http://').replace(':', ' ')} < {_written(folder, number, body)}"
        session = {"token": {"Authorization": "Token $TOKEN"}, "": {}}.get(
            self.login, {"Cookie": f"${self.login.upper()}_COOKIES"}
        )
        if self.login not in {"token", ""} and self.method == "POST" and self.has_csrf:
            session["X-CSRFToken"] = "$CSRF"
        headers = self.all_headers(session, body)
        words = ["curl", "-g", "-i", "-X", self.method, shlex.quote(base + self.target())]
        for name in headers.keys() - {"Host", "Connection", "Content-Length"}:
            # Double quotes, so that the shell fills in the secrets.
            words += ["-H", json.dumps(f"{name}: {headers[name]}", ensure_ascii=False)]
        if self.content is not None:
            is_plain = len(body) <= _SHORT and body.isascii() and all(byte >= 32 for byte in body)
            words += ["--data-binary", shlex.quote(body.decode()) if is_plain else f"@{_written(folder, number, body)}"]
        return " ".join(words)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, and how long it took."""

    status: int
    """0 if the connection was closed without an answer."""
    headers: Mapping[str, str]
    """By names in small letters."""
    cookies: Mapping[str, str]
    body: bytes
    seconds: float


def send(address: tuple[str, int], data: bytes, *, method: str = "GET", is_last: bool = False) -> Answer:
    """Send the bytes of a request and return the answer; raise TimeoutError if none comes in time.

    With ``is_last`` the connection says that no more bytes follow, so that a server does not wait for the rest of a request.
    """
    start = time.perf_counter()
    with socket.create_connection(address, timeout=TIMEOUT_S) as connection:
        with suppress(OSError):  # the server may refuse a long body before it has read all of it
            connection.sendall(data)
            if is_last:
                connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection, method=method)
        try:
            response.begin()
            body = response.read()
        except (HTTPException, ConnectionError):
            return Answer(status=0, headers={}, cookies={}, body=b"", seconds=time.perf_counter() - start)
        headers = {name.lower(): value for name, value in response.getheaders()}
        cookies = [one.partition(";")[0].partition("=") for one in response.headers.get_all("Set-Cookie", [])]
    return Answer(
        status=response.status,
        headers=headers,
        cookies={name: value for name, _, value in cookies},
        body=body,
        seconds=time.perf_counter() - start,
    )


def json_text(value: Any) -> str:
    """Return JSON as Python writes it, with tokens as they stand and pairs as members of an object.

    >>> json_text({"a": Token("NaN"), "b": Pairs([("x", 1), ("x", 2)])})
    '{"a": NaN, "b": {"x": 1, "x": 2}}'
    """
    match value:
        case Token():
            return str(value)
        case dict() | Pairs():
            pairs = value.items() if isinstance(value, dict) else value
            return "{" + ", ".join(f"{json.dumps(str(name))}: {json_text(part)}" for name, part in pairs) + "}"
        case list():
            return "[" + ", ".join(map(json_text, value)) + "]"
        case _:
            return json.dumps(value)


def _multipart(pairs: list[tuple[str, Any]]) -> bytes:
    parts = []
    for name, text in pairs:
        file = '; filename="f.txt"\r\nContent-Type: text/plain' if isinstance(text, bytes) else ""
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        parts.append(head.encode("utf-8", "surrogatepass") + data + b"\r\n")
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _written(folder: Path, number: int, body: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"finding-{number}.body"
    file.write_bytes(body)
    return file
