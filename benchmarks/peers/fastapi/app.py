"""FastAPI as one writes it by hand around the same bundle: validates, predicts, stores nothing."""

from typing import Any

import orjson
from fastapi import FastAPI, Response

from benchmarks.peers.common import load, record_model

app = FastAPI()
model = load()
Record: Any = record_model(model.spec)


def answer(content: object) -> Response:
    """JSON without a response model, which costs more than it checks."""
    return Response(orjson.dumps(content), media_type="application/json")


@app.post("/predict")
def predict(record: Record) -> Response:
    """Answer one record."""
    [(value, low, high)] = model.predict([vars(record)])
    return answer({"value": value, "low": low, "high": high})


@app.post("/predict/bulk")
def bulk(records: list[Record]) -> Response:
    """Answer a list of records by one prediction."""
    answers = model.predict([vars(record) for record in records])
    return answer([{"value": value, "low": low, "high": high} for value, low, high in answers])
