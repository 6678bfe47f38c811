"""Scoring: records in, answers out, with how sure they are and what to be careful about.

>>> from ml_model.scoring import load_scorer
>>> scorer = load_scorer()
>>> score = scorer.score([scorer.spec.example()])[0]
>>> score.record == scorer.spec.example()
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import Bundle, Fitted, read_bundle
from ml_model.errors import BundleRefused, ReleaseError, in_one_line
from ml_model.features import FeatureEncoder, Matrix
from ml_model.records import Record, RecordValidator, in_words, number_in_words
from ml_model.releases import TRAINED, live_version, read_releases
from ml_model.spec import ModelSpec

Vector = npt.NDArray[np.float64]
_GOLDEN_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreWarning:
    """A reason to trust one answer less."""

    field: str
    """The field that it is about."""
    code: str
    """``outside_training`` or ``unseen_choice``."""
    detail: str
    """One sentence for the reader of the answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The answer to one record."""

    record: Record
    """The record as it was understood."""
    value: float | None = None
    """Regression: the predicted number, in the unit of the target."""
    low: float | None = None
    """Regression: lower end of the interval."""
    high: float | None = None
    """Regression: upper end of the interval."""
    level: float | None = None
    """Regression: share of true values that such intervals hold."""
    label: str | None = None
    """Classification: the most probable class, as in the data."""
    probabilities: dict[str, float] | None = None
    """Classification: calibrated probability of each class."""
    warnings: tuple[ScoreWarning, ...] = ()


class Scorer:
    """Answers records by one verified release. Safe to share between threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.spec = bundle.spec
        self.manifest = bundle.manifest
        self.validator = RecordValidator(bundle.spec)
        self._bundle = bundle
        self._encoder = FeatureEncoder(bundle.spec)

    @property
    def version(self) -> str:
        """Version of the release."""
        return self.manifest.version

    def score(self, records: Sequence[object]) -> list[Score]:
        """Return one answer per record, in order.

        Raises RecordsRefused with every fault of every record, and then scores none.
        """
        valid = self.validator.validate(records)
        if not valid:
            return []
        matrix = self._encoder.matrix(valid)
        answers = self._numbers(matrix) if self.spec.is_regression else self._classes(matrix)
        return [
            Score(record=record, warnings=self._warnings(record), **answer) for record, answer in zip(valid, answers, strict=True)
        ]

    def _numbers(self, matrix: Matrix) -> list[dict[str, Any]]:
        values, low, high = predict_intervals(self.spec, self._bundle.fitted, matrix)
        level = self.spec.interval.level
        return [
            {"value": value, "low": lowest, "high": highest, "level": level}
            for value, lowest, highest in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
        ]

    def _classes(self, matrix: Matrix) -> list[dict[str, Any]]:
        probabilities = self._bundle.fitted.estimator.predict_proba(matrix)
        names = self.spec.classes
        return [
            {"label": names[int(np.argmax(row))], "probabilities": dict(zip(names, row.tolist(), strict=True))}
            for row in probabilities
        ]

    def _warnings(self, record: Record) -> tuple[ScoreWarning, ...]:
        found = []
        for field in self.spec.field:
            value = record[field.name]
            if field.trained and isinstance(value, (int, float)) and not field.trained[0] <= value <= field.trained[1]:
                low, high = (number_in_words(field, limit) for limit in field.trained)
                detail = f"{field.label}: the model has learnt from {low} to {high}; {in_words(field, value)} lies outside."
                found.append(ScoreWarning(field=field.name, code="outside_training", detail=detail))
            elif field.choices and value is not None and not self._bundle.profile[field.name].choices[str(value)]:
                detail = f"{field.label}: the model has not seen one {self.spec.model.noun} with '{in_words(field, value)}'."
                found.append(ScoreWarning(field=field.name, code="unseen_choice", detail=detail))
        return tuple(found)


def predict_intervals(spec: ModelSpec, fitted: Fitted, matrix: Matrix) -> tuple[Vector, Vector, Vector]:
    """Return the predicted numbers with the lower and upper ends of their intervals, each shape (n,), in the target's unit."""
    if fitted.calibration is None:
        raise BundleRefused(spec.model.name, "calibration.json is empty, and a predicted number needs its interval")
    values = fitted.estimator.predict(matrix)
    difficulty = np.ones(len(matrix)) if fitted.difficulty is None else np.exp(fitted.difficulty.predict(matrix))
    half_widths = fitted.calibration.quantile * difficulty
    # Far outside of the training data an exponential overflows, and JSON has no infinity; the warnings say what to think of it.
    with np.errstate(over="ignore"):
        if spec.target.transform == "log":
            low, high = values / np.exp(half_widths), values * np.exp(half_widths)
        else:
            low, high = values - half_widths, values + half_widths
    return np.nan_to_num(values), np.nan_to_num(low), np.nan_to_num(high)


def load_scorer(version: str | None = None, trained: Path = TRAINED) -> Scorer:
    """Return the scorer of a release, of the live one (see ``releases.live_version``) unless told otherwise.

    Raises ReleaseError where it is not listed and BundleRefused where it is not as it was released.
    """
    releases = read_releases(trained)
    wanted = version or live_version(releases).version
    if not wanted:
        raise ReleaseError("there is no live release; run 'python -m ml_model train'")
    bundle = read_bundle(trained / wanted, releases.manifest_of(wanted))
    if bundle.manifest.version != wanted:
        raise BundleRefused(wanted, f"its manifest is that of release {bundle.manifest.version}")
    scorer = Scorer(bundle)
    prove_golden(scorer, bundle)
    return scorer


def prove_golden(scorer: Scorer, bundle: Bundle) -> None:
    """Raise BundleRefused unless the recorded records get their recorded answers, to a relative 1e-9."""
    golden = bundle.golden
    if not golden.records or len(golden.records) != len(golden.scores):
        raise BundleRefused(scorer.version, "golden.json does not hold a score for each of its records")
    try:
        scores = scorer.score(golden.records)
    except Exception as error:
        raise BundleRefused(scorer.version, f"its golden records cannot be scored: {in_one_line(error)}") from error
    for row, (answer, recorded) in enumerate(zip(map(golden_answer, scores), golden.scores, strict=True)):
        if not _alike(answer, recorded):
            raise BundleRefused(scorer.version, f"golden record {row} gets {answer}, and got {recorded} when it was released")


def golden_answer(score: Score) -> dict[str, Any]:
    """A score as it is recorded in ``golden.json``."""
    return {key: value for key, value in asdict(score).items() if key not in {"record", "warnings"} and value is not None}


def _alike(answer: Any, recorded: Any) -> bool:
    if isinstance(answer, dict) and isinstance(recorded, dict):
        return answer.keys() == recorded.keys() and all(_alike(answer[key], recorded[key]) for key in answer)
    if isinstance(answer, float) and isinstance(recorded, (int, float)):
        return math.isclose(answer, recorded, rel_tol=_GOLDEN_TOLERANCE, abs_tol=_GOLDEN_TOLERANCE)
    return bool(answer == recorded)
