"""FastAPI as one writes it by hand around the same bundle: validates, predicts, stores nothing."""

from typing import Any

from fastapi import FastAPI, Response

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


@app.post("/predict/bulk")
def bulk(body: Body) -> Response:
    """Answer a list of records by one prediction."""
    return answer([{"value": value, "low": low, "high": high} for value, low, high in model.predict(read(body))])
