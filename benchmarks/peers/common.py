"""What every peer shares: the live bundle, opened with joblib, and its answers computed by scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import joblib
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, create_model

from ml_model.artifacts import Calibration
from ml_model.features import FeatureEncoder, Matrix, encode_column
from ml_model.spec import ModelSpec, parse_spec
from ml_model.tables import FieldTable


class Model:
    """The estimators of one release behind the project's own feature code."""

    def __init__(self, folder: Path) -> None:
        self.version = folder.name
        self.spec = parse_spec((folder / "model.toml").read_text("utf-8"), released=True)
        learnt = joblib.load(folder / "pipeline.joblib")
        self._estimator, self._difficulty = learnt["estimator"], learnt["difficulty"]
        self._quantile = Calibration.model_validate_json((folder / "calibration.json").read_bytes()).quantile
        self._encoder = FeatureEncoder(self.spec)

    def predict(self, records: Sequence[dict[str, Any]]) -> Iterable[tuple[float, float, float]]:
        """Return value, lower and upper end of the interval of each record, by one call of each estimator."""
        return self._answers(self._encoder.matrix(records))

    def predict_columns(self, columns: Mapping[str, Sequence[Any]]) -> Iterable[tuple[float, float, float]]:
        """Return the same for records by column, by field name."""
        return self._answers(
            self._encoder.derive({field.name: encode_column(field, columns[field.name]) for field in self.spec.field})
        )

    def _answers(self, matrix: Matrix) -> Iterable[tuple[float, float, float]]:
        values = self._estimator.predict(matrix)
        widths = self._quantile * (1.0 if self._difficulty is None else np.exp(self._difficulty.predict(matrix)))
        if self.spec.target.transform == "log":
            low, high = values / np.exp(widths), values * np.exp(widths)
        else:
            low, high = values - widths, values + widths
        return zip(values.tolist(), low.tolist(), high.tolist(), strict=True)


def load() -> Model:
    """Open the release in the folder that the benchmark names by BUNDLE."""
    return Model(Path(os.environ["BUNDLE"]))


def record_model(spec: ModelSpec) -> type[BaseModel]:
    """The record as a class of pydantic, with every type, range and choice, as one would write it by hand."""
    definitions: dict[str, Any] = {}
    for field in spec.field:
        kind = _annotation(field)
        definitions[field.name] = (kind, ...) if field.required else (kind | None, None)
    return create_model("Record", __config__=ConfigDict(extra="forbid"), **definitions)


def _annotation(field: FieldTable) -> Any:
    if field.choices:
        return Literal[tuple(field.codes)]
    if field.kind in {"number", "integer"} and field.range:
        kind = float if field.kind == "number" else int
        return Annotated[kind, Field(ge=field.range[0], le=field.range[1])]
    return bool if field.kind == "boolean" else Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
