"""Compare candidate estimators for the model of ``ml_model/model.toml`` by repeated cross-validation on its training rows.

    PYTHONPATH=. python benchmarks/compare_estimators.py

The test rows take no part. Every candidate sees the same matrix, the same folds and the logarithm of the price; the last column
is the paired difference of the mean squared error to the chosen one, in standard errors over rows.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.linear_model import ElasticNet, LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVR

from ml_model.data import load_dataset
from ml_model.features import FeatureEncoder
from ml_model.pipeline import encoded
from ml_model.spec import load_spec
from ml_model.training import SPEC_PATH

REPEATS, FOLDS = 10, 10
CHOSEN = "ridge 9 : histogram boosting 1 (chosen)"


def candidates(spec: Any) -> dict[str, Any]:
    """Name to unfitted estimator of the logarithm of the price."""
    seed = spec.estimator.seed
    scaled = encoded(spec, scaled=True, category_scale=2.0)
    ridge = make_pipeline(scaled, Ridge(alpha=10.0))
    kernel = make_pipeline(scaled, SVR(C=200.0, gamma=1e-4, epsilon=0.02))
    histogram = HistGradientBoostingRegressor(
        max_iter=300,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=10,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    classic = GradientBoostingRegressor(
        n_estimators=400, learning_rate=0.05, max_depth=5, min_samples_leaf=3, subsample=0.6, max_features=0.1, random_state=seed
    )
    trees = make_pipeline(encoded(spec), histogram)
    members = [("ridge", ridge), ("kernel", kernel), ("boosting", make_pipeline(encoded(spec), classic))]
    return {
        "ridge": ridge,
        "elastic net": make_pipeline(scaled, ElasticNet(alpha=5e-4, l1_ratio=0.5, max_iter=20_000)),
        "support vectors, radial kernel": kernel,
        "histogram gradient boosting": trees,
        "gradient boosting": members[2][1],
        "extremely randomised trees": make_pipeline(
            encoded(spec), ExtraTreesRegressor(300, min_samples_leaf=2, max_features=0.5, random_state=seed)
        ),
        CHOSEN: VotingRegressor([("ridge", ridge), ("trees", trees)], weights=[9, 1]),
        "ridge 4 : histogram boosting 1": VotingRegressor([("ridge", ridge), ("trees", trees)], weights=[4, 1]),
        "ridge 4 : kernel 4 : gradient boosting 1": VotingRegressor(members, weights=[4, 4, 1]),
        "stack of ridge, kernel, gradient boosting": StackingRegressor(members, LinearRegression(positive=True), cv=5),
    }


def main() -> None:
    """Print the table."""
    spec = load_spec(SPEC_PATH)
    dataset = load_dataset(spec, SPEC_PATH.parent)
    training = ~dataset.is_test
    matrix = FeatureEncoder(spec).matrix(dataset.records)[training]
    target = np.log(dataset.target[training])
    errors: dict[str, npt.NDArray[np.float64]] = {}
    seconds: dict[str, float] = {}
    for name, estimator in candidates(spec).items():
        started = time.perf_counter()
        runs = [
            cross_val_predict(estimator, matrix, target, cv=KFold(FOLDS, shuffle=True, random_state=repeat))
            for repeat in range(REPEATS)
        ]
        seconds[name] = (time.perf_counter() - started) / REPEATS / FOLDS
        errors[name] = (np.array(runs) - target) ** 2
        print(f"{name} done", file=sys.stderr)
    print("| candidate | mean RMSLE | median | ± between repeats | one fit ÷ ridge | worse than chosen, in s.e. |")
    print("|---|---|---|---|---|---|")
    for name, squared in errors.items():
        rmsle = np.sqrt(squared.mean(axis=1))
        difference = (squared - errors[CHOSEN]).mean(axis=0)
        spread = difference.std(ddof=1) / np.sqrt(len(difference))
        apart = difference.mean() / spread if spread else 0.0
        row = [rmsle.mean(), np.median(rmsle), rmsle.std()]
        cells = [name, *(f"{value:.4f}" for value in row), f"{seconds[name] / seconds['ridge']:.0f} ×", f"{apart:+.1f}"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
