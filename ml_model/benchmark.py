"""The fixed test rows as a release reads them, and what it is worth on them and in its slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import Metric, SliceMetrics
from ml_model.data import held_out, read_target, records_of
from ml_model.errors import RecordsRefused
from ml_model.evaluation import classification_metrics, regression_metrics
from ml_model.features import encode_column
from ml_model.paired import predictions
from ml_model.records import Record, RecordValidator
from ml_model.scoring import Score, ends_of
from ml_model.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Rows of one side of the split under one spec."""

    records: Mapping[int, Record]
    """Valid record by the position of its row in the table."""
    target: Vector
    """Shape (rows of the table,): the true number, or the position of the true class."""

    def take(self, rows: Sequence[int]) -> tuple[list[Record], Vector]:
        """Return the records and the target of some of its rows, in their order."""
        return [self.records[row] for row in rows], self.target[list(rows)]


def read_benchmark(spec: ModelSpec, table: pd.DataFrame, *, test: bool = True) -> Benchmark:
    """Return the test rows, or the training rows, of a raw table as ``spec`` reads them, without those that it refuses.

    Raises DataError where columns are missing or the target cannot be read.
    """
    records, valid = records_of(table, spec), RecordValidator(spec)
    chosen = np.flatnonzero(held_out(spec, table) == test).tolist()
    try:
        read = valid.validate([records[row] for row in chosen])
    except RecordsRefused as refused:
        chosen = [row for position, row in enumerate(chosen) if position not in refused.errors_by_row]
        read = valid.validate([records[row] for row in chosen])
    return Benchmark(records=dict(zip(chosen, read, strict=True)), target=read_target(spec, table))


def metrics_of(spec: ModelSpec, scores: Sequence[Score], target: Vector) -> dict[str, Metric]:
    """Return every metric of some answers against the truth, ``target`` (n,), with intervals from resampling."""
    seed = spec.estimator.seed
    if not spec.is_regression:
        return classification_metrics(target, predictions(spec, scores), seed=seed)
    return regression_metrics(target, predictions(spec, scores), *ends_of(scores), seed=seed)


def slice_rows(spec: ModelSpec, records: Sequence[Record]) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which records belong to each slice of the spec, shape (n,); one whose condition is unknown does not."""
    columns = {field.name: encode_column(field, [record[field.name] for record in records]) for field in spec.field}
    return {name: np.broadcast_to(where.evaluate(columns) == 1, len(records)) for name, where in spec.slices.items()}


def slice_metrics(spec: ModelSpec, scores: Sequence[Score], target: Vector) -> dict[str, SliceMetrics]:
    """Return the quality in each slice of the spec that holds any of the rows."""
    found = {}
    for name, member in slice_rows(spec, [score.record for score in scores]).items():
        inside = [score for score, belongs in zip(scores, member, strict=True) if belongs]
        if inside:
            found[name] = SliceMetrics(rows=len(inside), metrics=metrics_of(spec, inside, target[member]))
    return found
