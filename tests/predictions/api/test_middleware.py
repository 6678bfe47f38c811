"""Where programs leave the way of the pages."""

from __future__ import annotations

from uuid import uuid4

import pytest

from predictions.models import Prediction
from tests.predictions.door import predicted, problem_of

pytestmark = pytest.mark.django_db
PAGES = (
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)


@pytest.mark.parametrize("address", ["predictions/", "model/", "nowhere/", "/v2/models/nobody"])
def test_what_pages_need_is_not_asked(address, api, monkeypatch):
    path = address if address.startswith("/") else f"/api/v1/{address}"
    asked = []
    for name in PAGES:
        monkeypatch.setattr(f"{name}.__call__", lambda self, request: asked.append(self) or self.get_response(request))
    api.client.get(path)
    assert not asked
    api.client.get("/nowhere/")
    assert len(asked) == len(PAGES)


def test_the_page_that_refuses_a_forged_host_has_its_policy(api):
    response = api.client.get("/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_api_speaks_encrypted_where_the_site_does(api, settings, example):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    for refused in (api.post("predictions/", example), api.post("/v2/models/any/infer", {}), api.get("model/")):
        assert "https" in problem_of(refused, 403, "insecure")["detail"]
        assert not refused.has_header("Location")
    assert Prediction.objects.count() == 0
    assert api.client.get("/predictions/").status_code == 301
    assert api.client.get("/api/v1/model/", secure=True)["Strict-Transport-Security"] == "max-age=3600"


def test_addresses_that_are_remembered_keep_apart(api, user, example):
    mine = predicted([example, example], source=Prediction.Source.API, user_id=user.pk)
    for _ in range(2):
        assert [api.get(f"predictions/{one.pk}/").json()["id"] for one in mine] == [str(one.pk) for one in mine]
        assert api.get(f"predictions/{uuid4()}/").status_code == 404
