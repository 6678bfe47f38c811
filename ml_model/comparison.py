"""Two releases on the same rows: how far their answers moved, which moved most, and by which fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml_model.benchmark import slice_rows
from ml_model.changes import Change, changes_between
from ml_model.data import held_out, read_target, records_of
from ml_model.errors import DataError, RecordsRefused
from ml_model.paired import Difference, default_metric, losses, paired_difference, predictions
from ml_model.records import Record, RecordValidator, in_words
from ml_model.scoring import Score, Scorer
from ml_model.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

Vector = npt.NDArray[np.float64]
Answers = npt.NDArray[np.float64]
_MOST = 10
_FIELDS = 5
_NOTHING = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One field's part in the move of one row."""

    field: str
    """Its label, or its name."""
    value: str
    """What the row says, in words."""
    part: float
    """How much of the move goes when the field has its example value in both releases."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """One row that moved."""

    line: int
    """Line of the data file on which the row begins."""
    before: Score
    after: Score
    move: float
    """Its difference, with its sign, in the scale of the comparison."""
    reasons: list[Reason]
    """The fields that explain most of it, the largest part first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceMoves:
    """One slice: the rows in it, how many moved, and the difference of their loss where the truth is known."""

    label: str
    rows: int
    moved_share: float
    median_move: float
    loss: Difference | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that a report tells."""

    scorers: tuple[Scorer, Scorer]
    rows: int
    left_out: int
    """Rows that at least one of the two contracts refuses."""
    answers: tuple[Vector, Vector]
    """What is drawn, each of shape (rows,): predicted numbers, or the probability of the class that moved most over all rows."""
    moves: Vector
    """Signed difference per row, shape (rows,)."""
    limit: float
    """Difference from which on a row counts as moved."""
    moved_share: float
    """Share of the rows whose difference is larger than ``limit``."""
    most: list[Moved]
    slices: list[SliceMoves]
    loss: Difference | None
    """None where the truth is not known."""
    metric: str
    changes: list[Change]


def compare(before: Scorer, after: Scorer, table: pd.DataFrame, *, limit: float, test_only: bool) -> Comparison:
    """Compare two releases on the rows of a raw table, on its test rows alone where ``test_only``.

    The difference of a row is ln(after / before) where the target of the newer release is learnt as a logarithm; otherwise
    (after − before) / standard deviation of the older answers; for classes half the sum of the absolute differences of
    their probabilities (total variation distance), with the sign of the difference of the older release's answer.

    Raises DataError where the releases answer different questions, or share no row.
    """
    specs = (before.spec, after.spec)
    if (specs[0].model.task, specs[0].classes) != (specs[1].model.task, specs[1].classes):
        raise DataError(f"releases {before.version} and {after.version} predict different things and cannot be compared")
    reads = [_read(spec, table, test_only=test_only) for spec in specs]
    rows = [row for row in reads[0] if row in reads[1]]
    if not rows:
        raise DataError("no row of the data can be read by both releases; compare on a file with the columns of both")
    scores = (before.score([reads[0][row] for row in rows]), after.score([reads[1][row] for row in rows]))
    ruler = _Ruler(specs, scores)
    moves = ruler.moves(*scores)
    truth = _truth(specs, table, rows)
    pairs = _losses(specs, scores, truth)
    seed = specs[0].estimator.seed
    order = np.argsort(-np.abs(moves), kind="stable")[:_MOST]
    chosen = [int(position) for position in order if abs(moves[position]) > _NOTHING]
    scorers = (before, after)
    return Comparison(
        scorers=scorers,
        rows=len(rows),
        left_out=(int(held_out(specs[1], table).sum()) if test_only else len(table)) - len(rows),
        answers=(ruler.drawn(scores[0]), ruler.drawn(scores[1])),
        moves=moves,
        limit=limit,
        moved_share=float(np.mean(np.abs(moves) > limit)),
        most=[
            _moved(scorers, ruler, (scores[0][one], scores[1][one]), float(moves[one]), int(table.index[rows[one]]))
            for one in chosen
        ],
        slices=_slices(specs[1], [score.record for score in scores[1]], moves, pairs, limit=limit),
        loss=paired_difference(pairs[1], pairs[0], seed=seed) if pairs else None,
        metric=default_metric(specs[1]),
        changes=changes_between(before.manifest, after.manifest, specs),
    )


class _Ruler:
    """How far two answers are apart; the scale is fixed once by all rows."""

    def __init__(self, specs: tuple[ModelSpec, ModelSpec], scores: tuple[Sequence[Score], Sequence[Score]]) -> None:
        self._spec = specs[1]
        first, second = (predictions(specs[0], one) for one in scores)
        self._is_share = self._spec.target.transform == "log" and bool((first > 0).all() and (second > 0).all())
        spread = float(first.std()) if self._spec.is_regression else 1.0
        self._spread = spread if spread > 0 else 1.0
        self._class = 1 if len(self._spec.classes) == 2 else 0
        if len(self._spec.classes) > 2:
            self._class = int(np.abs(second - first).mean(axis=0).argmax())

    def drawn(self, scores: Sequence[Score]) -> Vector:
        """Return one number per answer, shape (n,)."""
        predicted = predictions(self._spec, scores)
        return predicted if self._spec.is_regression else predicted[:, self._class]

    def moves(self, before: Sequence[Score], after: Sequence[Score]) -> Vector:
        """Return the signed differences, shape (n,)."""
        old, new = (predictions(self._spec, one) for one in (before, after))
        if not self._spec.is_regression:
            chosen = old.argmax(axis=1)
            picked = np.arange(len(old))
            sign = np.where(new[picked, chosen] >= old[picked, chosen], 1.0, -1.0)
            return np.asarray(sign * np.abs(new - old).sum(axis=1) / 2, dtype=np.float64)
        if self._is_share:
            tiny = np.finfo(np.float64).tiny
            return np.asarray(np.log(np.maximum(new, tiny) / np.maximum(old, tiny)), dtype=np.float64)
        return np.asarray((new - old) / self._spread, dtype=np.float64)


def _read(spec: ModelSpec, table: pd.DataFrame, *, test_only: bool) -> dict[int, Record]:
    records, validator = records_of(table, spec), RecordValidator(spec)
    chosen = np.flatnonzero(held_out(spec, table)).tolist() if test_only else list(range(len(table)))
    try:
        valid = validator.validate([records[row] for row in chosen])
    except RecordsRefused as refused:
        chosen = [row for position, row in enumerate(chosen) if position not in refused.errors_by_row]
        valid = validator.validate([records[row] for row in chosen])
    return dict(zip(chosen, valid, strict=True))


def _truth(specs: tuple[ModelSpec, ModelSpec], table: pd.DataFrame, rows: Sequence[int]) -> Vector | None:
    column = specs[1].target.column
    if column not in table or specs[0].target.column != column:
        return None
    return read_target(specs[1], table.iloc[list(rows)])


def _losses(
    specs: tuple[ModelSpec, ModelSpec], scores: tuple[list[Score], list[Score]], truth: Vector | None
) -> tuple[Vector, Vector] | None:
    if truth is None:
        return None
    metric = default_metric(specs[1])
    return losses(specs[0], scores[0], truth, metric=metric), losses(specs[1], scores[1], truth, metric=metric)


def _moved(scorers: tuple[Scorer, Scorer], ruler: _Ruler, pair: tuple[Score, Score], move: float, line: int) -> Moved:
    """Say which fields moved a row.

    The part of field f is d(x) − d(x with f at its example), where d is the difference of the two releases and each release
    takes the example of its own contract. Parts of fields that act together are counted in each of them, so they need
    not add up to the move.
    """
    fields = {**scorers[0].spec.fields, **scorers[1].spec.fields}
    typical = [[_replaced(scorer, score.record, name) for name in fields] for scorer, score in zip(scorers, pair, strict=True)]
    without = ruler.moves(*(scorer.score(records) for scorer, records in zip(scorers, typical, strict=True)))
    parts = move - without
    order = np.argsort(-np.abs(parts), kind="stable")[:_FIELDS]
    names = list(fields)
    reasons = [
        Reason(field=fields[names[one]].label, value=_said(fields[names[one]].name, pair, scorers), part=float(parts[one]))
        for one in order
        if abs(parts[one]) > _NOTHING
    ]
    return Moved(line=line, before=pair[0], after=pair[1], move=move, reasons=reasons)


def _replaced(scorer: Scorer, record: Mapping[str, object], name: str) -> dict[str, object]:
    field = scorer.spec.fields.get(name)
    return {**record, name: field.example} if field else dict(record)


def _said(name: str, pair: tuple[Score, Score], scorers: tuple[Scorer, Scorer]) -> str:
    asked = [name in scorer.spec.fields for scorer in scorers]
    side = 1 if asked[1] else 0
    words = in_words(scorers[side].spec.fields[name], pair[side].record[name])
    return words if all(asked) else f"{words} (asked by {scorers[side].version} alone)"


def _slices(
    spec: ModelSpec, records: Sequence[Record], moves: Vector, pairs: tuple[Vector, Vector] | None, *, limit: float
) -> list[SliceMoves]:
    found = []
    labels, seed = {one.name: one.label for one in spec.slice}, spec.estimator.seed
    for name, member in slice_rows(spec, records).items():
        rows = int(member.sum())
        if rows:
            inside = np.abs(moves[member])
            found.append(
                SliceMoves(
                    label=labels[name],
                    rows=rows,
                    moved_share=float(np.mean(inside > limit)),
                    median_move=float(np.median(inside)),
                    loss=paired_difference(pairs[1][member], pairs[0][member], seed=seed) if pairs and rows > 1 else None,
                )
            )
    return found
