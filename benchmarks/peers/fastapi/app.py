"""FastAPI as one writes it by hand around the same bundle: validates, predicts, stores nothing."""

from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel

from benchmarks.peers.common import load, record_model
from benchmarks.peers.fastapi.bodies import Body, answer, records_reader

app = FastAPI()
model = load()
Record: Any = record_model(model.spec)
read = records_reader(Record)


@app.post("/predict")
def predict(record: Record) -> Response:
    """Answer one record."""
    [(value, low, high)] = model.predict([vars(record)])
    return answer({"value": value, "low": low, "high": high})


class Answer(BaseModel):
    """The answer to one record."""

    value: float
    low: float
    high: float


@app.post("/predict/bulk")
def bulk(records: list[Record]) -> list[Answer]:
    """Answer a list of records by one prediction, declared as FastAPI's documentation shows it."""
    return _predicted([vars(record) for record in records])


@app.post("/predict/bulk/bytes")
def bulk_from_bytes(body: Body) -> Response:
    """Answer the same by hand: from the bytes of the body to those of the answer."""
    return answer(_predicted(read(body)))


def _predicted(records: list[dict[str, Any]]) -> Any:
    return [{"value": value, "low": low, "high": high} for value, low, high in model.predict(records)]
