"""The one rule behind every door: how a prediction comes to be, and how it is reviewed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice

import orjson
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.utils import timezone

from ml_model.scoring import Answers, Scorer
from predictions import embedded
from predictions.models import Prediction, key_at, keys_at
from predictions.storing import NewPrediction, NewPredictions, insert, insert_many, stored_as_new


def predict_and_store(
    record: object,
    *,
    source: Prediction.Source,
    user_id: int | None = None,
    visitor: str = "",
    submission: str | None = None,
) -> NewPrediction:
    """Score a record by the live release, store the answer and return it.

    A ``submission`` that is stored already gives the prediction that it made, and nothing is stored again. Raises RecordsRefused
    with every fault of the record, or ModelUnavailable.
    """
    scorer = embedded.live()
    [score] = scorer.score([record])
    now = timezone.now()
    new = NewPrediction(
        id=key_at(now),
        created_at=now,
        source=source.value,
        user_id=user_id,
        visitor=visitor or None,
        submission=submission,
        model_name=scorer.spec.model.name,
        model_version=scorer.version,
        inputs=score.record,
        value=score.value,
        low=score.low,
        high=score.high,
        level=score.level,
        label=score.label or "",
        probabilities=score.probabilities,
        warnings=[asdict(one) for one in score.warnings],
    )
    try:
        insert(new)
    except IntegrityError:
        stored = Prediction.objects.filter(submission=submission, user=user_id, visitor=visitor or None) if submission else None
        if not stored:
            raise
        return stored_as_new(stored[0])
    return new


def predict_and_store_many(
    records: Sequence[object] | Mapping[str, Sequence[object]], *, user_id: int | None = None
) -> list[NewPredictions]:
    """Score records by the live release, store the answers, all or none, and return them in order, by blocks.

    ``records`` are one record each or, as a mapping, columns of one length by field name. Raises RecordsRefused with every fault
    of every record, or ModelUnavailable.
    """
    scorer = embedded.live()
    ahead = [
        (answers, list(map(bytes.decode, map(orjson.dumps, block.given or block.records()))))
        for block, answers in scorer.answer_ahead(records)
    ]
    now = timezone.now()
    keys = iter(keys_at(now, sum(len(inputs) for _, inputs in ahead)))
    # All answers are there before the write begins: nobody else who wants to write waits for them.
    parts = [
        _answered(scorer, answers(), inputs, keys=list(islice(keys, len(inputs))), user_id=user_id, now=now)
        for answers, inputs in ahead
    ]
    insert_many(parts)
    return parts


def _answered(
    scorer: Scorer, answers: Answers, inputs: list[str], *, keys: list[str], user_id: int | None, now: dt.datetime
) -> NewPredictions:
    return NewPredictions(
        created_at=now,
        source=Prediction.Source.BULK.value,
        user_id=user_id,
        model_name=scorer.spec.model.name,
        model_version=scorer.version,
        level=scorer.level,
        ids=keys,
        inputs=inputs,
        values=answers.values,
        lows=answers.lows,
        highs=answers.highs,
        labels=[label or "" for label in answers.labels],
        probabilities=answers.probabilities,
        warnings={row: [asdict(one) for one in found] for row, found in answers.warnings.items()},
    )


def record_review(prediction: Prediction, reviewer: User) -> None:
    """Sign the review that ``prediction`` carries, and date an outcome that has been recorded; the caller saves."""
    now = timezone.now()
    prediction.reviewed_by = reviewer
    prediction.reviewed_at = now
    prediction.outcome_at = None if prediction.outcome is None else prediction.outcome_at or now
