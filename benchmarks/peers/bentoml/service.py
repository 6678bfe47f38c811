"""BentoML: the same class of pydantic and the same estimators as a service with two workers."""

from typing import Any

import bentoml

from benchmarks.peers.common import load, record_model

# Read by every worker when it imports the service, for the class of the record is in the signatures below.
model = load()
Record: Any = record_model(model.spec)


@bentoml.service(workers=2)
class Predictions:
    """The service."""

    @bentoml.api(route="/predict")
    def predict(self, record: Record, /) -> dict[str, float]:
        """Answer one record."""
        [(value, low, high)] = model.predict([vars(record)])
        return {"value": value, "low": low, "high": high}

    @bentoml.api(route="/predict/bulk")
    def bulk(self, records: list[Record], /) -> list[dict[str, float]]:
        """Answer a list of records by one prediction."""
        answers = model.predict([vars(record) for record in records])
        return [{"value": value, "low": low, "high": high} for value, low, high in answers]
