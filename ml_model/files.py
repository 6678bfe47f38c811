"""Scoring of a whole CSV file: as many rows out as in, in the same order, with every column carried through."""

from __future__ import annotations

from pathlib import Path

from ml_model.data import read_table, records_of
from ml_model.errors import DataError, RecordsRefused, in_one_line
from ml_model.scoring import Score, Scorer

_ERROR, _WARNINGS = "error", "warnings"


def score_file(scorer: Scorer, source: Path, result: Path) -> tuple[int, int]:
    """Score the rows of ``source`` into ``result``; return how many rows there are and how many were refused.

    A row that breaks the contract gets no answer but a text in the column ``error``. Raises DataError where the file
    as a whole cannot be used, and then writes nothing.
    """
    table = read_table(source)
    records = records_of(table, scorer.spec)
    errors: dict[int, str] = {}
    try:
        scorer.validator.validate(records)
    except RecordsRefused as refused:
        errors = {row: "; ".join(fault.detail for fault in faults) for row, faults in refused.errors_by_row.items()}
    scores = scorer.score([record for row, record in enumerate(records) if row not in errors])
    answered = iter(scores)
    answers = [{_ERROR: errors[row]} if row in errors else _answer(next(answered)) for row in range(len(records))]
    for column in _columns(scorer):
        if column in table:
            raise DataError(f"{source.name}: has a column '{column}', which the result needs; rename it")
        table[column] = [answer.get(column, "") for answer in answers]
    try:
        table.to_csv(result, index=False)
    except OSError as error:
        raise DataError(f"{result}: cannot be written: {in_one_line(error)}") from error
    return len(records), len(errors)


def _columns(scorer: Scorer) -> list[str]:
    if scorer.spec.is_regression:
        return ["prediction", "low", "high", _WARNINGS, _ERROR]
    return ["prediction", *(f"probability_{name}" for name in scorer.spec.classes), _WARNINGS, _ERROR]


def _answer(score: Score) -> dict[str, str]:
    warned = "; ".join(warning.detail for warning in score.warnings)
    if score.probabilities is None:
        return {"prediction": repr(score.value), "low": repr(score.low), "high": repr(score.high), _WARNINGS: warned}
    shares = {f"probability_{name}": repr(share) for name, share in score.probabilities.items()}
    return {"prediction": str(score.label), **shares, _WARNINGS: warned}
