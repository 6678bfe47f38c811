"""The gates that every release must pass, whatever its spec says: it must beat a constant, and not lose to a plain model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml_model.acceptance import GatesTable
from ml_model.artifacts import GateResult
from ml_model.benchmark import read_benchmark
from ml_model.features import FeatureEncoder
from ml_model.paired import default_metric, losses, losses_of, paired_difference, predictions
from ml_model.pipeline import build_estimator
from ml_model.records import Record
from ml_model.scoring import Score
from ml_model.spec import ModelSpec
from ml_model.tables import BoostingTable, EstimatorTable, LinearTable

if TYPE_CHECKING:
    import pandas as pd

Vector = npt.NDArray[np.float64]
_PLAIN = {"linear": LinearTable(), "boosting": BoostingTable(trees=100, learning_rate=0.1)}
"""The models that a release is compared with: what somebody would try first."""


def sanity_gates(spec: ModelSpec, scores: Sequence[Score], target: Vector, table: pd.DataFrame) -> list[GateResult]:
    """Return whether answers are sane; ``scores`` and ``target`` (n,) are of the test rows of a raw ``table``."""
    limits = spec.gates or GatesTable(metric=default_metric(spec))
    own, plain = losses(spec, scores, target), _plain_losses(spec, table, [score.record for score in scores], target)
    trivial = _trivial_loss(spec, target)
    return [_constant(spec, scores), _trivial(limits, own, trivial), _baseline(spec, limits, own, plain, trivial)]


def _constant(spec: ModelSpec, scores: Sequence[Score]) -> GateResult:
    different = len(np.unique(predictions(spec, scores).reshape(len(scores), -1), axis=0))
    return GateResult(
        name="sanity.constant",
        passed=different > 1,
        value=float(different),
        limit="more than one answer",
        detail=f"{different} different answer(s) to {len(scores)} test rows",
    )


def _trivial(limits: GatesTable, own: Vector, trivial: float) -> GateResult:
    least, model = limits.better_than_constant, float(own.mean())
    return GateResult(
        name="sanity.trivial",
        passed=model < (1 - least) * trivial,
        value=model / trivial if trivial else None,
        limit=f"below {1 - least:.4g} times the loss of the best constant answer",
        detail=f"mean loss {model:.4g}, and {trivial:.4g} of the best answer that is the same for all rows",
    )


def _trivial_loss(spec: ModelSpec, target: Vector) -> float:
    """Mean loss of the constant that is best for the test rows themselves, which favours the constant."""
    metric = default_metric(spec)
    if not spec.is_regression:
        shares = np.bincount(target.astype(int), minlength=len(spec.classes)) / len(target)
        known = shares[shares > 0]
        return float(-(known * np.log(known)).sum()) if metric == "log_loss" else float(1 - (shares**2).sum())
    if metric == "mae":
        return float(np.abs(target - np.median(target)).mean())
    return float(np.var(np.log(target) if metric == "rmsle" else target))


def _baseline(spec: ModelSpec, limits: GatesTable, own: Vector, plain: dict[str, Vector], trivial: float) -> GateResult:
    """Refuse a release if the whole interval of its difference to the better plain model lies above what is allowed.

    The difference is a share of the loss of the best constant, so that it stays small between two nearly perfect models.
    """
    best = min(plain, key=lambda name: float(plain[name].mean()))
    found = paired_difference(own, plain[best], seed=spec.estimator.seed)
    scale = float(plain[best].mean()) / trivial if trivial else 0.0
    most = limits.worse_than_baseline
    seen = f"{found.mean_share * scale:+.2%} (95 % interval {found.low * scale:+.2%} to {found.high * scale:+.2%})"
    return GateResult(
        name="sanity.baseline",
        passed=found.low * scale <= most,
        value=found.mean_share * scale,
        limit=f"mean loss not surely further above that of a plain model than {most:.1%} of the best constant answer's",
        detail=f"{seen} compared with a plain {best} model of the same training rows",
    )


def _plain_losses(spec: ModelSpec, table: pd.DataFrame, records: Sequence[Record], target: Vector) -> dict[str, Vector]:
    """The losses of plain models of the training rows on the test rows: ``records`` (n) and ``target`` (n,)."""
    training = read_benchmark(spec, table, test=False)
    learnt_from, truth = training.take(list(training.records))
    matrix, asked = (FeatureEncoder(spec).matrix(rows) for rows in (learnt_from, records))
    found = {}
    for name, member in _PLAIN.items():
        estimator = EstimatorTable.model_validate({"seed": spec.estimator.seed, name: member})
        plain = build_estimator(spec.model_copy(update={"estimator": estimator})).fit(matrix, truth)
        answer = plain.predict if spec.is_regression else plain.predict_proba
        with np.errstate(all="ignore"):
            found[name] = losses_of(spec, answer(asked), target)
    # A linear model of logarithms can answer infinity far outside of the data; it is no rival then.
    return {name: row_losses for name, row_losses in found.items() if np.isfinite(row_losses).all()}
