"""The same with SQLAlchemy 2: every prediction is a row in SQLite before it is answered.

``python -m benchmarks.peers.fastapi.storing`` creates the table.
"""

import os
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel
from sqlalchemy import JSON, create_engine, event, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.peers.common import load, record_model
from benchmarks.peers.fastapi.bodies import Body, answer, records_reader

engine = create_engine(
    os.environ["DATABASE_URL"],
    connect_args={"timeout": 20},
    json_serializer=lambda content: orjson.dumps(content).decode(),
)


@event.listens_for(engine, "connect")
def as_durable_as_inhouse(connection: Any, _record: Any) -> None:
    """Use a write-ahead log and keep the last commits through a power cut."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


class Base(DeclarativeBase):
    """The tables."""


class Prediction(Base):
    """One prediction."""

    __tablename__ = "predictions"

    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    model_version: Mapped[str]
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON)
    value: Mapped[float]
    low: Mapped[float]
    high: Mapped[float]


app = FastAPI()
model = load()
Record: Any = record_model(model.spec)
read = records_reader(Record)


def predict_and_store(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Predict all records at once and insert them by one statement and one commit."""
    shared = {"created_at": datetime.now(UTC), "model_version": model.version}
    rows = [
        {"id": uuid4().hex, "inputs": record, "value": value, "low": low, "high": high, **shared}
        for record, (value, low, high) in zip(records, model.predict(records), strict=True)
    ]
    with engine.begin() as connection:
        connection.execute(insert(Prediction), rows)
    return [{"id": row["id"], "value": row["value"], "low": row["low"], "high": row["high"]} for row in rows]


@app.post("/predict")
def predict(record: Record) -> Response:
    """Answer and store one record."""
    return answer(predict_and_store([vars(record)])[0], 201)


class Answer(BaseModel):
    """The answer to one record."""

    id: str
    value: float
    low: float
    high: float


@app.post("/predict/bulk", status_code=201)
def bulk(records: list[Record]) -> list[Answer]:
    """Answer and store a list of records, declared as FastAPI's documentation shows it."""
    stored: Any = predict_and_store([vars(record) for record in records])
    return stored


@app.post("/predict/bulk/bytes")
def bulk_from_bytes(body: Body) -> Response:
    """Do the same by hand: from the bytes of the body to those of the answer."""
    return answer(predict_and_store(read(body)), 201)


if __name__ == "__main__":
    Base.metadata.create_all(engine)
