"""Scoring: records in, answers out, with how sure they are and what to be careful about.

>>> from ml_model.scoring import load_scorer
>>> scorer = load_scorer()
>>> score = scorer.score([scorer.spec.example()])[0]
>>> score.record == scorer.spec.example()
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import TOLERANCE, Bundle, Calibration, FieldProfile, Fitted, read_bundle
from ml_model.columns import Block, ColumnReader
from ml_model.compiled import RUNTIME, answers_of, learnt_answers, serves_compiled
from ml_model.errors import BundleRefused, ReleaseError, in_one_line
from ml_model.expressions import Columns
from ml_model.features import FeatureEncoder, Matrix
from ml_model.records import Record, RecordValidator, in_words, number_in_words
from ml_model.releases import TRAINED, live_version, read_releases
from ml_model.spec import ModelSpec

Vector = npt.NDArray[np.float64]
_FEW = 8
"""Up to so many records one by one is quicker than by column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreWarning:
    """A reason to trust one answer less."""

    field: str
    """The field that it is about."""
    code: str
    """``outside_training`` or ``unseen_choice``."""
    detail: str
    """One sentence for the reader of the answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The answer to one record."""

    record: Record
    """The record as it was understood."""
    value: float | None = None
    """Regression: the predicted number, in the unit of the target."""
    low: float | None = None
    """Regression: lower end of the interval."""
    high: float | None = None
    """Regression: upper end of the interval."""
    level: float | None = None
    """Regression: share of true values that such intervals hold."""
    label: str | None = None
    """Classification: the most probable class, as in the data."""
    probabilities: dict[str, float] | None = None
    """Classification: calibrated probability of each class."""
    warnings: tuple[ScoreWarning, ...] = ()


class Scorer:
    """Answers records by one verified release. Safe to share between threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.spec = bundle.spec
        self.manifest = bundle.manifest
        self.validator = RecordValidator(bundle.spec)
        self.runtime = RUNTIME if serves_compiled(bundle) else "scikit-learn"
        """What computes the answers."""
        self.parity = bundle.parity
        """The certificate of the compiled form; None for a release of before there were any."""
        self._calibration = bundle.calibration
        self._reader = ColumnReader(bundle.spec)
        self._encoder = FeatureEncoder(bundle.spec)
        try:
            self._caution = _Caution(bundle.spec, bundle.profile)
        except KeyError as error:
            raise BundleRefused(self.version, f"profile.json does not tell of {error}") from error
        self._answers = answers_of(bundle)

    @property
    def version(self) -> str:
        """Version of the release."""
        return self.manifest.version

    def score(self, records: Sequence[object]) -> list[Score]:
        """Return one answer per record, in order.

        Raises RecordsRefused with every fault of every record, and then scores none.
        """
        block = self._reader.read_records(records) if len(records) > _FEW else None
        return self._score_block(block) if block else self._score_valid(self.validator.validate(records))

    def score_columns(self, columns: Mapping[str, Sequence[object]]) -> list[Score]:
        """Return one answer per row of columns of one length, by field name; a field that is left out is unknown.

        Raises RecordsRefused with every fault of every row, and then scores none.
        """
        block = self._reader.read(columns)
        if block:
            return self._score_block(block)
        return self._score_valid(
            self.validator.validate([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])
        )

    def _score_valid(self, valid: list[Record]) -> list[Score]:
        if not valid:
            return []
        return self._scores(valid, self._encoder.matrix(valid), list(map(self._caution.warnings, valid)))

    def _score_block(self, block: Block) -> list[Score]:
        records = block.records()
        warnings: list[tuple[ScoreWarning, ...]] = [()] * len(records)
        for row in self._caution.rows(block.encoded):
            warnings[row] = self._caution.warnings(records[row])
        return self._scores(records, self._encoder.derive(block.encoded), warnings)

    def _scores(self, records: list[Record], matrix: Matrix, warnings: list[tuple[ScoreWarning, ...]]) -> list[Score]:
        answers = self._answers(matrix)
        if self._calibration is None:
            names = self.spec.classes
            return [
                Score(record=record, label=names[best], probabilities=dict(zip(names, shares, strict=True)), warnings=careful)
                for record, best, shares, careful in zip(
                    records, answers.argmax(axis=1).tolist(), answers.tolist(), warnings, strict=True
                )
            ]
        values, lowest, highest = (ends.tolist() for ends in intervals(self.spec, self._calibration, answers))
        level = self.spec.interval.level
        return [
            Score(record=record, value=value, low=low, high=high, level=level, warnings=careful)
            for record, value, low, high, careful in zip(records, values, lowest, highest, warnings, strict=True)
        ]


class _Caution:
    """What to be careful about in a record: values that the model has not learnt from."""

    def __init__(self, spec: ModelSpec, profile: Mapping[str, FieldProfile]) -> None:
        self._noun = spec.model.noun
        self._numbers = [(field, *field.trained) for field in spec.field if field.trained]
        unseen = {
            field.name: frozenset(choice for choice in field.codes if not profile[field.name].choices[str(choice)])
            for field in spec.field
        }
        self._choices = [(field, unseen[field.name]) for field in spec.field if unseen[field.name]]
        self._order = {field.name: position for position, field in enumerate(spec.field)}

    def rows(self, encoded: Columns) -> list[int]:
        """Return the rows that carry a warning; ``encoded`` are columns as the feature layer encodes them."""
        careful = np.zeros(len(next(iter(encoded.values()))), dtype=bool)
        for field, low, high in self._numbers:
            careful |= (encoded[field.name] < low) | (encoded[field.name] > high)
        for field, unseen in self._choices:
            careful |= np.isin(encoded[field.name], [field.codes[choice] for choice in unseen])
        return np.flatnonzero(careful).tolist()

    def warnings(self, record: Record) -> tuple[ScoreWarning, ...]:
        """Return the warnings of one record, in the order of its fields."""
        found = []
        for field, least, most in self._numbers:
            value = record[field.name]
            if value is not None and not least <= value <= most:  # type: ignore[operator]  # a valid number
                low, high = (number_in_words(field, limit) for limit in (least, most))
                detail = f"{field.label}: the model has learnt from {low} to {high}; {in_words(field, value)} lies outside."
                found.append(ScoreWarning(field=field.name, code="outside_training", detail=detail))
        for field, unseen in self._choices:
            value = record[field.name]
            if value in unseen:
                detail = f"{field.label}: the model has not seen one {self._noun} with '{in_words(field, value)}'."
                found.append(ScoreWarning(field=field.name, code="unseen_choice", detail=detail))
        return tuple(sorted(found, key=lambda one: self._order[one.field])) if found else ()


def intervals(spec: ModelSpec, calibration: Calibration, answers: Matrix) -> tuple[Vector, Vector, Vector]:
    """Return the predicted numbers with the lower and upper ends of their intervals, each shape (n,), in the target's unit.

    ``answers`` are as in ``compiled``: the numbers and, where intervals are adaptive, the difficulty of each.
    """
    values = answers[:, 0]
    half_widths = calibration.quantile * (answers[:, 1] if calibration.adaptive else np.ones(len(answers)))
    # Far outside of the training data an exponential overflows, and JSON has no infinity; the warnings say what to think of it.
    with np.errstate(over="ignore", invalid="ignore"):
        if spec.target.transform == "log":
            factors = np.exp(half_widths)
            low, high = values / factors, values * factors
        else:
            low, high = values - half_widths, values + half_widths
    if np.isfinite(low).all() and np.isfinite(high).all():
        return values, low, high
    return np.nan_to_num(values), np.nan_to_num(low), np.nan_to_num(high)


def predict_intervals(spec: ModelSpec, fitted: Fitted, matrix: Matrix) -> tuple[Vector, Vector, Vector]:
    """Return what ``intervals`` does for a matrix of the feature layer, by the estimators themselves."""
    if fitted.calibration is None:
        raise BundleRefused(spec.model.name, "calibration.json is empty, and a predicted number needs its interval")
    return intervals(spec, fitted.calibration, learnt_answers(fitted)(matrix))


def load_scorer(version: str | None = None, trained: Path = TRAINED) -> Scorer:
    """Return the scorer of a release, of the live one (see ``releases.live_version``) unless told otherwise.

    Raises ReleaseError where it is not listed and BundleRefused where it is not as it was released.
    """
    releases = read_releases(trained)
    wanted = version or live_version(releases).version
    if not wanted:
        raise ReleaseError("there is no live release; run 'python -m ml_model train'")
    bundle = read_bundle(trained / wanted, releases.manifest_of(wanted))
    if bundle.manifest.version != wanted:
        raise BundleRefused(wanted, f"its manifest is that of release {bundle.manifest.version}")
    scorer = Scorer(bundle)
    prove_golden(scorer, bundle)
    return scorer


def prove_golden(scorer: Scorer, bundle: Bundle) -> None:
    """Raise BundleRefused unless the recorded records get their recorded answers, to a relative 1e-9."""
    golden = bundle.golden
    if not golden.records or len(golden.records) != len(golden.scores):
        raise BundleRefused(scorer.version, "golden.json does not hold a score for each of its records")
    try:
        # Together and one by one, which are two ways through the code.
        scores = [*scorer.score(golden.records), *(score for record in golden.records for score in scorer.score([record]))]
    except Exception as error:
        raise BundleRefused(scorer.version, f"its golden records cannot be scored: {in_one_line(error)}") from error
    for number, answer in enumerate(map(golden_answer, scores)):
        row = number % len(golden.records)
        if not _alike(answer, recorded := golden.scores[row]):
            told = f"golden record {row} gets {answer} by {scorer.runtime}, and got {recorded} when it was released"
            raise BundleRefused(scorer.version, told)


def golden_answer(score: Score) -> dict[str, Any]:
    """A score as it is recorded in ``golden.json``."""
    return {key: value for key, value in asdict(score).items() if key not in {"record", "warnings"} and value is not None}


def _alike(answer: Any, recorded: Any) -> bool:
    if isinstance(answer, dict) and isinstance(recorded, dict):
        return answer.keys() == recorded.keys() and all(_alike(answer[key], recorded[key]) for key in answer)
    if isinstance(answer, float) and isinstance(recorded, (int, float)):
        return math.isclose(answer, recorded, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(answer == recorded)
