"""Whether answers are as sure as they say: groups of rows with what was promised and what was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
_GROUPS = 5
_BINS = 10
_NORMAL = 1.959964
"""Quantile of the normal distribution for two-sided 95 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Some rows, and how often what was promised of them came true."""

    low: float
    """Least predicted value, or probability, in the group."""
    high: float
    """Largest one."""
    rows: int
    promised: float
    """Share that should come true."""
    observed: float
    """Share that did."""
    observed_low: float
    """Lower end of its 95 % interval (Wilson 1927)."""
    observed_high: float
    """Upper end of it."""


def coverage_groups(predicted: Vector, inside: npt.NDArray[np.bool_], level: float) -> list[Group]:
    """Return how many true values lie inside their interval, in fifths of the rows by predicted value; both arrays (n,)."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, _GROUPS) if len(part)]
    return [_group(predicted[part], inside[part], level) for part in parts]


def reliability_groups(true: Vector, probabilities: npt.NDArray[np.float64]) -> list[Group]:
    """Return how often a predicted probability came true, in up to ten steps of equal width.

    Of two classes it is the probability of the positive one, of several that of the most probable; ``true`` (n,) holds
    positions of classes, ``probabilities`` has shape (n, classes).
    """
    chosen = np.ones(len(true), dtype=int) if probabilities.shape[1] == 2 else probabilities.argmax(axis=1)
    told, came = probabilities[np.arange(len(true)), chosen], true == chosen
    steps = np.minimum((told * _BINS).astype(int), _BINS - 1)
    return [_group(told[steps == step], came[steps == step], float(told[steps == step].mean())) for step in np.unique(steps)]


def _group(values: Vector, came: npt.NDArray[np.bool_], promised: float) -> Group:
    low, high = wilson(int(came.sum()), len(came))
    return Group(
        low=float(values.min()),
        high=float(values.max()),
        rows=len(values),
        promised=promised,
        observed=float(came.mean()),
        observed_low=low,
        observed_high=high,
    )


def wilson(came: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), which stays within 0 and 1 and has a width at both ends.

    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    share, square = came / rows, _NORMAL**2 / rows
    middle = share + square / 2
    reach = _NORMAL * float(np.sqrt(share * (1 - share) / rows + square / (4 * rows)))
    return max(0.0, (middle - reach) / (1 + square)), min(1.0, (middle + reach) / (1 + square))
