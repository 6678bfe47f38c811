"""Scoring of a whole CSV file: as many rows out as in, in the same order, with every column carried through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ml_model.csv_files import read_csv
from ml_model.data import records_of, writes_decimal_commas
from ml_model.errors import RecordsRefused
from ml_model.output_files import write_output
from ml_model.scoring import Score, Scorer

_ERROR, _WARNINGS = "error", "warnings"


def score_file(scorer: Scorer, source: Path, result: Path, *, report: Callable[[str], None] | None = None) -> tuple[int, int]:
    """Score the rows of ``source`` into ``result``; return how many rows there are and how many were refused.

    The result is written as the source is: encoding, separator, line ends, decimal commas. A column of the result whose name
    the source has already gets another one, which is reported. A row that breaks the contract gets no answer but a text in
    the column ``error``. Raises DataError if the file as a whole cannot be used, and then writes nothing.
    """
    file = read_csv(source)
    table = file.table()
    records = records_of(table, scorer.spec)
    scores, errors = _scored(scorer, records)
    point = "," if writes_decimal_commas(scorer.spec, table) else "."
    answers = [{_ERROR: errors[row]} if row in errors else _answer(scores[row], point) for row in range(len(records))]
    columns = _columns(scorer)
    names = _free_names(columns, table.columns)
    rows = [[*cells, *(answer.get(column, "") for column in columns)] for cells, answer in zip(file.rows, answers, strict=True)]
    write_output(result, file.dialect.encode([[*file.header, *names], *rows]), source=source)
    if report:
        for column, name in zip(columns, names, strict=True):
            if name != column:
                report(f"the file has a column '{column}'; that of the result is called '{name}'")
        if file.left_out:
            report(f"{file.left_out} blank line(s) left out")
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


def _free_names(columns: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The names of columns, each with as many times ``result_`` before it as no column of the source has."""
    names, used = [], set(taken)
    for column in columns:
        name = column
        while name in used:
            name = f"result_{name}"
        used.add(name)
        names.append(name)
    return names


def _answer(score: Score, point: str) -> dict[str, str]:
    def written(number: float | None) -> str:
        return "" if number is None else repr(number).replace(".", point)

    warned = "; ".join(warning.detail for warning in score.warnings)
    if score.probabilities is None:
        return {
            "prediction": written(score.value),
            "low": written(score.low),
            "high": written(score.high),
            _WARNINGS: warned,
        }
    shares = {f"probability_{name}": written(share) for name, share in score.probabilities.items()}
    return {"prediction": str(score.label), **shares, _WARNINGS: warned}
