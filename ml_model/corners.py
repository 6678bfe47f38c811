"""The corners of the declared ranges: every record that the contract accepts must get a finite answer of sane size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from ml_model.acceptance import GatesTable
from ml_model.artifacts import GateResult
from ml_model.errors import RecordsRefused
from ml_model.records import Record
from ml_model.scoring import Score, Scorer, ends_of
from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable, Value

Vector = npt.NDArray[np.float64]
_ALONE = 1_000
"""Most records with one field alone at an end."""
_DRAWN = 1_000
_UNKNOWN_SHARE = 0.1
_REACH: float = GatesTable.model_fields["corner_reach"].default


def corner_gate(scorer: Scorer, target: Vector) -> GateResult:
    """Return the gate ``sanity.corners``; ``target`` (n,) holds numbers or positions of classes of the training rows."""
    spec = scorer.spec
    records = corner_records(spec)
    try:
        scores = scorer.score(records)
    except RecordsRefused as refused:
        row, others = next(iter(refused.errors_by_row)), len(refused.errors_by_row)
        detail = (
            f"{others} of {len(records)} corners have no finite answer, such as {_shown(spec, records[row])}; narrow the ranges"
        )
        return _result(passed=False, value=None, limit="a finite answer", detail=detail)
    if not spec.is_regression:
        detail = f"all {len(records)} corners have finite probabilities"
        return _result(passed=True, value=None, limit="a finite answer", detail=detail)
    return _within_reach(spec, scores, target)


def _within_reach(spec: ModelSpec, scores: list[Score], target: Vector) -> GateResult:
    reach = spec.gates.corner_reach if spec.gates else _REACH
    least, most = float(target.min()), float(target.max())
    lows, highs = ends_of(scores)
    away = np.maximum(least - lows, highs - most) / max(most - least, np.finfo(np.float64).tiny)
    far, worst = int((away > reach).sum()), int(away.argmax())
    score = scores[worst]
    extreme = f"{score.value:.4g} ({lows[worst]:.4g} to {highs[worst]:.4g}) for {_shown(spec, score.record)}"
    detail = f"{far} of {len(scores)} corners lie further outside; the extreme is {extreme}{'; narrow the ranges' if far else ''}"
    limit = f"intervals at most {reach:g} times the spread of the training targets ({least:.4g} to {most:.4g}) outside of them"
    value = float(away[worst]) if math.isfinite(away[worst]) else None
    return _result(passed=not far, value=value, limit=limit, detail=detail)


def _result(*, passed: bool, value: float | None, limit: str, detail: str) -> GateResult:
    return GateResult(name="sanity.corners", passed=passed, value=value, limit=limit, detail=detail)


def corner_records(spec: ModelSpec) -> list[Record]:
    """Return valid records at the ends of the declared ranges: at most 2,002, always the same ones.

    All fields at their first or at their last value; the example with one field at an end, or unknown; and random corners.
    """
    values = {field.name: _values(field) for field in spec.field}
    optional = [field.name for field in spec.field if not field.required]
    random = np.random.default_rng(spec.estimator.seed)
    return [
        *({name: some[end] for name, some in values.items()} for end in (0, -1)),
        *islice(_alone(spec, values), _ALONE),
        *(_drawn(values, optional, random) for _ in range(_DRAWN)),
    ]


def _alone(spec: ModelSpec, values: dict[str, list[Value]]) -> Iterator[Record]:
    for field in spec.field:
        for value in (values[field.name][0], values[field.name][-1], *([] if field.required else [None])):
            yield {**spec.example(), field.name: value}


def _drawn(values: dict[str, list[Value]], optional: list[str], random: np.random.Generator) -> Record:
    record = {name: some[random.integers(len(some))] for name, some in values.items()}
    return record | {name: None for name in optional if random.random() < _UNKNOWN_SHARE}


def _values(field: FieldTable) -> list[Value]:
    """Both ends of a field, or all of its choices."""
    if field.choices:
        return list(field.codes)
    if field.kind == "date":
        return [field.earliest, field.latest]
    if field.range is None:
        return [False, True]
    low, high = field.range
    return [math.ceil(low), math.floor(high)] if field.kind == "integer" else [low, high]


def _shown(spec: ModelSpec, record: Record) -> str:
    """A record in few words: what differs from the example."""
    typical = spec.example()
    return ", ".join(f"{name}={value}" for name, value in islice(record.items(), 6) if value != typical[name]) or "the example"
