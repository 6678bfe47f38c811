"""The limit of the bodies of pages: before they are read, and never half of one."""

from __future__ import annotations

import io
import tempfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from predictions.models import Prediction
from project.limits import PAGE_BODY_BYTES
from tests.project.test_wsgi import call

FORM = "application/x-www-form-urlencoded"


class Unread(io.RawIOBase):
    """A body that fails the test when it is read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/predictions/", "/nowhere/"])
@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=x", "text/plain"])
def test_a_long_body_of_a_page_is_refused_unread(transactional_db, path, content_type):
    status, headers, body = call(
        REQUEST_METHOD="POST",
        PATH_INFO=path,
        CONTENT_TYPE=content_type,
        CONTENT_LENGTH=str(PAGE_BODY_BYTES + 1),
        **{"wsgi.input": Unread()},
    )
    assert status.startswith("413 ")
    assert "text/html" in headers["Content-Type"]
    assert b"That is too much at once" in body


def test_a_file_is_neither_kept_nor_written_anywhere(db, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was made")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refused)
    response = Client().post("/", {"living_area": "1500", "f": SimpleUploadedFile("f", b"x" * 200_000)})
    assert response.status_code == 422
    assert list(response.wsgi_request.FILES) == []


@pytest.mark.parametrize("cut", [1, 20])
def test_a_form_that_broke_off_is_refused(db, cut):
    body = b"living_area=1500&lot_area=9600"
    response = Client().generic(
        "POST", "/", body[:-cut], FORM, CONTENT_LENGTH=str(len(body)), **{"wsgi.input": io.BytesIO(body[:-cut])}
    )
    assert response.status_code == 400
    assert Prediction.objects.count() == 0


@pytest.mark.parametrize("length", ["-1", "abc", "9" * 30])
def test_a_length_that_is_none_is_refused(db, length):
    response = Client().generic("POST", "/", b"a=b", FORM, CONTENT_LENGTH=length, **{"wsgi.input": io.BytesIO(b"a=b")})
    assert response.status_code in {400, 413}


@pytest.mark.parametrize(("body", "status"), [(b"living_area=1500", "403 "), (b"a=" + b"x" * PAGE_BODY_BYTES, "413 ")])
def test_a_chunked_form_is_read_within_the_limit(transactional_db, body, status):
    got, _, _ = call(
        REQUEST_METHOD="POST",
        PATH_INFO="/",
        CONTENT_TYPE=FORM,
        HTTP_TRANSFER_ENCODING="chunked",
        **{"wsgi.input": io.BytesIO(body)},
    )
    assert got.startswith(status), got  # 403: without its token the form is shown again, with what was typed
