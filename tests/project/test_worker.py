"""The worker of gunicorn that waits for no client: slow ones, broken ones, and those that send what no server should take."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from ml_model.tables import Value
from predictions import embedded
from scripts.faults.slow_clients import KINDS, attack
from tests.serving import get, raw, serving, token_for

HEAD_S, BODY_S = 1, 2
ENDED_WITHIN_S = BODY_S + 1.5
"""The worker looks twice a second, and a client counts as ended when it has sent its next byte."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """The port of a server as it is by default, but with little patience and small bodies."""
    limits = {"WEB_HEAD_TIMEOUT_S": str(HEAD_S), "WEB_BODY_TIMEOUT_S": str(BODY_S), "MAX_BODY_BYTES": "6000000"}
    with serving(folder, **limits) as (_, port):
        yield port


@pytest.fixture(scope="module")
def token(folder: Path, port: int) -> str:  # the server makes the tables
    """A token of its API."""
    return token_for(folder)


@pytest.fixture(scope="module")
def record() -> dict[str, Value]:
    """A record that the live release accepts."""
    return embedded.live().spec.example()


@pytest.mark.parametrize("kind", KINDS)
def test_probe_and_form_are_answered_while_fifty_clients_are_slow(port, kind):
    outcome = attack(port, kind, clients=50, seconds=0, asks=4)
    assert outcome.answered == outcome.asked, str(outcome)


def test_users_of_the_api_with_long_slow_bodies_leave_threads_to_others(port, token):
    outcome = attack(port, "long body", clients=50, seconds=3 * BODY_S, asks=4, token=token)
    assert (outcome.answered, outcome.ended) == (outcome.asked, 50), str(outcome)


@pytest.mark.parametrize("kind", ["silent", "head", "form", "api", "chunks", "promise", "half closed"])
def test_what_does_not_arrive_in_time_is_ended(port, kind):
    outcome = attack(port, kind, clients=3, seconds=2 * ENDED_WITHIN_S, asks=0)
    assert (outcome.ended, outcome.ended_within_s < ENDED_WITHIN_S) == (3, True), str(outcome)


def problem_in(answer: bytes) -> tuple[int, dict[str, object]]:
    """Return the status and the problem of a raw answer."""
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(content)
    assert f"X-Request-ID: {problem['request_id']}".encode() in head
    return int(head[9:12]), problem


def test_a_slow_request_is_told_why_it_ended(port):
    status, problem = problem_in(raw(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n"))
    assert (status, problem["type"]) == (408, "/api/v1/problems/timeout/")


REFUSED = {
    "length and chunks": (
        400,
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "bare line feeds": (400, b"GET / HTTP/1.1\nHost: localhost\n\n"),
    "a long header": (431, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"),
    "a head without end": (431, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 200_000),
    "a long address": (414, b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "an unknown coding": (501, b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: zip\r\n\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n"),
    "no HTTP": (400, b"\x16\x03\x01\x02\x00\x01\r\n\r\n"),
    "two lengths": (400, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_parser_refuses_is_a_problem(port, name):
    status, sent = REFUSED[name]
    assert problem_in(raw(port, sent))[0] == status


def post(path: str, token: str, *headers: str) -> bytes:
    """Return the head of a POST."""
    own = (f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Token {token}", "Content-Type: application/json")
    return "\r\n".join([*own, "Connection: close", *headers, "", ""]).encode()


def chunked(*chunks: bytes) -> bytes:
    """Return a whole chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def test_a_chunked_body_is_read_at_every_door(port, token, record):
    body = json.dumps(record).encode()
    head = post("/api/v1/predictions/", token, "Transfer-Encoding: chunked")
    assert raw(port, head, chunked(body)).startswith(b"HTTP/1.1 201 ")
    assert raw(port, head, *(b"1\r\n%c\r\n" % byte for byte in body[:30]), chunked(body[30:])).startswith(b"HTTP/1.1 201 ")
    assert raw(port, head + chunked(body[:9], body[9:])).startswith(b"HTTP/1.1 201 ")
    bulk = json.dumps([record] * 400).encode()
    assert len(bulk) > 256 * 1024
    assert raw(port, post("/api/v1/predictions/bulk/", token, "Transfer-Encoding: chunked"), chunked(bulk)).startswith(
        b"HTTP/1.1 201 "
    )


def test_a_chunked_body_over_the_limit_is_refused(port, token):
    answer = raw(port, post("/api/v1/predictions/", token, "Transfer-Encoding: chunked"), chunked(b" " * 6_500_000))
    assert problem_in(answer)[0] == 413


BROKEN = {
    "nothing": b"",
    "an empty body": b"0\r\n\r\n",
    "half a chunk": b"fff\r\n{",
    "no last chunk": b"2\r\n{}\r\n",
    "a length that is none": b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk that is too long": b"1\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("path", ["/api/v1/predictions/", "/v2/models/ames-house-prices/infer"])
def test_a_broken_chunked_body_is_malformed(port, token, name, path):
    status, problem = problem_in(raw(port, post(path, token, "Transfer-Encoding: chunked"), BROKEN[name], ends=True))
    assert (status, problem["type"]) == (400, "/api/v1/problems/malformed/")


def test_a_client_that_waits_for_leave_to_send_gets_it(port, token, record):
    body = json.dumps(record).encode()
    started = time.monotonic()
    head = post("/api/v1/predictions/", token, "Expect: 100-continue", f"Content-Length: {len(body)}")
    answer = raw(port, head, body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert b"HTTP/1.1 201 " in answer
    assert time.monotonic() - started < BODY_S


def test_one_connection_answers_many_requests(port):
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        assert [get(connection, "/health/live") for _ in range(3)] == [200] * 3
        kept = connection.sock
        assert kept is connection.sock is not None


def test_requests_that_come_together_are_answered_in_turn(port):
    asked = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    answer = raw(port, asked % b"" + asked % b"" + asked % b"Connection: close\r\n")
    assert answer.count(b'{"status": "live"}') >= 1
    assert answer.endswith(b'{"status": "live"}')
