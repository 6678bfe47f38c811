"""Behaviours of a model: how every answer moves when one field changes and all others stay (Ribeiro et al. 2020, "CheckList")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml_model.acceptance import BehaviourTable
from ml_model.artifacts import GateResult
from ml_model.paired import predictions
from ml_model.records import Record
from ml_model.scoring import Scorer
from ml_model.tables import Value

Vector = npt.NDArray[np.float64]


def behaviour_gates(scorer: Scorer, records: Sequence[Record]) -> list[GateResult]:
    """Return one result per behaviour of the spec, judged on every record that the change alters."""
    before = _answers(scorer, records)
    return [_gate(scorer, one, records, before) for one in scorer.spec.behaviour]


def moves(scorer: Scorer, one: BehaviourTable, records: Sequence[Record], before: Vector) -> Vector:
    """Return how far the answers move, shape (altered records,): as a share of a number, or the difference of a probability.

    ``before`` (n,) are the answers to ``records``. A record that the change leaves as it is, or whose field is unknown where
    a number is multiplied or added to, takes no part.
    """
    changed = [{**record, one.field: _changed(scorer, one, record[one.field])} for record in records]
    altered = [row for row, record in enumerate(changed) if record[one.field] != records[row][one.field]]
    after, old = _answers(scorer, [changed[row] for row in altered]), before[altered]
    if not scorer.spec.is_regression:
        return after - old
    return (after - old) / np.maximum(np.abs(old), np.finfo(np.float64).tiny)


def _gate(scorer: Scorer, one: BehaviourTable, records: Sequence[Record], before: Vector) -> GateResult:
    moved = moves(scorer, one, records, before)
    name, limit = f"behaviour.{one.name}", f"{one.expect}, up to {one.tolerance:g}, in all but {one.exceptions:.1%} of the rows"
    if not len(moved):
        detail = f"no test row is altered by '{one.change}' of '{one.field}'; mend amount, or take the behaviour out"
        return GateResult(name=name, passed=False, value=None, limit=limit, detail=detail)
    wrong = {"not_lower": -moved, "not_higher": moved, "same": np.abs(moved)}[one.expect]
    share = float(np.mean(wrong > one.tolerance))
    most = float(moved[int(np.argmax(wrong))])
    detail = (
        f"{int((wrong > one.tolerance).sum())} of {len(moved)} answers move further the wrong way; the extreme is {most:+.4f}"
    )
    return GateResult(name=name, passed=share <= one.exceptions, value=share, limit=limit, detail=detail)


def _changed(scorer: Scorer, one: BehaviourTable, value: Value) -> Value:
    if one.change == "set":
        return one.amount
    if value is None:
        return None
    field = scorer.spec.fields[one.field]
    number = float(value) * float(one.amount) if one.change == "multiply" else float(value) + float(one.amount)
    if field.range:
        number = min(max(number, field.range[0]), field.range[1])
    return round(number) if field.kind == "integer" else number


def _answers(scorer: Scorer, records: Sequence[Record]) -> Vector:
    predicted = predictions(scorer.spec, scorer.score(records))
    return predicted if scorer.spec.is_regression else predicted[:, -1]
