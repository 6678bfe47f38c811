"""Calibration of class probabilities, chosen by the log loss of rows that the estimator did not learn from.

Temperature scaling (Guo et al. 2017), for two classes also Platt's sigmoid (Platt 1999), or none if neither lowers the loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, _CalibratedClassifier, _SigmoidCalibration, _TemperatureScaling
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict

from ml_model.features import Matrix
from ml_model.pipeline import build_estimator
from ml_model.spec import ModelSpec
from ml_model.split import FOLDS, Folds, Integers, make_folds

Vector = npt.NDArray[np.float64]


def fit_classifier(spec: ModelSpec, matrix: Matrix, target: Vector, units: Integers) -> tuple[Any, dict[str, float]]:
    """Return the fitted classifier of a spec, calibrated if that helps, and the out-of-fold log loss of each calibration.

    ``matrix`` (n, features), ``target`` (n,) and ``units`` (n,) are the training rows. One estimator learns all of them; its
    calibration learns from the out-of-fold answers of stratified folds.
    """
    estimator = build_estimator(spec)
    folds = make_folds(target, units, folds=FOLDS, seed=spec.estimator.seed, stratified=True)
    decides = hasattr(estimator, "decision_function")
    raw = cross_val_predict(
        clone(estimator), matrix, target, cv=folds, method="decision_function" if decides else "predict_proba"
    )
    losses = _losses(raw, target, folds, decides=decides)
    estimator.fit(matrix, target)
    method = min(losses, key=lambda name: losses[name])
    return estimator if method == "none" else _calibrated(estimator, method, raw, target), losses


def _calibrated(estimator: Any, method: str, raw: Matrix, target: Vector) -> Any:
    """What ``CalibratedClassifierCV(ensemble=False).fit`` makes, which would fit the estimator in all folds once more."""
    calibrated = CalibratedClassifierCV(clone(estimator), method=method, ensemble=False)
    calibrated.classes_, calibrated.n_features_in_ = estimator.classes_, estimator.n_features_in_
    calibrated.calibrated_classifiers_ = [
        _CalibratedClassifier(estimator, [_calibrator(method, raw, target)], method=method, classes=estimator.classes_)
    ]
    return calibrated


def _losses(raw: Matrix, target: Vector, folds: Folds, *, decides: bool) -> dict[str, float]:
    """The log loss of each calibration of out-of-fold answers; each learns from the other folds."""
    plain = (expit(raw) if raw.ndim == 1 else softmax(raw, axis=1)) if decides else raw
    losses, classes = {"none": float(log_loss(target, plain))}, np.unique(target)
    two = len(classes) == 2
    # The logarithm of 1 - p, which a temperature of two probabilities needs, has no exact digits next to p = 1.
    for method in [*(["temperature"] if decides or not two else []), *(["sigmoid"] if two else [])]:
        answers = np.zeros((len(target), len(classes)))
        for training, others in folds:
            calibrator = _calibrator(method, raw[training], target[training])
            answered = calibrator.predict(_given(method, raw[others]))
            answers[others] = answered if answered.ndim == 2 else np.column_stack([1 - answered, answered])
        losses[method] = float(log_loss(target, answers))
    return losses


def _calibrator(method: str, raw: Matrix, target: Vector) -> Any:
    kind = _TemperatureScaling if method == "temperature" else _SigmoidCalibration
    return kind().fit(_given(method, raw), target)


def _given(method: str, raw: Matrix) -> Matrix:
    """The sigmoid learns from the decision or the probability of the second class, a temperature from all."""
    return raw[:, 1] if method == "sigmoid" and raw.ndim == 2 else raw
