"""Two releases on the same rows: the loss of each row under both, and whether their difference could be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml_model.scoring import Score
from ml_model.spec import ModelSpec

Vector = npt.NDArray[np.float64]
Verdict = Literal["no difference", "better", "not distinguishable", "worse"]
_RESAMPLES = 2000
# Quantiles of the normal distribution: one side at 5 % error, and 80 % power.
_FIVE_PERCENT, _POWER = 1.645, 0.842
_SMALLEST_PREDICTION = 1e-9
_SMALLEST_PROBABILITY = 1e-15
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How the mean loss of a candidate differs from that of the live release; shares are of the live mean loss."""

    mean_share: float
    """Above 0 where the candidate loses more: 0.03 is 3 % more loss."""
    low: float
    """Lower end of its 95 % interval from resampling the rows in pairs."""
    high: float
    """Upper end of it."""
    smallest_visible: float
    """The smallest difference that so many rows show with 80 % power at the 5 % level."""
    rows: int
    verdict: Verdict

    def __str__(self) -> str:
        if self.verdict == "no difference":
            return f"no difference on {self.rows} rows"
        moved = f"mean loss {self.mean_share:+.1%} (95 % interval {self.low:+.1%} to {self.high:+.1%})"
        unseen = f"differences below {self.smallest_visible:.1%} cannot be seen with {self.rows} rows"
        return f"{self.verdict}: {moved}; {unseen}"


def paired_difference(candidate: Vector, live: Vector, *, seed: int) -> Difference:
    """Compare the losses of the same rows, both of shape (n,), by 2,000 paired bootstrap resamples (Efron 1979).

    The smallest visible difference is (1.645 + 0.842) standard errors of the mean difference (Cohen 1988). Two releases are
    ``better`` or ``worse`` where the whole interval lies on one side of 0, and ``no difference`` is for equal answers alone.
    """
    rows, mean_live = len(live), max(float(live.mean()), np.finfo(np.float64).tiny)
    shares = (candidate - live) / mean_live
    if np.abs(shares).max() <= _ROUNDING:
        return Difference(mean_share=0.0, low=0.0, high=0.0, smallest_visible=0.0, rows=rows, verdict="no difference")
    rng = np.random.default_rng(seed)
    means = [shares[rng.integers(0, rows, rows)].mean() for _ in range(_RESAMPLES)]
    low, high = (float(end) for end in np.percentile(means, [2.5, 97.5]))
    return Difference(
        mean_share=float(shares.mean()),
        low=low,
        high=high,
        smallest_visible=(_FIVE_PERCENT + _POWER) * float(shares.std(ddof=1)) / float(np.sqrt(rows)),
        rows=rows,
        verdict="worse" if low > 0 else "better" if high < 0 else "not distinguishable",
    )


def default_metric(spec: ModelSpec) -> str:
    """The metric of ``[gates]``, or without that table the loss that the estimator learns by."""
    if spec.gates:
        return spec.gates.metric
    if not spec.is_regression:
        return "log_loss"
    return "rmsle" if spec.target.transform == "log" else "rmse"


def losses(spec: ModelSpec, scores: Sequence[Score], target: Vector, *, metric: str | None = None) -> Vector:
    """Return the loss of each row, shape (n,), whose mean (or the root of it) is ``metric``, that of the spec unless told.

    ``target`` (n,) holds true numbers or positions of true classes. ``rmsle`` takes a prediction that is not positive for 1e-9.
    """
    return losses_of(spec, predictions(spec, scores), target, metric=metric)


def losses_of(spec: ModelSpec, predicted: npt.NDArray[np.float64], target: Vector, *, metric: str | None = None) -> Vector:
    """Return the loss of each row as ``losses`` does, of answers as ``predictions`` returns them."""
    metric = metric or default_metric(spec)
    if not spec.is_regression:
        rows, true = np.arange(len(target)), target.astype(int)
        if metric == "log_loss":
            return np.asarray(-np.log(np.clip(predicted[rows, true], _SMALLEST_PROBABILITY, 1)), dtype=np.float64)
        truth = np.eye(predicted.shape[1])[true]
        return np.asarray(((predicted - truth) ** 2).sum(axis=1), dtype=np.float64)
    if metric == "rmsle":
        return np.asarray(np.log(np.maximum(predicted, _SMALLEST_PREDICTION) / target) ** 2, dtype=np.float64)
    return np.abs(predicted - target) if metric == "mae" else (predicted - target) ** 2


def mean_loss(metric: str, row_losses: Vector) -> float:
    """Return the metric that rows with these losses have: their mean, or its root for a metric that is one."""
    mean = float(row_losses.mean())
    return mean**0.5 if metric.startswith("rms") else mean


def predictions(spec: ModelSpec, scores: Sequence[Score]) -> npt.NDArray[np.float64]:
    """Return predicted numbers, shape (n,), or probabilities in the order of the spec's classes, shape (n, classes)."""
    if spec.is_regression:
        return np.array([score.value for score in scores], dtype=np.float64)
    shares = [[(score.probabilities or {})[name] for name in spec.classes] for score in scores]
    return np.array(shares, dtype=np.float64).reshape(len(scores), len(spec.classes))
