"""Scoring of a whole CSV file: as many rows out as in, in the same order, with every column carried through."""

from __future__ import annotations

from collections.abc import Sequence
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
    scores, errors = _scored(scorer, records)
    answers = [{_ERROR: errors[row]} if row in errors else _answer(scores[row]) for row in range(len(records))]
    for column in _columns(scorer):
        if column in table:
            raise DataError(f"{source.name}: has a column '{column}', which the result needs; rename it")
        table[column] = [answer.get(column, "") for answer in answers]
    try:
        table.to_csv(result, index=False)
    except OSError as error:
        raise DataError(f"{result}: cannot be written: {in_one_line(error)}") from error
    return len(records), len(errors)


def _scored(scorer: Scorer, records: Sequence[object]) -> tuple[dict[int, Score], dict[int, str]]:
    """Return the answers and the texts of the refusals, each by row."""
    rows, errors = list(range(len(records))), dict[int, str]()
    while True:
        try:
            return dict(zip(rows, scorer.score([records[row] for row in rows]), strict=True)), errors
        except RecordsRefused as refused:
            errors |= {rows[row]: "; ".join(fault.detail for fault in faults) for row, faults in refused.errors_by_row.items()}
            rows = [row for row in rows if row not in errors]


def _columns(scorer: Scorer) -> list[str]:
    if scorer.spec.is_regression:
        return ["prediction", "low", "high", _WARNINGS, _ERROR]
    return ["prediction", *(f"probability_{name}" for name in scorer.spec.classes), _WARNINGS, _ERROR]


def _answer(score: Score) -> dict[str, str]:
    warned = "; ".join(warning.detail for warning in score.warnings)
    if score.probabilities is None:
        low, high = ("" if end is None else repr(end) for end in (score.low, score.high))
        return {"prediction": repr(score.value), "low": low, "high": high, _WARNINGS: warned}
    shares = {f"probability_{name}": repr(share) for name, share in score.probabilities.items()}
    return {"prediction": str(score.label), **shares, _WARNINGS: warned}
