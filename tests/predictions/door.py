"""The API as its tests call it, and the shape that each of its errors must have."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from knox.models import AuthToken

from predictions.models import Prediction
from predictions.services import predict_and_store


class Api:
    """A client of the API that carries the token of one user, or none."""

    def __init__(self, user: User | None = None) -> None:
        headers = {"Authorization": f"Token {AuthToken.objects.create(user)[1]}"} if user else {}
        self.client = Client(raise_request_exception=False, headers=headers)

    def get(self, address: str, **extra: Any) -> Any:
        """GET an address under the API, or one that an answer gave."""
        return self.client.get(_absolute(address), **extra)

    def post(self, address: str, value: Any) -> Any:
        """POST a value as JSON."""
        return self.send(address, json.dumps(value).encode())

    def send(self, address: str, body: bytes, content_type: str = "application/json", **extra: Any) -> Any:
        """POST bytes as they are."""
        return self.client.generic("POST", _absolute(address), body, content_type, **extra)


def predicted(records: list[Any], **told: Any) -> list[Prediction]:
    """Predict, and return the rows as the database holds them, in order."""
    return [Prediction.objects.get(pk=predict_and_store(record, **told).id) for record in records]


def _absolute(address: str) -> str:
    return address if address.startswith(("/", "http://testserver/")) else f"/api/v1/{address}"


def problem_of(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """Return the problem that an answer is, after checking that it is one and leaks nothing."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Content-Length"]) == len(response.content)
    problem: dict[str, Any] = json.loads(response.content)
    inference = {"error"} if response.request["PATH_INFO"].startswith("/v2") else set()  # type: ignore[attr-defined]
    assert set(problem) == {"type", "title", "status", "detail", "request_id", "errors"} | inference
    assert problem["type"] == f"/api/v1/problems/{code}/"
    assert problem["status"] == status
    assert problem["request_id"] == response["X-Request-ID"]
    assert problem["title"]
    assert problem["detail"]
    assert b"Traceback" not in response.content
    assert all(
        set(error) == {"pointer", "code", "detail"} and all(map(len, (error["code"], error["detail"])))
        for error in problem["errors"]
    )
    return problem
