"""Figures as a person reads them, the same on the card, in the report, on the command line and on the site."""

from __future__ import annotations

from ml_model.artifacts import Metric
from ml_model.metrics import METRICS
from ml_model.number_format import rounded
from ml_model.reliability import Group
from ml_model.spec import ModelSpec

_THOUSAND, _MILLION, _BILLION = 1e3, 1e6, 1e9


def metric_name(name: str) -> str:
    """Return the name of a metric in words; a metric that this code does not know keeps its own."""
    return METRICS[name].words if name in METRICS else name


def metric_in_words(spec: ModelSpec, name: str, metric: Metric) -> str:
    """Return ``value (low to high)`` as a person reads it."""
    value, low, high = (figure_in_words(spec, name, one) for one in (metric.value, metric.low, metric.high))
    return f"{value} ({low} to {high})"


def figure_in_words(spec: ModelSpec, name: str, value: float) -> str:
    """Return one value of a metric: a share in per cent, an amount in the unit of the target, or four decimals."""
    match METRICS[name].shown if name in METRICS else "plain":
        case "share":
            return f"{rounded(100 * value, 1)}%"
        case "unit":
            return value_in_words(spec, value)
    return rounded(value, 4)


def value_in_words(spec: ModelSpec, value: float, *, short: bool = False) -> str:
    """Return a number of the target with its prefix; ``short`` writes thousands and millions as ``$180k`` and ``$1.2M``."""
    prefix, sign, size = spec.target.prefix, "-" if value < 0 else "", abs(value)
    if short and _THOUSAND * 10 <= size < _BILLION:
        millions = f"{size / _MILLION:.{0 if size >= _MILLION * 10 else 1}f}".removesuffix(".0")
        amount = f"{millions}M" if size >= _MILLION else f"{size / _THOUSAND:.0f}k"
        return f"{sign}{prefix}{amount}"
    return f"{sign}{prefix}{rounded(size, 0 if short and size >= 100 else spec.target.decimals)}"


def group_in_words(spec: ModelSpec, group: Group) -> str:
    """Return what was promised of some rows and what was seen."""
    return f"{group_range(spec, group)}: {group.observed:.1%} of {group.rows} rows, promised {group.promised:.1%}"


def group_range(spec: ModelSpec, group: Group) -> str:
    """Return from where to where the answers of a group go."""
    if spec.is_regression:
        return f"{value_in_words(spec, group.low)} to {value_in_words(spec, group.high)}"
    return f"{group.low:.1%} to {group.high:.1%}"


def observed_in_words(group: Group) -> str:
    """Return the observed share with its 95 % interval."""
    return f"{group.observed:.1%} ({group.observed_low:.1%} to {group.observed_high:.1%})"
