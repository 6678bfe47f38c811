"""What went wrong, as pages: each with its status, its words and the id of the request, and none from the database."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from predictions import embedded, error_pages

pytestmark = pytest.mark.django_db
FORM = "/"


def test_an_unknown_prediction_and_an_unknown_page_are_404_with_the_id_of_the_request(client):
    for url in (reverse("prediction", args=[uuid.uuid4()]), "/nowhere/", "/predictions/1/"):
        response = client.get(url, headers={"X-Request-ID": "abcdefgh-123"})
        assert response.status_code == 404
        assert "abcdefgh-123" in response.content.decode()


def test_a_missing_token_elsewhere_is_a_friendly_page():
    response = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})
    assert response.status_code == 403
    assert "We could not tell that it was you" in response.content.decode()


def test_1001_fields_are_a_400_page(client):
    response = client.post(FORM, {f"f{number}": "1" for number in range(1001)})
    assert response.status_code == 400
    assert "This request could not be read" in response.content.decode()


def test_a_body_over_the_limit_is_a_413_page(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = client.post(FORM, "a=" + "x" * 200, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 413


def test_a_foreign_host_is_a_400_page(client):
    response = client.get(FORM, headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "<h1>" in response.content.decode()


def test_the_500_page_asks_neither_the_database_nor_the_model(client, monkeypatch, django_assert_num_queries):
    def broken(*args, **kwargs):
        raise RuntimeError("broken")

    client.raise_request_exception = False
    monkeypatch.setattr(embedded, "live", broken)
    with django_assert_num_queries(0):
        response = client.get(FORM, headers={"X-Request-ID": "abcdefgh-500"})
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()
    assert "abcdefgh-500" in response.content.decode()


@pytest.mark.parametrize("status", [400, 403, 404, 413, 429, 500, 503])
def test_each_error_page_has_its_status_and_the_id_of_the_request(rf, status, django_assert_num_queries):
    request = rf.get(FORM)
    request.request_id = "abcdefgh-<b>"
    with django_assert_num_queries(0):
        response = error_pages.page(request, status)
    html = response.content.decode()
    assert response.status_code == status
    assert f"Error {status}" in html
    assert "abcdefgh-&lt;b&gt;" in html
    assert ("Retry-After" in response) == (status in {429, 503})
