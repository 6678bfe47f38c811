"""Requests to the JSON API, single and bulk, and to the Open Inference Protocol."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote

from scripts.fuzz.records import Records
from scripts.fuzz.request import Request
from scripts.fuzz.values import BODIES, Token, any_text, any_value

_HEADERS = (
    ("Content-Type", "text/plain"),
    ("Content-Type", "application/json; charset=utf-16"),
    ("Content-Type", "application/json; charset=" + "x" * 1_000),
    ("Content-Type", ";;;=,"),
    ("Content-Encoding", "gzip"),
    ("Accept", "text/html"),
    ("Accept", "application/json; indent=9999999"),
    ("Accept", "*/*;q=x"),
    ("Authorization", "Token"),
    ("Authorization", "Token \x7f"),
    ("Authorization", "Token " + "0" * 64),
    ("Authorization", "Token ٣٣"),
    ("Authorization", "Basic Og=="),
    ("X-Request-ID", "x" * 5_000),
    ("X-Forwarded-For", "'"),
    ("Idempotency-Key", "\x7f" * 300),
    ("Host", "evil.example"),
    ("X-HTTP-Method-Override", "DELETE"),
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
_MOST_ROWS = 10_000
_SINGLE, _BULK = "/api/v1/predictions/", "/api/v1/predictions/bulk/"


class ApiDoors:
    """Draws requests of programs."""

    def __init__(self, records: Records, model: str, version: str, tensors: list[dict[str, Any]]) -> None:
        self._records, self._model, self._version = records, model, version
        self._datatypes = {tensor["name"]: tensor["datatype"] for tensor in tensors}
        self._infer = f"/v2/models/{model}/infer"

    def single(self, rng: random.Random) -> Request:
        """Return one record, mostly broken, or a body that is none."""
        content: Any = self._records.valid(rng) if rng.random() < 0.3 else self._records.mutated(rng)
        content = any_value(rng) if rng.random() < 0.1 else content
        return self._sent(rng, Request(door="JSON", method="POST", path=_SINGLE, login="token", content=content, encoding="json"))

    def bulk(self, rng: random.Random) -> Request:
        """Return a list of records; a few are as long or as broken as the limits allow."""
        content: Any = [self._records.valid(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        match rng.randrange(60):
            case 0:
                content = self._heavy_bulk(rng)
            case number if number < 20:
                content[rng.randrange(len(content))] = rng.choice((self._records.mutated(rng), any_value(rng)))
            case number if number < 25:
                content = rng.choice(([], {}, content[0], any_value(rng), [content], [any_value(rng)] * 3))
        rows = len(content) if isinstance(content, list) else 1
        query = (("partial", any_text(rng)),) if rng.random() < 0.1 else ()
        request = Request(
            door="bulk", method="POST", path=_BULK, query=query, login="token", content=content, encoding="json", rows=rows
        )
        return self._sent(rng, request)

    def inference(self, rng: random.Random) -> Request:
        """Return tensors, whole or with faults in their members."""
        rows = [self._records.valid(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        tensors = [self._tensor(name, [row.get(name) for row in rows]) for name in self._records.names]
        content: Any = {"inputs": tensors}
        for _ in range(rng.choice((0, 0, 1, 2))):
            tensor = rng.choice(tensors)
            match rng.randrange(8):
                case 0:
                    tensors.remove(tensor) if len(tensors) > 1 else None
                case 1:
                    tensors.append(rng.choice((dict(tensor), any_value(rng))))
                case 2:
                    content[rng.choice(("id", "outputs", "parameters", any_text(rng)))] = rng.choice(
                        (any_value(rng), [{"name": any_text(rng)}], [{"name": "id"}] * 3)
                    )
                case 3 | 4:
                    tensor["data"] = rng.choice((any_value(rng), [any_value(rng)] * len(rows), [[any_value(rng)]] * len(rows)))
                case 5:
                    tensor["shape"] = rng.choice(
                        (any_value(rng), [any_value(rng)], [len(rows), 1], [-1], [2**62], [len(rows), 2])
                    )
                case _:
                    tensor[rng.choice((*tensor, any_text(rng)))] = any_value(rng)
        if rng.randrange(60) == 0:
            content = self._heavy_inference(rng)
        request = Request(
            door="inference", method="POST", path=self._infer, login="token", content=content, encoding="json", rows=len(rows)
        )
        return self._sent(rng, request)

    def addresses(self, rng: random.Random) -> Request:
        """Return a request for any address of the API, with parameters and methods that it may not have."""
        text = quote(any_text(rng)[:2_000].encode("utf-8", "surrogatepass"), safe="")
        path = rng.choice(
            (
                *(_SINGLE, _SINGLE, _SINGLE, _BULK, f"{_SINGLE}{text}/", "/api/v1/model/", "/api/v1/model/schema/"),
                *(f"/api/v1/problems/{text}/", "/api/v1/", f"/api/{text}", "/v2", "/v2/", f"/v2/{text}", "/v2/health/ready"),
                *(f"/v2/models/{self._model}", f"/v2/models/{text}", f"/v2/models/{self._model}/ready", self._infer),
                *(f"/v2/models/{self._model}/versions/{text}", f"/v2/models/{self._model}/versions/{self._version}/ready"),
                *(f"/v2/models/{self._model}/versions/{text}/infer", "/health/live", "/health/ready", f"/health/{text}"),
            )
        )
        names = (
            "cursor",
            "page_size",
            "source",
            "model_version",
            "page",
            "format",
            "limit",
            "offset",
            "ordering",
            any_text(rng)[:100],
        )
        query = tuple((rng.choice(names), any_text(rng)[:2_000]) for _ in range(rng.randrange(4)))
        headers = (rng.choice(_HEADERS),) if rng.random() < 0.2 else ()
        method = rng.choice(_METHODS) if rng.random() < 0.3 else "GET"
        return Request(door="API", method=method, path=path, query=query, headers=headers, login="token")

    def _sent(self, rng: random.Random, request: Request) -> Request:
        """Return the request as it is, with odd headers, or with a body that is not what it says."""
        changes: dict[str, Any] = vars(request)
        if rng.random() < 0.08:
            changes = changes | {"headers": (rng.choice(_HEADERS),)}
        if rng.random() < 0.08:
            body = request.body()
            cut = body[: rng.randrange(len(body) + 1)]
            changes = changes | {"content": rng.choice((*BODIES, cut, body + body, cut + b"\0")), "encoding": "bytes"}
            changes["headers"] = (("Content-Type", "application/json"), *changes["headers"])
        return Request(**changes)

    def _tensor(self, name: str, data: list[Any]) -> dict[str, Any]:
        return {"name": name, "datatype": self._datatypes[name], "shape": [len(data)], "data": data}

    def _heavy_bulk(self, rng: random.Random) -> Any:
        record = self._records.valid(rng)
        return rng.choice(
            (
                [record] * _MOST_ROWS,
                [record] * (_MOST_ROWS + 1),
                [{f"k{number}": 1 for number in range(400)}] * 1_000,
                [dict.fromkeys(self._records.names, "Xyzzyq")] * 1_000,
                [dict.fromkeys(self._records.names, "9" * 5_000 + "x")] * 100,
                [record | {"x" * 50_000: 1}] * 100,
                [{}] * _MOST_ROWS,
                [Token("[" * 14 + "]" * 14)] * _MOST_ROWS,
                [None] * 1_000_000,
            )
        )

    def _heavy_inference(self, rng: random.Random) -> Any:
        name = self._records.names[0]
        return {
            "inputs": rng.choice(
                (
                    [{"name": "living_aree", "data": []}] * 20_000,
                    [{"name": name + "e" * 200, "datatype": "BYTES", "shape": [1], "data": ["x"]}] * 10_000,
                    [self._tensor(name, [None])] * 10_000,
                    [self._tensor(name, [None] * 300_000)],
                    [self._tensor(name, ["Xyzzyq"] * _MOST_ROWS) for name in self._records.names],
                    [self._tensor(name, [[["x"]]] * _MOST_ROWS) for name in self._records.names],
                )
            )
        }
