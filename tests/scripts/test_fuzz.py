"""The fuzz command: what it takes for a fault, that its requests can be drawn again, and that it makes them small."""

from __future__ import annotations

import dataclasses
import doctest
import json
import random
from typing import Any

import pytest

from ml_model.records import RecordValidator
from ml_model.scoring import load_scorer
from scripts.fuzz import request as request_module
from scripts.fuzz import shrink
from scripts.fuzz.api_doors import ApiDoors
from scripts.fuzz.checks import fault_of
from scripts.fuzz.page_doors import PageDoors
from scripts.fuzz.raw_door import raw
from scripts.fuzz.records import Records
from scripts.fuzz.request import Answer, Request, json_text

PROBLEM = {"type": "/x/", "title": "t", "status": 400, "detail": "d", "request_id": "r", "errors": []}
JSON = Request(door="JSON", method="POST", path="/api/v1/predictions/", content={"a": 1}, encoding="json")
SOCKET = Request(door="raw HTTP", content=b"x", encoding="socket")


def answered(status: int, body: Any = PROBLEM, *, seconds: float = 0.01, **headers: str) -> Answer:
    headers = {"content-type": "application/problem+json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status=status, headers=headers, cookies={}, body=json.dumps(body).encode(), seconds=seconds)


@pytest.fixture(scope="module")
def validator() -> RecordValidator:
    return load_scorer().validator


@pytest.fixture(scope="module")
def records(validator: RecordValidator) -> Records:
    return Records(validator.json_schema())


@pytest.mark.parametrize(
    ("request_", "answer", "fault"),
    [
        (JSON, answered(400), ""),
        (JSON, answered(500), "status 500"),
        (JSON, answered(503), "status 503"),
        (JSON, answered(503, PROBLEM | {"status": 503}, retry_after="30"), ""),
        (JSON, answered(0), "no answer"),
        (SOCKET, answered(0), ""),
        (SOCKET, answered(501), ""),
        (SOCKET, answered(502), "status 502"),
        (dataclasses.replace(SOCKET, must_be_refused=True), answered(200), "accepted with 200"),
        (JSON, answered(201, seconds=2.5), "slow"),
        (dataclasses.replace(JSON, rows=1_000), answered(201, seconds=2.5), ""),
        (JSON, answered(400, content_type="text/html"), "error is no problem+json"),
        (JSON, answered(400, {"type": "x"}), "members of the problem"),
        (JSON, answered(400, PROBLEM | {"status": 404}), "members of the problem"),
        (JSON, answered(400, PROBLEM | {"errors": [{"pointer": "/a"}]}), "members of the problem's errors"),
        (dataclasses.replace(JSON, path="/predictions/"), answered(404, content_type="text/html"), ""),
    ],
)
def test_what_is_a_fault(request_: Request, answer: Answer, fault: str) -> None:
    assert fault_of(request_, answer, probe_s=0.1) == fault


def test_a_slow_probe_is_a_fault() -> None:
    assert fault_of(JSON, answered(400), probe_s=0.6) == "slow probe"


def test_records_drawn_from_the_schema_are_valid(records: Records, validator: RecordValidator) -> None:
    rng = random.Random(5)
    assert len(validator.validate([records.valid(rng) for _ in range(200)])) == 200


def test_a_seed_draws_the_same_requests_again(records: Records) -> None:
    names = [{"name": name, "datatype": "FP64"} for name in records.names]
    api, pages = ApiDoors(records, "m", "1.0.0", names), PageDoors(records, ["/admin/auth/user/"], ["x"])
    doors = [api.single, api.bulk, api.inference, api.addresses, pages.form, pages.site, pages.admin, pages.review, raw]
    for door in doors:
        first, second = ([door(random.Random(seed)).whole({}) for seed in range(40)] for _ in "ab")
        assert first == second
        assert len(set(first)) > 8


def test_the_smallest_request_keeps_what_is_needed() -> None:
    content = [{"good": 1, "text": "x" * 1_000, "bad": "a" * 64 + "!"}, {"other": [1, 2, 3]}]
    query = (("page", "1"), ("q", "nonsense"))
    large = dataclasses.replace(JSON, content=content, query=query, headers=(("Accept", "x"),))
    small = shrink.smallest(large, lambda tried: "!" in json_text(tried.content))
    assert (small.content, small.query, small.headers) == ([{"bad": "!"}], (), ())


def test_the_command_quotes_what_a_shell_would_change(tmp_path) -> None:
    command = dataclasses.replace(JSON, content={"a": "it's"}, login="token").command("http://127.0.0.1:1", tmp_path, 3)
    assert command.startswith("curl -g -i -X POST http://127.0.0.1:1/api/v1/predictions/")
    assert '"Authorization: Token $TOKEN"' in command
    assert """'{"a": "it'"'"'s"}'""" in command
    long = dataclasses.replace(JSON, content=["x" * 5_000]).command("http://127.0.0.1:1", tmp_path, 3)
    assert (tmp_path / "finding-3.body").read_text() == json_text(["x" * 5_000])
    assert f"@{tmp_path / 'finding-3.body'}" in long


@pytest.mark.parametrize("module", [request_module, shrink])
def test_examples(module) -> None:
    assert doctest.testmod(module).failed == 0
