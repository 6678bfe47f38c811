"""Raw HTTP over a socket: lines, headers and lengths that no client library would send."""

from __future__ import annotations

import random

from scripts.fuzz.request import Request
from scripts.fuzz.values import TEXTS

_HOST = "Host: 127.0.0.1\r\n"
_CLOSE = "Connection: close\r\n"
_POST = f"POST /api/v1/predictions/ HTTP/1.1\r\n{_HOST}{_CLOSE}Content-Type: application/json\r\n"
_LINES = (
    *(
        "GET / HTTP/1.1",
        "GET  / HTTP/1.1",
        "get / HTTP/1.1",
        "GET / HTTP/9.9",
        "GET / HTTP/1.0",
        "GET /",
        "GET / XXXX/1.1",
        " GET / HTTP/1.1",
    ),
    *(
        "GET * HTTP/1.1",
        "GET http://evil/ HTTP/1.1",
        "GET //evil HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /ü HTTP/1.1",
        "GET /? HTTP/1.1",
    ),
    *(
        "GET /%zz HTTP/1.1",
        "GET /%ff%fe HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /#x HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "CONNECT a:1 HTTP/1.1",
    ),
    *(
        "X" * 5_000 + " / HTTP/1.1",
        "GET /" + "a" * 100_000 + " HTTP/1.1",
        "GET /api/v1/" + "a" * 9_000 + " HTTP/1.1",
        "PRI * HTTP/2.0",
        "",
    ),
    *(
        "OPTIONS * HTTP/1.1",
        "\x16\x03\x01\x02\x00\x01\x00",
        "GET /admin/\r HTTP/1.1",
        "TRACE / HTTP/1.1",
        "BREW /api/v1/ HTTP/1.1",
    ),
)
_HEADERS = (
    *(
        "X: " + "a" * 70_000,
        "X" * 70_000 + ": a",
        "No-Colon",
        ": empty",
        "X : space",
        "X: a\0b",
        "X: ü",
        "X: a\rb",
        " folded: x",
        "Host: a, b",
    ),
    *(
        "Host: evil.example",
        "Host:",
        "Host: 127.0.0.1\r\nHost: evil",
        "Host: [::1",
        "Host: 127.0.0.1:99999999",
        "Content-Length: -1",
        "Cookie: \0",
    ),
    *(
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 1e3",
        "Content-Length: " + "9" * 400,
        "Content-Length: ٣",
        "Content-Length: +1",
    ),
    *(
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:\x0bchunked",
    ),
    *(
        "Cookie: " + "a=b; " * 3_000,
        "Cookie: sessionid=" + "x" * 5_000,
        "Cookie: csrftoken=\xff",
        "Range: bytes=0-,0-,0-",
        "If-Modified-Since: x",
    ),
    *(
        "Expect: 100-continue",
        "Expect: x",
        "Upgrade: h2c",
        "Connection: \0",
        "Accept-Encoding: \xff",
        "X-Forwarded-Proto: \xff",
        "Referer: \xff",
    ),
    *(
        "Authorization: Token \xff",
        "X-Request-ID: \xff",
        "Accept: \xff",
        "Content-Type: \xff",
        "Accept-Language: " + "x," * 2_000,
    ),
    "\r\n".join(f"X-{number}: a" for number in range(1_000)),
)
_REFUSED = (
    f"{_POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    f"GET /model/ HTTP/1.1\r\n{_HOST}{_CLOSE}X: {'a' * 70_000}\r\n\r\n",
    f"GET /model/ HTTP/1.1\n{_HOST}{_CLOSE}\n".replace("\r", ""),
    f"GET /model/ HTTP/1.1\r\n{_HOST}{_CLOSE}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    f"GET /model/ HTTP/1.1\r\n{_HOST}{_CLOSE}Content-Length: -1\r\n\r\n",
)
"""Requests that must not succeed: two readers could see two different requests in them."""
_CHUNKS = (
    *(
        "2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{",
        "x\r\n",
        "ffffffffffffffffff\r\n{}",
        "-2\r\n{}\r\n",
        "2;x=y\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}XX0\r\n\r\n",
    ),
    *(
        "2\n{}\n0\n\n",
        "0\r\n" + "X: y\r\n" * 500 + "\r\n",
        "2\r\n{}\r\n0\r\nX: \0\r\n\r\n",
        "2;" + "x" * 70_000 + "\r\n{}\r\n0\r\n\r\n",
        "\r\n\r\n",
    ),
    "1\r\n1\r\n" * 20_000 + "0\r\n\r\n",
)


def raw(rng: random.Random) -> Request:
    """Return the bytes of one connection."""
    request, must_be_refused = "", False
    match rng.randrange(6):
        case 0:
            request, must_be_refused = rng.choice(_REFUSED), True
        case 1:
            request = f"{_POST}Transfer-Encoding: chunked\r\n\r\n{rng.choice(_CHUNKS)}"
        case 2:
            length = rng.choice((0, 1, 3, 500, 40_000_000, 10**12, 10**30))
            request = f"{_POST}Content-Length: {length}\r\n\r\n{{}}"
        case 3:
            request = f"{rng.choice(_LINES)}\r\n{_HOST}{_CLOSE}\r\n"
        case 4:
            request = (
                f"GET {rng.choice(('/', '/admin/', '/api/v1/model/'))} HTTP/1.1\r\n{_HOST}{_CLOSE}{rng.choice(_HEADERS)}\r\n\r\n"
            )
        case 5:
            request = f"{rng.choice(_LINES)}\r\n{rng.choice(_HEADERS)}\r\n{rng.choice(TEXTS)}\r\n\r\n{rng.choice(TEXTS)}"
    data = request.encode("utf-8", "surrogatepass")
    if not must_be_refused and rng.random() < 0.15:
        data = data[: rng.randrange(len(data) + 1)]
    return Request(door="raw HTTP", method="", content=data, encoding="socket", must_be_refused=must_be_refused)
