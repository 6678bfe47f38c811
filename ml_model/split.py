"""The split: which rows are held out as the fixed test set, and the folds of a cross-validation.

A *unit* is a set of rows that stay together: those of one ``data.group``, else of one ``data.identity``, else those that are
equal in every field. A change of the split loses the test sets of released specs: see ``docs/decisions/split.md``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
FOLDS = 5
"""Folds that the calibration of classes is chosen in."""
_FEWEST_COMBINATIONS = 50
_ROWS_PER_COMBINATION = 10
Folds = list[tuple[Integers, Integers]]


def number_units(keys: Iterable[Hashable]) -> Integers:
    """Return the number of each row's unit, counted from 0; rows with equal keys are one unit.

    >>> number_units(["a", "b", "a"])
    array([0, 1, 0])
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def are_copies(units: Integers) -> bool:
    """Whether rows that are equal in every field can be copies; if the fields have few combinations, rows agree by chance.

    ``units`` (rows,) numbers the combination of each row.
    """
    return len(np.unique(units)) >= max(_FEWEST_COMBINATIONS, len(units) / _ROWS_PER_COMBINATION)


def hold_out(
    units: Integers, texts: Sequence[str], *, share: float, salt: str, classes: Integers | None = None
) -> npt.NDArray[np.bool_]:
    """Return which rows are test rows, shape (rows,); all rows of a unit are on the same side.

    ``units`` (rows,) numbers the unit of each row and ``texts`` (rows,) identifies each row; the hash of a unit is the SHA-256 of
    its first text in the alphabet. Without ``classes`` a unit is held out if its hash falls into the first ``share`` of all
    hashes, so that it keeps its side whatever rows are added. With ``classes`` (rows,) the split is stratified: the rows of each
    class are held out in the order of the hashes until their share is reached. Then a unit can change sides when rows of its
    class are added, if its hash lies next to the limit. A unit with several classes counts as its most frequent one.
    """
    first: dict[int, str] = {}
    for unit, text in zip(units.tolist(), texts, strict=True):
        first[unit] = min(text, first.get(unit, text))
    seen: Counter[str] = Counter()
    hashes = np.zeros(len(first), dtype=np.uint64)
    for unit, text in sorted(first.items()):
        # Units with the same text differ by their order.
        hashes[unit] = _hash64(salt, f"{text}\x1f{seen[text]}" if seen[text] else text)
        seen[text] += 1
    if classes is None:
        return (hashes < int(share * 2**64))[units]
    rows = np.bincount(units, minlength=len(first))
    votes = np.zeros((len(first), int(classes.max()) + 1), dtype=np.int64)
    np.add.at(votes, (units, classes), 1)
    stratum, held = votes.argmax(axis=1), np.zeros(len(first), dtype=np.bool_)
    for label in np.unique(stratum):
        members = np.flatnonzero(stratum == label)
        members = members[np.argsort(hashes[members], kind="stable")]
        middles = np.cumsum(rows[members]) - rows[members] / 2
        held[members[middles < share * rows[members].sum()]] = True
    return held[units]


def make_folds(target: npt.NDArray[np.float64], units: Integers, *, folds: int, seed: int, stratified: bool) -> Folds:
    """Return shuffled folds as pairs of positions, training rows and the others; a unit is never on both sides.

    ``target`` (rows,) and ``units`` (rows,) describe the rows; ``stratified`` keeps the shares of the classes in each fold.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    settings = {"n_splits": folds, "shuffle": True, "random_state": seed}
    positions = np.zeros(len(target))
    if len(np.unique(units)) == len(units):
        alone = StratifiedKFold(**settings) if stratified else KFold(**settings)
        return list(alone.split(positions, target))
    together = StratifiedGroupKFold(**settings) if stratified else GroupKFold(**settings)
    return list(together.split(positions, target, units))


def _hash64(salt: str, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}\x1f{text}".encode()).digest()[:8], "big")
