"""What is stored, and who may see it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from predictions.models import ApiToken, Prediction


def unsaved(**columns: object) -> Prediction:
    """A prediction that is not stored yet."""
    return Prediction(**{"source": "form", "model_name": "m", "model_version": "0.0.1", "inputs": {}, "value": 1.0} | columns)


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db
def test_new_row_is_one_insert_and_an_old_one_one_update() -> None:
    prediction = unsaved()
    for verb in ("INSERT", "UPDATE"):
        with CaptureQueriesContext(connection) as queries:
            prediction.save()
        assert [query["sql"].split()[0] for query in queries] == [verb]


@pytest.mark.django_db
def test_submission_is_stored_once() -> None:
    unsaved(submission="one").save()
    with pytest.raises(IntegrityError), transaction.atomic():
        unsaved(submission="one").save()
    unsaved(submission=None).save()
    unsaved(submission=None).save()
    assert Prediction.objects.count() == 3


def test_everybody_sees_their_own_and_a_reviewer_all(user: User, reviewer: User) -> None:
    own, visited, foreign = unsaved(user=user), unsaved(visitor="v"), unsaved(user=reviewer)
    for one in (own, visited, foreign):
        one.save()
    nobody = AnonymousUser()
    objects = Prediction.objects.all()
    assert set(objects.visible_to(user)) == {own}
    assert set(objects.visible_to(nobody, "v")) == {visited}
    assert set(objects.visible_to(nobody)) == set()
    assert set(objects.visible_to(reviewer)) == {own, visited, foreign}


@pytest.mark.parametrize(
    ("columns", "answer", "outcome"),
    [
        ({"value": 0.0}, 0.0, None),
        ({"value": 2.0, "outcome_value": 0.0}, 2.0, 0.0),
        ({"value": None, "label": "a"}, "a", None),
        ({"value": None, "label": "a", "outcome_label": "b"}, "a", "b"),
    ],
)
def test_answer_and_outcome(columns: dict[str, object], answer: object, outcome: object) -> None:
    prediction = unsaved(**columns)
    assert prediction.answer == answer
    assert prediction.outcome == outcome


def test_user_goes_and_the_prediction_stays(user: User) -> None:
    prediction = unsaved(user=user, reviewed_by=user)
    prediction.save()
    user.delete()
    prediction.refresh_from_db()
    assert (prediction.user, prediction.reviewed_by) == (None, None)


def test_token_is_named_by_its_beginning(user: User) -> None:
    token, secret = ApiToken.objects.create(user)
    assert str(token) == f"{user.username}: {secret[:8]}…"
