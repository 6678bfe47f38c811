"""The figures of a model card: how far answers are from the truth, and whether they are as sure as they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import Manifest
from ml_model.card import render_card
from ml_model.changes import changes_between
from ml_model.markup import Markup
from ml_model.paired import predictions
from ml_model.plots import axis_over, histogram, intervals, scatter
from ml_model.records import Record
from ml_model.reliability import Group, coverage_groups, reliability_groups
from ml_model.scoring import Score, Scorer, ends_of
from ml_model.spec import ModelSpec
from ml_model.words import group_in_words, value_in_words

Vector = npt.NDArray[np.float64]
RESIDUALS, CALIBRATION = "residuals.svg", "calibration.svg"
"""Names of the plots in a bundle."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a card shows beside its metrics."""

    groups: list[Group]
    """How often answers were right, by how large or how probable they are."""
    plots: dict[str, Markup]
    """SVG by the name of its file."""

    def files(self) -> dict[str, bytes]:
        """The plots as files of a bundle."""
        return {name: plot.encode() + b"\n" for name, plot in self.plots.items()}


def card_files(
    candidate: Scorer, manifest: Manifest, records: Sequence[Record], target: Vector, *, live: Scorer | None
) -> dict[str, bytes]:
    """Return the files of a bundle that are for people: the card and its plots.

    ``manifest`` is the candidate's when its gates have been run; ``records`` and ``target`` (n,) are the test rows, and ``live``
    is the release that it was compared with.
    """
    spec = candidate.spec
    figures = figures_of(spec, candidate.score(records), target)
    changes = changes_between(live.manifest, manifest, (live.spec, spec)) if live else None
    words = {RESIDUALS: "Residuals on the fixed test set", CALIBRATION: "Promised and observed shares on the fixed test set"}
    card = render_card(spec, manifest, groups=figures.groups, plots=words, changes=changes, parity=candidate.parity)
    return {"card.md": card.encode(), **figures.files()}


def figures_of(spec: ModelSpec, scores: Sequence[Score], target: Vector) -> Figures:
    """Return the figures of some answers against the truth: ``target`` (n,) holds numbers or positions of classes."""
    groups = groups_of(spec, scores, target)
    predicted = predictions(spec, scores)
    residuals = _residuals(spec, predicted, target) if spec.is_regression else _probabilities(predicted, target)
    return Figures(groups=groups, plots={RESIDUALS: residuals, CALIBRATION: _calibration(spec, groups)})


def groups_of(spec: ModelSpec, scores: Sequence[Score], target: Vector) -> list[Group]:
    """Return how often answers were right: coverage of the intervals, or reliability of the probabilities."""
    predicted = predictions(spec, scores)
    if not spec.is_regression:
        return reliability_groups(target, predicted)
    low, high = ends_of(scores)
    return coverage_groups(predicted, (low <= target) & (target <= high), spec.interval.level)


def _residuals(spec: ModelSpec, predicted: Vector, target: Vector) -> Markup:
    share = spec.target.transform == "log"
    residuals = target / predicted - 1 if share else target - predicted
    across = axis_over("Predicted", predicted, words=lambda value: value_in_words(spec, value, short=True), log=share)
    label = "True value above the predicted one" if share else "True value less the predicted one"
    up = axis_over(label, residuals, np.zeros(1), words=_signed_share if share else "{:+g}".format)
    middle = value_in_words(spec, float(np.median(np.abs(target - predicted))))
    words = f"Residuals of {len(target)} test rows by predicted value; half of the answers are within {middle} of the truth"
    return scatter(predicted, residuals, across, up, words=words, line="zero")


def _signed_share(value: float) -> str:
    return f"{value:+.0%}" if round(value, 9) else "0%"


def _probabilities(predicted: npt.NDArray[np.float64], target: Vector) -> Markup:
    of_truth = predicted[np.arange(len(target)), target.astype(int)]
    words = f"How probable the true class was in the answers to {len(target)} test rows"
    return histogram(of_truth, "Probability of the true class", words=words, written="{:.0%}".format, bins=20)


def _calibration(spec: ModelSpec, groups: Sequence[Group]) -> Markup:
    bars = [(_label(spec, one), one.promised, one.observed, one.observed_low, one.observed_high) for one in groups]
    words = "; ".join(group_in_words(spec, one) for one in groups)
    if spec.is_regression:
        return intervals(bars, "Predicted, from", "True values in their interval", words=words)
    return intervals(bars, "Predicted probability, mean", "How often it came true", words=words)


def _label(spec: ModelSpec, group: Group) -> str:
    return value_in_words(spec, group.low, short=True) if spec.is_regression else f"{group.promised:.0%}"
