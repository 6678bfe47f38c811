"""The metrics that a release is measured by: their names, words and kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricKind:
    """What a metric is."""

    words: str
    """As a heading."""
    numbers: bool
    """True for regression, False for classification."""
    shown: Literal["share", "unit", "plain"] = "plain"
    """Read as per cent, in the unit of the target, or as it is."""
    is_loss: bool = False
    """Whether it is a mean loss per row, or its root, by which two releases can be compared; less is better."""


METRICS: dict[str, MetricKind] = {
    "rmsle": MetricKind(words="Root mean squared logarithmic error", numbers=True, is_loss=True),
    "rmse": MetricKind(words="Root mean squared error", numbers=True, shown="unit", is_loss=True),
    "mae": MetricKind(words="Mean absolute error", numbers=True, shown="unit", is_loss=True),
    "r2": MetricKind(words="Share of the variance explained (R²)", numbers=True),
    "coverage": MetricKind(words="True values inside their interval", numbers=True, shown="share"),
    "median_ape": MetricKind(words="Median error, as a share of the true value", numbers=True, shown="share"),
    "relative_width": MetricKind(words="Median width of the interval, as a share of the prediction", numbers=True, shown="share"),
    "log_loss": MetricKind(words="Logarithmic loss", numbers=False, is_loss=True),
    "brier": MetricKind(words="Brier score", numbers=False, is_loss=True),
    "accuracy": MetricKind(words="Accuracy", numbers=False, shown="share"),
    "calibration_error": MetricKind(words="Expected calibration error", numbers=False, shown="share"),
}
