"""The unfitted estimator that a spec asks for, over the matrix of the feature layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml_model.features import MOST_INDICATORS, FeatureEncoder
from ml_model.spec import ModelSpec
from ml_model.tables import BoostingTable, ForestTable, LinearTable

_DIFFICULTY_PENALTY = 300.0
"""Strong, because the absolute residual of one row says little of the difficulty of others like it."""


def build_estimator(spec: ModelSpec) -> Any:
    """Return the unfitted estimator of a spec.

    Regression: ``predict`` answers in the unit of the target, whatever its transform. Classification:
    ``predict_proba`` answers probabilities in the order of the spec's classes, not yet calibrated.
    """
    tables = (spec.estimator.linear, spec.estimator.boosting, spec.estimator.forest)
    members = [(type(table).__name__.removesuffix("Table").lower(), table) for table in tables if table]
    fitted = [(name, _member(spec, table)) for name, table in members]
    weights = [table.weight for _, table in members]
    if spec.is_regression:
        blend = fitted[0][1] if len(fitted) == 1 else VotingRegressor(fitted, weights=weights)
        log = spec.target.transform == "log"
        return TransformedTargetRegressor(blend, func=np.log, inverse_func=np.exp) if log else blend
    return fitted[0][1] if len(fitted) == 1 else VotingClassifier(fitted, weights=weights, voting="soft")


def build_difficulty(spec: ModelSpec) -> Pipeline:
    """Return the unfitted regressor of the logarithm of the absolute residual, which makes intervals adaptive."""
    return make_pipeline(encoded(spec, scaled=True), Ridge(alpha=_DIFFICULTY_PENALTY))


def _member(spec: ModelSpec, table: LinearTable | BoostingTable | ForestTable) -> Pipeline:
    seed, regression = spec.estimator.seed, spec.is_regression
    match table:
        case LinearTable():
            linear = Ridge(alpha=table.alpha) if regression else LogisticRegression(C=1 / table.alpha, max_iter=5000)
            return make_pipeline(encoded(spec, scaled=True, category_scale=table.category_scale), linear)
        case BoostingTable():
            boosting = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
            # Without early stopping: the number of trees is declared, and no training row is set aside.
            trees = boosting(
                max_iter=table.trees,
                learning_rate=table.learning_rate,
                max_leaf_nodes=table.leaves,
                min_samples_leaf=table.rows_per_leaf,
                l2_regularization=table.l2,
                early_stopping=False,
                random_state=seed,
            )
            return make_pipeline(encoded(spec), trees)
    forest = ExtraTreesRegressor if regression else ExtraTreesClassifier
    trees = forest(n_estimators=table.trees, min_samples_leaf=table.rows_per_leaf, max_features=table.features, random_state=seed)
    return make_pipeline(encoded(spec), trees)


def encoded(spec: ModelSpec, *, scaled: bool = False, category_scale: float = 1.0) -> ColumnTransformer:
    """Return the unfitted encoding that members share: numbers with the median for unknowns, an indicator per choice.

    With more than 255 choices in a field, indicators are too many: a linear model (``scaled``) gets them as a sparse matrix, and
    trees get the position of the choice instead, -1 if it is unknown.
    """
    encoder = FeatureEncoder(spec)
    numbers = [position for position in range(len(encoder.names)) if position not in encoder.choices]
    many = [position for position, count in encoder.choices.items() if count > MOST_INDICATORS]
    coded = [] if scaled else many
    choices = {position: count for position, count in encoder.choices.items() if position not in coded}
    # keep_empty_features: a column that is unknown in one fold must not change the shape of the matrix.
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    sparse = scaled and bool(many)
    indicators = OneHotEncoder(
        categories=[np.arange(count, dtype=np.float64) for count in choices.values()],
        handle_unknown="ignore",
        sparse_output=sparse,
    )
    codes = [("codes", SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True), coded)] if coded else []
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(imputer, StandardScaler()) if scaled else imputer, numbers),
            *codes,
            ("choices", indicators, list(choices)),
        ],
        transformer_weights={"choices": category_scale} if category_scale != 1.0 else None,
        sparse_threshold=1.0 if sparse else 0,
    )
