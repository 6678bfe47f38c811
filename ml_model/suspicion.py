"""Statistics of one column by which a fault of the data gives itself away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Sides = npt.NDArray[np.bool_]
_CHANCE = 1e-6
"""Probability that a column of a fair split is called different."""
_STANDARD_ERRORS = 7.0
_ROWS_PER_LEAF = 5
_FEWEST_ENTITIES = 10


def sides_differ(column: Vector, is_test: Sides) -> bool:
    """Whether the known values of the test rows come from another distribution than those of the training rows.

    Two-sample test of Kolmogorov and Smirnov, with the bound ``2 exp(-2 D² nm/(n+m))`` for the probability of a distance of D
    or more; the share of unknown values is compared too.
    """
    known = ~np.isnan(column)
    test, training = np.sort(column[is_test & known]), np.sort(column[~is_test & known])
    if _share_differs(known, is_test):
        return True
    if not len(test) or not len(training):
        return False
    places = np.concatenate([test, training])
    below = [np.searchsorted(one, places, side="right") / len(one) for one in (test, training)]
    distance = float(np.abs(below[0] - below[1]).max())
    weight = len(test) * len(training) / (len(test) + len(training))
    return bool(2 * np.exp(-2 * distance**2 * weight) < _CHANCE)


def separates(codes: Vector, is_test: Sides) -> bool:
    """Whether the share of any choice, or of unknown, differs between the sides by more than seven standard errors."""
    known = ~np.isnan(codes)
    return _share_differs(known, is_test) or any(_share_differs(codes == one, is_test) for one in np.unique(codes[known]))


def _share_differs(member: Sides, is_test: Sides) -> bool:
    test, training = int(is_test.sum()), int((~is_test).sum())
    share = float(member.mean())
    error = np.sqrt(share * (1 - share) * (1 / max(test, 1) + 1 / max(training, 1)))
    difference = abs(float(member[is_test].mean()) - float(member[~is_test].mean()))
    return bool(error > 0 and difference > _STANDARD_ERRORS * error)


def names_entities(units: npt.NDArray[np.int64]) -> bool:
    """Whether a column is like the name of an entity: most rows share it with some others, and none is more than a tenth.

    ``units`` (rows,) numbers the values of the column.
    """
    rows = np.bincount(units)
    shared = rows[rows > 1].sum()
    return bool(len(rows) >= _FEWEST_ENTITIES and 2 * shared > len(units) and 10 * rows.max() <= len(units))


def intraclass_correlation(values: npt.NDArray[np.float64], units: npt.NDArray[np.int64]) -> float:
    """Return how alike the rows of one unit are: 0 as rows of any, 1 if they are equal (ICC(1), Shrout and Fleiss 1979).

    ``values`` has shape (rows, k), and its columns share one answer; ``units`` (rows,) numbers the unit of each row. Rows with an
    unknown value are left out, and the size of a unit is the mean size corrected as by Donner (1986).
    """
    known = ~np.isnan(values).any(axis=1)
    values, (_, units) = values[known], np.unique(units[known], return_inverse=True)
    rows = np.bincount(units)
    if len(rows) < 2 or len(rows) == len(values):
        return 0.0
    # Small numbers: a sum of squares of very large ones is no number.
    values = values / max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    means = np.column_stack([np.bincount(units, column) / rows for column in values.T])
    within = ((values - means[units]) ** 2).sum() / (len(values) - len(rows))
    between = (rows[:, None] * (means - values.mean(axis=0)) ** 2).sum() / (len(rows) - 1)
    size = (len(values) - (rows**2).sum() / len(values)) / (len(rows) - 1)
    total = between + (size - 1) * within
    return float((between - within) / total) if total else 0.0


def leakage(column: Vector, target: Vector, is_test: Sides, *, numbers: bool) -> tuple[float, str]:
    """Return how well one column predicts the target on held-out rows, and the name of the measure.

    A decision tree of this column alone (leaves of at least 5 rows) learns the training rows. Regression: the greater of its R²
    and of the absolute rank correlation of column and target (Spearman 1904), both on the held-out rows. Classification: its
    area under the ROC curve, over several classes the mean of one against the rest.
    """
    from sklearn.metrics import r2_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    filled = np.where(np.isnan(column), -1e300, column)[:, None].clip(-1e30, 1e30)
    test, training = is_test, ~is_test
    if numbers:
        tree = DecisionTreeRegressor(min_samples_leaf=_ROWS_PER_LEAF, random_state=0).fit(filled[training], target[training])
        known = test & ~np.isnan(column)
        found = {
            "R²": float(r2_score(target[test], tree.predict(filled[test]))),
            "rank correlation": _rank_correlation(column[known], target[known]),
        }
        measure = max(found, key=lambda name: found[name])
        return found[measure], measure
    forked = DecisionTreeClassifier(min_samples_leaf=_ROWS_PER_LEAF, random_state=0).fit(filled[training], target[training])
    return _area(target[test], forked.predict_proba(filled[test]), forked.classes_), "AUC"


def _rank_correlation(column: Vector, target: Vector) -> float:
    ranks = [_ranks(one) for one in (column, target)]
    # A column that is known in a few rows alone tells nothing of the others.
    if len(column) < 10 or any(one.std() == 0 for one in ranks):
        return 0.0
    return abs(float(np.corrcoef(ranks[0], ranks[1])[0, 1]))


def _ranks(values: Vector) -> Vector:
    """Ranks with ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], dtype=np.float64)


def _area(true: Vector, shares: npt.NDArray[np.float64], classes: Vector) -> float:
    """Mean area under the ROC curve of each class against the rest, of the classes that the rows hold."""
    areas = []
    for position, one in enumerate(classes):
        member = true == one
        if 0 < member.sum() < len(true):
            ranks = _ranks(shares[:, position])
            count = int(member.sum())
            areas.append((ranks[member].sum() - count * (count + 1) / 2) / (count * (len(true) - count)))
    return float(np.mean(areas)) if areas else 0.0
