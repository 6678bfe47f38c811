"""The application as gunicorn calls it."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from project.wsgi import application
from tests.predictions.door import Api


def call(**environ):
    """Return status, headers and body of one call of the application."""
    started = []
    body = application(RequestFactory()._base_environ(**environ), lambda *answer: started.append(answer))
    [(status, headers)] = started
    return status, dict(headers), b"".join(body)


@pytest.mark.parametrize("content_type", ["application/json; a*=bogus'x'y", "application/json; charset*=x'y"])
def test_a_content_type_that_cannot_be_read_is_a_problem_of_the_caller(transactional_db, content_type):
    api = Api(User.objects.create_user("owner"))
    # Django raises on such a header before any middleware is asked.
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/predictions/",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": "2",
        "wsgi.input": io.BytesIO(b"{}"),
        "HTTP_AUTHORIZATION": api.client.defaults["HTTP_AUTHORIZATION"],
    }
    status, headers, body = call(**environ)
    assert (status, headers["Content-Type"]) == ("415 Unsupported Media Type", "application/problem+json")
    assert json.loads(body)["type"] == "/api/v1/problems/unsupported-media-type/"
