"""Conformal prediction intervals from out-of-fold residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from crepes import ConformalRegressor
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from ml_model.artifacts import Calibration
from ml_model.errors import DataError
from ml_model.features import Matrix
from ml_model.pipeline import build_difficulty
from ml_model.spec import ModelSpec
from ml_model.split import Integers, make_folds

Vector = npt.NDArray[np.float64]
_SMALLEST_RESIDUAL = 1e-9
# In binary 1 - 0.9 is a little less than a tenth, which would often take the next larger residual for the quantile.
_ROUNDING = 1e-9


def calibrate(spec: ModelSpec, estimator: Any, matrix: Matrix, target: Vector, units: Integers) -> tuple[Calibration, Any | None]:
    """Return how wide the intervals of a regression are, and the fitted model of difficulty where they are adaptive.

    ``matrix`` (n, features), ``target`` (n,) and ``units`` (n,) are the training rows; ``estimator`` is cloned, not changed. The
    residuals are out-of-fold, with all rows of a unit in one fold, in the scale of the transformed target, so no rows are set
    aside for calibration. Adaptive intervals divide a residual by the difficulty that a second model, itself out-of-fold, expects
    of its row (normalised conformal regression, Papadopoulos et al. 2011; the quantile is taken by crepes, Boström 2022).
    """
    folds = make_folds(target, units, folds=spec.interval.folds, seed=spec.estimator.seed, stratified=False)
    scale = np.log if spec.target.transform == "log" else np.asarray
    predicted = cross_val_predict(clone(estimator), matrix, target, cv=folds)
    residuals = scale(target) - scale(predicted)
    if not spec.interval.adaptive:
        return _calibration(spec, residuals, np.ones(len(residuals))), None
    magnitude = np.log(np.maximum(np.abs(residuals), _SMALLEST_RESIDUAL))
    difficulty = build_difficulty(spec)
    expected = np.exp(cross_val_predict(difficulty, matrix, magnitude, cv=folds))
    return _calibration(spec, residuals, expected), difficulty.fit(matrix, magnitude)


def _calibration(spec: ModelSpec, residuals: Vector, difficulty: Vector) -> Calibration:
    confidence = spec.interval.level - _ROUNDING
    if (1 - confidence) * (len(residuals) + 1) < 1:
        raise DataError(f"{len(residuals)} rows are too few for intervals of level {spec.interval.level}")
    conformal = ConformalRegressor().fit(residuals=residuals, sigmas=difficulty)
    ends = conformal.predict_int(np.zeros(1), sigmas=np.ones(1), confidence=confidence)
    return Calibration(level=spec.interval.level, quantile=float(ends[0, 1]), adaptive=spec.interval.adaptive)
