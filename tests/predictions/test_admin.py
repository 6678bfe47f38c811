"""The admin: who may do what, what a page shows, and that a review is checked, signed and written into the history."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from ml_model.records import in_words
from ml_model.spec import ModelSpec
from predictions import words
from predictions.models import ApiToken, Prediction

LIST = reverse("admin:predictions_prediction_changelist")
ALLOWED, REFUSED, TO_LOGIN = 200, 403, 302
MATRIX = {
    "index": {"reviewer": ALLOWED, "superuser": ALLOWED},
    "list": {"reviewer": ALLOWED, "superuser": ALLOWED},
    "change": {"reviewer": ALLOWED, "superuser": ALLOWED},
    "history": {"reviewer": ALLOWED, "superuser": ALLOWED},
    "add": {"reviewer": REFUSED, "superuser": REFUSED},
    "delete": {"reviewer": REFUSED, "superuser": ALLOWED},
    "tokens": {"reviewer": REFUSED, "superuser": ALLOWED},
    "token": {"reviewer": REFUSED, "superuser": ALLOWED},
    "add token": {"reviewer": REFUSED, "superuser": ALLOWED},
    "revoke": {"reviewer": REFUSED, "superuser": ALLOWED},
    "users": {"reviewer": REFUSED, "superuser": ALLOWED},
    "user": {"reviewer": REFUSED, "superuser": ALLOWED},
    "groups": {"reviewer": REFUSED, "superuser": ALLOWED},
}


def change_page(prediction: Prediction) -> str:
    """The address of the review."""
    return reverse("admin:predictions_prediction_change", args=[prediction.pk])


def typed(prediction: Prediction, **review: Any) -> dict[str, Any]:
    """What a browser sends that opened the page of ``prediction`` as it is now."""
    seen = prediction.reviewed_at.isoformat() if prediction.reviewed_at else ""
    return {"review": prediction.review, "note": prediction.note, "seen": seen, **review}


def classified(**columns: Any) -> Prediction:
    """A prediction of a class, by a release that is not shipped any more."""
    return Prediction.objects.create(
        **{"source": "api", "model_name": "other", "model_version": "0.0.1", "inputs": {"size": 1, "name": None}, "label": "yes"}
        | {"probabilities": {"no": 0.25, "yes": 0.75}}
        | columns
    )


@pytest.fixture
def desk(reviewer: User) -> Client:
    """The browser of a reviewer."""
    client = Client()
    client.force_login(reviewer)
    return client


@pytest.mark.parametrize("role", ["anonymous", "plain", "reviewer", "superuser"])
@pytest.mark.parametrize("page", MATRIX)
def test_each_role_opens_its_pages_and_no_other(page: str, role: str, prediction: Prediction, user: User, reviewer: User) -> None:
    token, _ = ApiToken.objects.create(user)
    superuser = User.objects.create_superuser("root")
    pages = {
        "index": reverse("admin:index"),
        "list": LIST,
        "change": change_page(prediction),
        "history": reverse("admin:predictions_prediction_history", args=[prediction.pk]),
        "add": reverse("admin:predictions_prediction_add"),
        "delete": reverse("admin:predictions_prediction_delete", args=[prediction.pk]),
        "tokens": reverse("admin:predictions_apitoken_changelist"),
        "token": reverse("admin:predictions_apitoken_change", args=[token.pk]),
        "add token": reverse("admin:predictions_apitoken_add"),
        "revoke": reverse("admin:predictions_apitoken_delete", args=[token.pk]),
        "users": reverse("admin:auth_user_changelist"),
        "user": reverse("admin:auth_user_change", args=[user.pk]),
        "groups": reverse("admin:auth_group_changelist"),
    }
    client = Client()
    if who := {"plain": user, "reviewer": reviewer, "superuser": superuser}.get(role):
        client.force_login(who)
    response = client.get(pages[page])
    assert response.status_code == MATRIX[page].get(role, TO_LOGIN)
    if role in {"anonymous", "plain"}:
        assert response.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("role", ["anonymous", "plain", "viewer"])
def test_nobody_else_saves_a_review(role: str, prediction: Prediction, user: User) -> None:
    client = Client()
    if role != "anonymous":
        user.is_staff = role == "viewer"
        user.save()
        if role == "viewer":
            user.user_permissions.add(Permission.objects.get(codename="view_prediction"))
        client.force_login(user)
        assert role != "viewer" or client.get(change_page(prediction)).status_code == 200
    client.post(change_page(prediction), typed(prediction, review="approved"))
    client.post(LIST, {"action": "approve", "_selected_action": [str(prediction.pk)]})
    prediction.refresh_from_db()
    assert prediction.review == "open"


def test_reviewer_does_not_delete_by_action(desk: Client, prediction: Prediction) -> None:
    desk.post(LIST, {"action": "delete_selected", "_selected_action": [str(prediction.pk)], "post": "yes"})
    assert Prediction.objects.filter(pk=prediction.pk).exists()


def test_page_shows_answer_inputs_and_warnings_in_words(desk: Client, prediction: Prediction, spec: ModelSpec) -> None:
    prediction.warnings = [{"field": "x", "code": "y", "detail": "Beware of <this>."}]
    prediction.save()
    page = desk.get(change_page(prediction)).content.decode()
    assert words.answer(prediction) in page
    assert "Beware of &lt;this&gt;." in page
    for section in spec.section:
        assert section.title in page
    for field in spec.field:
        assert field.label in page
        assert in_words(field, prediction.inputs[field.name]) in page


def test_page_of_a_release_that_is_gone_shows_raw_names(desk: Client) -> None:
    prediction = classified()
    page = desk.get(change_page(prediction)).content.decode()
    assert "size" in page
    assert "75%" in page
    assert desk.get(LIST).status_code == 200


def test_columns_fit_the_answer(desk: Client, prediction: Prediction) -> None:
    number = desk.get(change_page(prediction)).content.decode()
    assert 'name="corrected_value"' in number
    assert 'name="outcome_value"' in number
    assert "_label" not in number
    label = desk.get(change_page(classified())).content.decode()
    assert '<select name="corrected_label"' in label
    assert '<select name="outcome_label"' in label
    assert "_value" not in label


def test_review_is_signed_and_dated(desk: Client, prediction: Prediction, reviewer: User) -> None:
    response = desk.post(
        change_page(prediction), typed(prediction, review="corrected", corrected_value="150.5", outcome_value="151", note="Seen.")
    )
    assert response.status_code == 302
    before = prediction
    prediction = Prediction.objects.get(pk=prediction.pk)
    assert (prediction.review, prediction.corrected_value, prediction.outcome_value) == ("corrected", 150.5, 151)
    assert (prediction.note, prediction.reviewed_by) == ("Seen.", reviewer)
    assert prediction.reviewed_at is not None
    assert prediction.outcome_at is not None
    assert (prediction.inputs, prediction.value) == (before.inputs, before.value)


def test_what_was_answered_cannot_be_changed(desk: Client, prediction: Prediction) -> None:
    forged = {"value": "1", "label": "forged", "model_version": "9.9.9", "inputs": "{}", "source": "api"}
    desk.post(change_page(prediction), typed(prediction, review="approved", **forged))
    stored = Prediction.objects.get(pk=prediction.pk)
    assert stored.review == "approved"
    assert (stored.value, stored.label, stored.inputs) == (prediction.value, prediction.label, prediction.inputs)
    assert (stored.model_version, stored.source) == (prediction.model_version, prediction.source)


def test_saving_nothing_new_signs_nothing(desk: Client, prediction: Prediction) -> None:
    desk.post(change_page(prediction), typed(prediction))
    prediction.refresh_from_db()
    assert prediction.reviewed_at is None


def test_refused_review_is_announced_at_the_top(desk: Client, prediction: Prediction) -> None:
    page = desk.post(change_page(prediction), typed(prediction, review="corrected")).content.decode()
    assert page.index("The review was not saved.") < page.index(words.answer(prediction))
    assert 'href="#fieldset-0-0-heading"' in page
    assert 'id="fieldset-0-0-heading"' in page
    assert "The review was not saved." not in desk.get(change_page(prediction)).content.decode()


def test_history_says_what_was_changed_from_what(desk: Client, prediction: Prediction) -> None:
    desk.post(change_page(prediction), typed(prediction, review="approved", note="First."))
    prediction.refresh_from_db()
    desk.post(change_page(prediction), typed(prediction, review="rejected", note="Second <b>."))
    first, second = LogEntry.objects.order_by("pk")
    assert first.get_change_message() == "Review: Not reviewed → Approved. Note: none → “First.”."
    assert second.get_change_message() == "Review: Approved → Rejected. Note: “First.” → “Second <b>.”."
    history = desk.get(reverse("admin:predictions_prediction_history", args=[prediction.pk])).content.decode()
    assert "Approved → Rejected" in history
    assert "Second &lt;b&gt;." in history


def test_stale_page_is_refused_and_what_was_typed_is_kept(desk: Client, prediction: Prediction, user: User) -> None:
    stale = typed(prediction, review="rejected", note="Mine.")
    desk.post(change_page(prediction), typed(prediction, review="approved", note="Theirs."))
    refused = desk.post(change_page(prediction), stale)
    assert refused.status_code == 200
    page = refused.content.decode()
    assert "so yours was not saved" in page
    assert "Theirs." in page
    assert ">\nMine.</textarea>" in page
    stored = Prediction.objects.get(pk=prediction.pk)
    assert (stored.review, stored.note) == ("approved", "Theirs.")
    seen_now = refused.context["adminform"].form["seen"].value()
    assert desk.post(change_page(prediction), stale | {"seen": seen_now}).status_code == 302
    stored.refresh_from_db()
    assert (stored.review, stored.note) == ("rejected", "Mine.")


def test_action_signs_and_logs_each_and_leaves_what_was_reviewed(desk: Client, reviewer: User) -> None:
    waiting = [classified(), classified()]
    settled = classified(review="corrected", corrected_label="no")
    chosen = [str(one.pk) for one in [*waiting, settled]]
    page = desk.post(LIST, {"action": "approve", "_selected_action": chosen}, follow=True).content.decode()
    assert "Approved: 2." in page
    assert "Left as they were: 1." in page
    for one in waiting:
        one.refresh_from_db()
        assert (one.review, one.reviewed_by) == ("approved", reviewer)
        assert one.reviewed_at is not None
    settled.refresh_from_db()
    assert (settled.review, settled.reviewed_at) == ("corrected", None)
    logged = LogEntry.objects.filter(change_message="Review: Not reviewed → Approved.", user=reviewer)
    assert {entry.object_id for entry in logged} == {str(one.pk) for one in waiting}


def test_reject_action(desk: Client, prediction: Prediction) -> None:
    desk.post(LIST, {"action": "reject", "_selected_action": [str(prediction.pk)]})
    prediction.refresh_from_db()
    assert prediction.review == "rejected"


def test_name_of_the_site(desk: Client) -> None:
    page = desk.get(reverse("admin:index")).content.decode()
    assert "Inhouse" in page
    assert "Django administration" not in page
