"""The one rule behind every door: how a prediction comes to be, and how it is reviewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from django.contrib.auth.models import User
from django.db import IntegrityError
from django.utils import timezone
from uuid_utils.compat import uuid7

from predictions import embedded
from predictions.models import Prediction
from predictions.storing import NewPrediction, insert, stored_as_new


def predict_and_store(
    records: Sequence[object] | Mapping[str, Sequence[object]],
    *,
    source: Prediction.Source,
    user: User | None = None,
    visitor: str = "",
    submission: str | None = None,
) -> list[NewPrediction]:
    """Score records by the live release and store the answers, all or none; return them in order.

    ``records`` are one record each or, as a mapping, columns of one length by field name. A ``submission`` that is stored
    already gives the prediction that it made, and nothing is stored again. Raises RecordsRefused with every fault of every
    record, or ModelUnavailable.
    """
    scorer = embedded.live()
    scores = scorer.score_columns(records) if isinstance(records, Mapping) else scorer.score(records)
    now, model_name, model_version, user_id = timezone.now(), scorer.spec.model.name, scorer.version, user.pk if user else None
    predictions = [
        NewPrediction(
            id=uuid7(),
            created_at=now,
            source=source.value,
            user_id=user_id,
            visitor=visitor or None,
            submission=submission,
            model_name=model_name,
            model_version=model_version,
            inputs=score.record,
            value=score.value,
            low=score.low,
            high=score.high,
            level=score.level,
            label=score.label or "",
            probabilities=score.probabilities,
            warnings=[asdict(one) for one in score.warnings],
        )
        for score in scores
    ]
    try:
        insert(predictions)
    except IntegrityError:
        stored = Prediction.objects.filter(submission=submission, user=user, visitor=visitor or None) if submission else None
        if not stored:
            raise
        return list(map(stored_as_new, stored))
    return predictions


def record_review(prediction: Prediction, reviewer: User) -> None:
    """Sign the review that ``prediction`` carries, and date an outcome that has been recorded; the caller saves."""
    now = timezone.now()
    prediction.reviewed_by = reviewer
    prediction.reviewed_at = now
    prediction.outcome_at = None if prediction.outcome is None else prediction.outcome_at or now
