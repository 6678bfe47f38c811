"""The one rule behind every door: how a prediction comes to be, and how it is reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from ml_model.scoring import Score
from predictions import embedded
from predictions.models import Prediction

_INSERTED_AT_ONCE = 500


def predict_and_store(
    records: Sequence[object],
    *,
    source: Prediction.Source,
    user: User | None = None,
    visitor: str = "",
    submission: str | None = None,
) -> list[Prediction]:
    """Score records by the live release and store the answers, all or none; return them in order.

    A ``submission`` that is stored already gives the prediction that it made, and nothing is stored again. Raises
    RecordsRefused with every fault of every record, or ModelUnavailable.
    """
    scorer = embedded.live()
    shared = {
        "source": source,
        "user": user,
        "visitor": visitor,
        "submission": submission,
        "model_name": scorer.spec.model.name,
        "model_version": scorer.version,
    }
    predictions = [Prediction(**shared, **_answer(score)) for score in scorer.score(records)]
    try:
        with transaction.atomic():
            if len(predictions) == 1:
                predictions[0].save()
            else:
                Prediction.objects.bulk_create(predictions, batch_size=_INSERTED_AT_ONCE)
    except IntegrityError:
        stored = Prediction.objects.filter(submission=submission, user=user, visitor=visitor) if submission else None
        if not stored:
            raise
        return list(stored)
    return predictions


def _answer(score: Score) -> dict[str, Any]:
    return {
        "inputs": score.record,
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "level": score.level,
        "label": score.label or "",
        "probabilities": score.probabilities,
        "warnings": [{"field": one.field, "code": one.code, "detail": one.detail} for one in score.warnings],
        "has_warnings": bool(score.warnings),
    }


def record_review(prediction: Prediction, reviewer: User) -> None:
    """Sign the review that ``prediction`` carries, and date an outcome that has been recorded; the caller saves."""
    now = timezone.now()
    prediction.reviewed_by = reviewer
    prediction.reviewed_at = now
    prediction.outcome_at = None if prediction.outcome is None else prediction.outcome_at or now
