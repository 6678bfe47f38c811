"""One line per answer, which an operator finds by its request id and nobody else can forge."""

from __future__ import annotations

import datetime as dt
import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from project.access_log import AccessLog

ENVIRON = {
    "REQUEST_METHOD": "POST",
    "RAW_URI": "/api/v1/predictions/?a=%22",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "10.0.0.7",
    "HTTP_USER_AGENT": 'curl "8"',
}
ANSWER = SimpleNamespace(status="201 Created", sent=1234, headers=[("Server", "x"), ("X-Request-ID", "abc")])


def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, log: str | None = "-", **changes: Any) -> list[str]:
    config = Config()
    config.set("accesslog", log)
    writer = AccessLog(config)
    monkeypatch.setattr(writer.access_log, "propagate", True)
    monkeypatch.setattr(writer.access_log, "handlers", [])
    answer = SimpleNamespace(**vars(ANSWER) | changes)
    with caplog.at_level(logging.INFO, "gunicorn.access"):
        writer.access(answer, None, ENVIRON, dt.timedelta(milliseconds=12.7))
    return caplog.messages


def test_the_line(caplog, monkeypatch):
    [line] = lines(caplog, monkeypatch)
    time, rest = line[:28], line[28:]
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", time)
    assert rest == r' ACCESS [abc] 10.0.0.7 "POST /api/v1/predictions/?a=%22 HTTP/1.1" 201 1234 bytes 12 ms "curl \"8\""'


def test_an_answer_without_an_id(caplog, monkeypatch):
    [line] = lines(caplog, monkeypatch, headers=[])
    assert " ACCESS [-] " in line


def test_no_line_where_the_access_log_is_off(caplog, monkeypatch):
    assert lines(caplog, monkeypatch, log=None) == []
