"""The admin answers nonsense in an address or a form by a page that says so, and never by a fault of the server."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from predictions.models import ApiToken, Prediction

NONSENSE = ["x", "", "\0", "1e999", "9223372036854775808", "ffffffff-ffff-ffff-ffff-fffffffffffg", "a,b", "a" * 20_000]
LISTS = ["predictions_prediction", "predictions_apitoken", "auth_user", "auth_group"]


@pytest.fixture
def desk(db: None) -> Client:
    """The browser of a superuser, which shows a fault of the server as a browser would."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("action", ["delete_selected", "approve", "export_csv", "\0"])
def test_an_action_refuses_ids_that_are_none(name: str, action: str, desk: Client, prediction: Prediction) -> None:
    address = reverse(f"admin:{name}_changelist")
    for text in NONSENSE:
        response = desk.post(address, {"action": action, "_selected_action": [text], "index": "0"})
        assert response.status_code in {200, 302, 400}, text
    assert Prediction.objects.count() == 1


def test_an_action_with_nonsense_among_its_ids_does_nothing(desk: Client, prediction: Prediction) -> None:
    given = {"action": "approve", "_selected_action": [str(prediction.pk), "x"]}
    response = desk.post(reverse("admin:predictions_prediction_changelist"), given)
    assert response.status_code == 400
    assert b"could not be read" in response.content
    prediction.refresh_from_db()
    assert prediction.review == Prediction.Review.OPEN


@pytest.mark.parametrize(
    "name", ["q", "p", "o", "_popup", "_to_field", "_changelist_filters", "user", "id__in", "created_at__year"]
)
def test_no_parameter_of_an_address_breaks_a_page(name: str, desk: Client, prediction: Prediction, user: User) -> None:
    token, _ = ApiToken.objects.create(user)
    objects: dict[str, Any] = {"predictions_prediction": prediction, "predictions_apitoken": token, "auth_user": user}
    pages = [reverse(f"admin:{model}_{page}") for model in objects for page in ("changelist", "add")]
    pages += [reverse(f"admin:{model}_{page}", args=[objects[model].pk]) for model in objects for page in ("change", "delete")]
    for address in pages:
        for text in NONSENSE[:-1]:
            response = desk.get(address, {name: text})
            assert response.status_code < 500, (address, text)


@pytest.mark.parametrize("to_field", ["", "x", "predictions", "user", "inputs", "id"])
def test_an_object_is_found_by_its_key_alone(to_field: str, desk: Client, prediction: Prediction) -> None:
    address = reverse("admin:predictions_prediction_change", args=[prediction.pk])
    responses = [
        desk.get(address, {"_to_field": to_field}),
        desk.post(address, {"_to_field": to_field, "review": "open"}),
        desk.get(reverse("admin:auth_user_changelist"), {"_to_field": to_field}),
    ]
    assert [response.status_code for response in responses] == ([200, 302, 200] if to_field == "id" else [400, 400, 400])


def test_no_id_of_an_object_breaks_a_page(desk: Client) -> None:
    for model in LISTS:
        for text in [*NONSENSE[:-1], "_00"]:
            for page in ("change", "history", "delete"):
                response = desk.get(reverse(f"admin:{model}_{page}", args=[text or " "]))
                assert response.status_code in {302, 404}, (model, page, text)
    for text in NONSENSE:
        assert desk.get(f"/admin/r/2/{text[:100]}/").status_code == 404


def test_a_token_for_nobody_is_refused_on_its_form(desk: Client) -> None:
    address = reverse("admin:predictions_apitoken_add")
    for text in NONSENSE[:-1]:
        assert desk.get(address, {"user": text}).status_code == 200
        response = desk.post(address, {"user": text, "expiry_0": text, "expiry_1": text})
        assert response.status_code == 200, text
        assert response.context["adminform"].form.errors["user"]
    assert not ApiToken.objects.exists()


def test_the_owner_of_a_token_stays_chosen_when_the_form_is_refused(desk: Client, user: User) -> None:
    response = desk.post(reverse("admin:predictions_apitoken_add"), {"user": str(user.pk), "expiry_0": "x", "expiry_1": "x"})
    assert f'<option value="{user.pk}" selected>{user.username}</option>' in response.content.decode()


@pytest.mark.parametrize("action", ["approve", "reject", "delete_selected"])
def test_an_action_takes_a_limited_number(
    action: str, desk: Client, prediction: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("predictions.admin._MOST_AT_ONCE", 1)
    Prediction.objects.create(source="api", model_name="m", model_version="0.0.1", inputs={}, value=1.0)
    given = {"action": action, "_selected_action": str(prediction.pk), "select_across": "1", "index": "0", "post": "yes"}
    response = desk.post(reverse("admin:predictions_prediction_changelist"), given, follow=True)
    assert "Choose at most 1 predictions at a time." in response.content.decode()
    assert Prediction.objects.filter(review=Prediction.Review.OPEN).count() == 2
    desk.post(reverse("admin:predictions_prediction_changelist"), given | {"select_across": "0"})
    assert Prediction.objects.filter(review=Prediction.Review.OPEN).count() == 1


def test_no_name_password_or_address_breaks_the_login(db: None) -> None:
    client = Client(raise_request_exception=False)
    for text in NONSENSE:
        response = client.post("/admin/login/", {"username": text, "password": text, "next": text})
        assert response.status_code < 500, text
        assert client.get("/admin/login/", {"next": text[:2_000]}).status_code == 200
