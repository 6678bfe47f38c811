"""Scoring: records in, answers out, with how sure they are and what to be careful about.

>>> from ml_model.scoring import load_scorer
>>> scorer = load_scorer()
>>> score = scorer.score([scorer.spec.example()])[0]
>>> score.record == scorer.spec.example()
True
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import TOLERANCE, Bundle, Calibration, Fitted, read_bundle
from ml_model.caution import Caution, ScoreWarning
from ml_model.columns import Block, ColumnReader
from ml_model.compiled import RUNTIME, answers_of, learnt_answers, serves_compiled
from ml_model.errors import BundleRefused, FieldError, RecordsRefused, ReleaseError, in_one_line
from ml_model.features import FeatureEncoder, Matrix
from ml_model.records import Record, RecordValidator
from ml_model.releases import TRAINED, live_version, read_releases
from ml_model.spec import ModelSpec

Vector = npt.NDArray[np.float64]
_FEW = 8
"""Up to so many records one by one is quicker than by column."""
_NOT_BESIDE = 100
"""Up to so many records it takes longer to start a thread than it saves."""
_OVERFLOWS = math.log(sys.float_info.max)
"""The largest exponent whose exponential is finite in double precision."""
_TOGETHER = 1_000
"""Records of one block: what a processor's cache holds, and enough of them that their number does not matter."""
_NO_ANSWER = FieldError(
    pointer="",
    code="no_answer",
    detail="The model has no finite answer for this record; check the values that lie far outside of what it has learnt from.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The answer to one record."""

    record: Record
    """The record as it was understood."""
    value: float | None = None
    """Regression: the predicted number, in the unit of the target."""
    low: float | None = None
    """Regression: lower end of the interval; None if it has no lower bound."""
    high: float | None = None
    """Regression: upper end of the interval; None if it has no upper bound."""
    level: float | None = None
    """Regression: share of true values that such intervals hold."""
    label: str | None = None
    """Classification: the most probable class, as in the data."""
    probabilities: dict[str, float] | None = None
    """Classification: calibrated probability of each class."""
    warnings: tuple[ScoreWarning, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The answers to several records, by column; the columns are as the attributes of ``Score``."""

    values: Sequence[float | None]
    lows: Sequence[float | None]
    highs: Sequence[float | None]
    labels: Sequence[str | None]
    probabilities: Sequence[dict[str, float] | None]
    warnings: Mapping[int, tuple[ScoreWarning, ...]]
    """By row, of those rows that have any."""

    def scores(self, records: Iterable[Record], level: float | None) -> list[Score]:
        """Return the same record by record; ``records`` are those that are answered, ``level`` is that of the intervals."""
        columns = (self.values, self.lows, self.highs, self.labels, self.probabilities)
        return [
            Score(
                record=record,
                value=value,
                low=low,
                high=high,
                level=level,
                label=label,
                probabilities=shares,
                warnings=self.warnings.get(row, ()),
            )
            for row, (record, value, low, high, label, shares) in enumerate(zip(records, *columns, strict=True))
        ]


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
            self._caution = Caution(bundle.spec, bundle.profile)
        except KeyError as error:
            raise BundleRefused(self.version, f"profile.json does not tell of {error}") from error
        self._answers = answers_of(bundle)

    @property
    def version(self) -> str:
        """Version of the release."""
        return self.manifest.version

    @property
    def level(self) -> float | None:
        """Share of true values that its intervals hold; None where it tells classes."""
        return None if self._calibration is None else self.spec.interval.level

    def score(self, records: Sequence[object]) -> list[Score]:
        """Return one answer per record, in order.

        Raises RecordsRefused with every fault of every record, and then scores none; a record that the model has no finite
        answer for is refused, too.
        """
        if len(records) > _FEW:
            return self._score_blocks(list(self.blocks(records)))
        valid = self.validator.validate(records)
        if not valid:
            return []
        answers = self._answers(self._encoder.matrix(valid))
        rows = answers.tolist()
        # The sum of a few numbers is not finite if one of them is not; numpy takes longer to find that out.
        if not all(map(math.isfinite, map(sum, rows))):
            self._check(answers, first=0)
        return list(map(self._score, valid, rows))

    def score_columns(self, columns: Mapping[str, Sequence[object]]) -> list[Score]:
        """Return one answer per row of columns of one length, by field name; a field that is left out is unknown.

        Raises RecordsRefused with every fault of every row, and then scores none.
        """
        return self._score_blocks(list(self.blocks(columns)))

    def _score(self, record: Record, answers: Sequence[float]) -> Score:
        warnings = self._caution.warnings(record)
        if self._calibration is None:
            names = self.spec.classes
            shares = dict(zip(names, answers, strict=True))
            return Score(record=record, label=max(names, key=shares.__getitem__), probabilities=shares, warnings=warnings)
        value, low, high = interval(self.spec, self._calibration, answers)
        return Score(record=record, value=value, low=bound(low), high=bound(high), level=self.level, warnings=warnings)

    def _score_blocks(self, blocks: Sequence[Block]) -> list[Score]:
        scores: list[Score] = []
        refused: dict[int, Sequence[FieldError]] = {}
        for number, block in enumerate(blocks):
            try:
                scores += self._answer(block, self._answering(block), number * _TOGETHER).scores(block.records(), self.level)
            except RecordsRefused as error:
                refused |= error.errors_by_row
        if refused:
            raise RecordsRefused(refused)
        return scores

    def blocks(self, records: Sequence[object] | Mapping[str, Sequence[object]]) -> Iterator[Block]:
        """Yield many records, or columns of one length by field name, in valid blocks, in order.

        Raises RecordsRefused with every fault of every record; what was yielded before is then to be thrown away.
        """
        read: Callable[[Any], Block | None] = self._reader.read if isinstance(records, Mapping) else self._reader.read_records
        for start in range(0, _rows_of(records), _TOGETHER):
            some = _slice(records, start, start + _TOGETHER)
            block = read(some)
            if block is None:
                try:
                    block = self._reader.of_valid(self.validator.validate(_as_records(some)))
                except RecordsRefused:
                    if _rows_of(records) > _TOGETHER:
                        self.validator.validate(_as_records(records))
                    raise
            yield block

    def answer_ahead(
        self, records: Sequence[object] | Mapping[str, Sequence[object]]
    ) -> Iterator[tuple[Block, Callable[[], Answers]]]:
        """Yield what ``blocks`` does, each block with what waits for its answers and returns them.

        What waits raises RecordsRefused if any record has no finite answer. A second thread answers one block after the other,
        since onnxruntime needs no lock of the interpreter. It ends with the last of them; if the caller or a record ends the
        iteration, what has not started is dropped.
        """
        if _rows_of(records) <= _NOT_BESIDE:
            for number, block in enumerate(self.blocks(records)):
                yield block, partial(self._answer_of, records, block, self._answering(block), number)
            return
        beside = ThreadPoolExecutor(max_workers=1)
        try:
            for number, block in enumerate(self.blocks(records)):
                yield block, partial(self._answer_of, records, block, beside.submit(self._answering(block)).result, number)
        except BaseException:
            beside.shutdown(cancel_futures=True)
            raise
        beside.shutdown(wait=False)

    def _answer_of(self, records: Any, block: Block, answering: Callable[[], Matrix], number: int) -> Answers:
        try:
            return self._answer(block, answering, number * _TOGETHER)
        except RecordsRefused:
            self._score_blocks(list(self.blocks(records)))  # raises with every record that has no answer, not those of one block
            raise

    def _answering(self, block: Block) -> Callable[[], Matrix]:
        return partial(self._answers, self._encoder.derive(block.encoded))

    def _answer(self, block: Block, answering: Callable[[], Matrix], first: int) -> Answers:
        answers = answering()
        self._check(answers, first=first)
        warnings = {row: self._caution.warnings(block.record(row)) for row in self._caution.rows(block.encoded)}
        return self._told(answers, warnings)

    def _check(self, answers: Matrix, *, first: int) -> None:
        """Raise RecordsRefused for the rows without a finite answer; ``first`` is the number of the first row."""
        if np.isfinite(answers).all():
            return
        is_finite = np.isfinite(answers if self._calibration is None else answers[:, :1]).all(axis=1)
        if not is_finite.all():
            raise RecordsRefused({first + row: [_NO_ANSWER] for row in np.flatnonzero(~is_finite).tolist()})

    def _told(self, answers: Matrix, warnings: Mapping[int, tuple[ScoreWarning, ...]]) -> Answers:
        none = [None] * len(answers)
        if self._calibration is None:
            names = self.spec.classes
            return Answers(
                values=none,
                lows=none,
                highs=none,
                labels=[names[best] for best in answers.argmax(axis=1).tolist()],
                probabilities=[dict(zip(names, shares, strict=True)) for shares in answers.tolist()],
                warnings=warnings,
            )
        values, lows, highs = intervals(self.spec, self._calibration, answers)
        return Answers(
            values=values.tolist(),
            lows=_bounds(lows),
            highs=_bounds(highs),
            labels=none,
            probabilities=none,
            warnings=warnings,
        )


def _rows_of(records: Sequence[object] | Mapping[str, Sequence[object]]) -> int:
    return max(map(len, records.values()), default=0) if isinstance(records, Mapping) else len(records)


def _slice(records: Any, start: int, stop: int) -> Any:
    if isinstance(records, Mapping):
        return {name: column[start:stop] for name, column in records.items()}
    return records[start:stop]


def _as_records(records: Any) -> Sequence[object]:
    if isinstance(records, Mapping):
        return [dict(zip(records, row, strict=True)) for row in zip(*records.values(), strict=True)]
    return records  # type: ignore[no-any-return]


def intervals(spec: ModelSpec, calibration: Calibration, answers: Matrix) -> tuple[Vector, Vector, Vector]:
    """Return the predicted numbers with the lower and upper ends of their intervals, each shape (n,), in the target's unit.

    ``answers`` are as in ``compiled``: the numbers and, where intervals are adaptive, the difficulty of each. An end that double
    precision cannot hold is not finite.
    """
    values = answers[:, 0]
    half_widths = calibration.quantile * (answers[:, 1] if calibration.adaptive else np.ones(len(answers)))
    # Far outside of the training data an exponential overflows; the callers turn an end that is not finite into None.
    with np.errstate(over="ignore", invalid="ignore"):
        if spec.target.transform == "log":
            factors = np.exp(half_widths)
            return values, values / factors, values * factors
        return values, values - half_widths, values + half_widths


def interval(spec: ModelSpec, calibration: Calibration, answers: Sequence[float]) -> tuple[float, float, float]:
    """Return what ``intervals`` does for one row of answers; the same numbers without an array for each step."""
    value, *difficulty = answers
    half_width = calibration.quantile * (difficulty[0] if calibration.adaptive else 1.0)
    if spec.target.transform != "log":
        return value, value - half_width, value + half_width
    factor = math.inf if half_width > _OVERFLOWS else float(np.exp(half_width))
    return value, value / factor, value * factor


def bound(end: float) -> float | None:
    """Return an end of an interval, or None for one that is not finite, which bounds nothing."""
    return end if math.isfinite(end) else None


def _bounds(ends: Vector) -> list[float | None]:
    return ends.tolist() if np.isfinite(ends).all() else list(map(bound, ends.tolist()))


def ends_of(scores: Sequence[Score]) -> tuple[Vector, Vector]:
    """Return the lower and upper ends of some intervals, each shape (n,), infinite where there is no bound."""
    lows = [-math.inf if score.low is None else score.low for score in scores]
    highs = [math.inf if score.high is None else score.high for score in scores]
    return np.array(lows, dtype=np.float64), np.array(highs, dtype=np.float64)


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
