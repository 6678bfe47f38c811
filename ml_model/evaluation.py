"""Metrics with intervals from resampling. Takes true and predicted values; knows no files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import Metric

Vector = npt.NDArray[np.float64]
_RESAMPLES = 2000
_BINS = 10


def regression_metrics(true: Vector, predicted: Vector, low: Vector, high: Vector, *, seed: int) -> dict[str, Metric]:
    """Return the metrics of predicted numbers and their intervals; all arrays have shape (n,) and the target's unit.

    ``rmsle`` (only where all values are positive) is the root mean squared difference of the natural logarithms of true and
    predicted; ``median_ape`` the median absolute error as a share of the true value; ``coverage`` the share of true values in
    their interval; ``relative_width`` the median width of an interval as a share of the prediction. ``r2`` is left out where all
    true values are the same, for then there is nothing to explain.
    """
    statistics: dict[str, Callable[..., float]] = {
        "rmse": lambda t, p, lo, hi: float(np.sqrt(np.mean((t - p) ** 2))),
        "mae": lambda t, p, lo, hi: float(np.mean(np.abs(t - p))),
        "r2": lambda t, p, lo, hi: _explained(t, p),
        "coverage": lambda t, p, lo, hi: float(np.mean((lo <= t) & (t <= hi))),
    }
    if (true > 0).all() and (predicted > 0).all():
        statistics = {
            "rmsle": lambda t, p, lo, hi: float(np.sqrt(np.mean(np.log(t / p) ** 2))),
            **statistics,
            "median_ape": lambda t, p, lo, hi: float(np.median(np.abs(t - p) / t)),
            "relative_width": lambda t, p, lo, hi: float(np.median((hi - lo) / p)),
        }
    if (true == true[0]).all():
        del statistics["r2"]
    return {name: resampled(statistic, (true, predicted, low, high), seed=seed) for name, statistic in statistics.items()}


def classification_metrics(true: Vector, probabilities: npt.NDArray[np.float64], *, seed: int) -> dict[str, Metric]:
    """Return the metrics of predicted probabilities, shape (n, classes), against true class positions, shape (n,).

    ``brier`` is the mean squared distance of the probabilities from the truth, summed over classes; ``calibration_error`` the
    expected calibration error of the most probable class in 10 bins of equal width (Guo et al. 2017).
    """

    def of_truth(t: Vector, p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        chosen: npt.NDArray[np.float64] = p[np.arange(len(t)), t.astype(int)]
        return chosen

    def brier(t: Vector, p: npt.NDArray[np.float64]) -> float:
        return float(np.mean(np.sum((p - np.eye(p.shape[1])[t.astype(int)]) ** 2, axis=1)))

    statistics: dict[str, Callable[..., float]] = {
        "log_loss": lambda t, p: -float(np.mean(np.log(np.clip(of_truth(t, p), 1e-15, 1)))),
        "brier": brier,
        "accuracy": lambda t, p: float(np.mean(p.argmax(axis=1) == t)),
        "calibration_error": _calibration_error,
    }
    return {name: resampled(statistic, (true, probabilities), seed=seed) for name, statistic in statistics.items()}


def resampled(statistic: Callable[..., float], samples: tuple[npt.NDArray[np.float64], ...], *, seed: int) -> Metric:
    """Return a statistic of paired samples with its 95 % percentile interval from 2,000 bootstrap resamples (Efron 1979)."""
    rng = np.random.default_rng(seed)
    rows = len(samples[0])
    drawn = (rng.integers(0, rows, rows) for _ in range(_RESAMPLES))
    # Of a few rows, a resample may hold one alone, of which some statistics are not defined.
    low, high = np.nanpercentile([statistic(*(sample[picked] for sample in samples)) for picked in drawn], [2.5, 97.5])
    return Metric(value=statistic(*samples), low=float(low), high=float(high))


def _explained(true: Vector, predicted: Vector) -> float:
    spread = float(np.sum((true - true.mean()) ** 2))
    return 1 - float(np.sum((true - predicted) ** 2)) / spread if spread else float("nan")


def _calibration_error(true: Vector, probabilities: npt.NDArray[np.float64]) -> float:
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == true
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(right[bins == one].mean() - confidence[bins == one].mean()) * np.mean(bins == one) for one in np.unique(bins)]
    return float(np.sum(gaps))
