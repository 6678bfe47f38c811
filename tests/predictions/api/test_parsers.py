"""Bodies that are not one plain JSON document are refused before anything is read out of them, and nothing is stored."""

from __future__ import annotations

import io
import json
import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from predictions.api.errors import Refusal
from predictions.api.parsers import DEEPEST, read_json
from predictions.models import Prediction
from tests.predictions.door import problem_of

pytestmark = pytest.mark.django_db

MALFORMED = {
    "empty": b"",
    "spaces": b"   \n",
    "trailing comma": b'{"a": 1,}',
    "two documents": b"{} {}",
    "single quotes": b"{'a': 1}",
    "UTF-16": json.dumps({"a": 1}).encode("utf-16"),
    "UTF-16 without a mark": json.dumps({"a": 1}).encode("utf-16-le"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "a Latin-1 byte": b'{"a": "\xe9"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "minus Infinity": b'{"a": -Infinity}',
    "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "depth 17": b"[" * 17 + b"]" * 17,
    "depth 17 of objects": b'{"a":' * 17 + b"1" + b"}" * 17,
    "depth 5,000": b"[" * 5000 + b"]" * 5000,
    "depth 100,000": b"[" * 100_000 + b"]" * 100_000,
    "depth 100,000, never closed": b'{"a":[' * 100_000,
    "duplicate key": b'{"a": 1, "a": 1}',
    "duplicate key, escaped": b'{"a": 1, "\\u0061": 2}',
    "duplicate key that is no text": b'{"\\ud800": 1, "\\ud800": 2}',
    "a NUL between tokens": b'{"a": 1\x00}',
    "control character in a string": b'{"a": "\n"}',
    "half a string": b'{"a": "',
}


@pytest.mark.parametrize("address", ["predictions/", "predictions/bulk/"])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_is_refused(api, address, body):
    problem_of(api.send(address, body), 400, "malformed")
    assert Prediction.objects.count() == 0


MEDIA_TYPES = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/problem+json",
    "application/json; charset=latin-1",
    "application/json; charset=utf-16",
    "application/json; charset=bz2",
    "",
    "nonsense",
    "application/json" + "; a=b" * 100,
]


@pytest.mark.parametrize("content_type", MEDIA_TYPES)
def test_another_media_type_is_refused(api, example, content_type):
    response = api.send("predictions/", json.dumps(example).encode(), content_type)
    problem_of(response, 415, "unsupported-media-type")
    assert Prediction.objects.count() == 0


@pytest.mark.parametrize(
    "content_type", ["application/json", 'Application/JSON; charset="UTF-8"', "application/json; charset=utf8"]
)
def test_json_in_utf_8_is_accepted(api, example, content_type):
    assert api.send("predictions/", json.dumps(example).encode(), content_type).status_code == 201


def test_a_compressed_body_is_refused(api, example):
    response = api.send("predictions/", json.dumps(example).encode(), headers={"Content-Encoding": "gzip"})
    problem_of(response, 415, "unsupported-media-type")


def test_a_body_that_broke_off_is_refused_even_where_it_can_be_read(api, example):
    body = json.dumps(example).encode()
    response = api.send("predictions/", body, CONTENT_LENGTH=str(len(body) + 1), **{"wsgi.input": io.BytesIO(body)})
    assert "broke off" in problem_of(response, 400, "malformed")["detail"]
    assert Prediction.objects.count() == 0


@pytest.mark.parametrize("length", ["-1", "abc", "१०", "9" * 30])
def test_a_length_that_is_none_is_refused(api, example, length):
    body = json.dumps(example).encode()
    response = api.send("predictions/", body, CONTENT_LENGTH=length, **{"wsgi.input": io.BytesIO(body)})
    problem_of(response, 400, "malformed")


class Unread(io.RawIOBase):
    """A body that fails the test when it is read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("address", ["predictions/", "predictions/bulk/"])
def test_a_body_over_the_limit_is_refused_unread(api, settings, address):
    length = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    response = api.send(address, b"", CONTENT_LENGTH=length, **{"wsgi.input": Unread()})
    assert length in problem_of(response, 413, "too-large")["detail"]


def test_an_object_with_too_many_members_is_refused(api, settings):
    body = {str(number): 1 for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    problem_of(api.post("predictions/", body), 413, "too-large")


@pytest.mark.parametrize("unit", [b"[]", b"{}", b"[{}]", b'[""]'])
def test_more_containers_than_any_body_needs_are_refused_unparsed(unit):
    body = b"[" + b",".join([unit] * 1_000_000) + b"]"
    tracemalloc.start()
    try:
        with pytest.raises(Refusal) as refused:
            read_json(body)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()
    assert refused.value.code == "too-large"


@pytest.mark.parametrize("body", [b'"' * 2_000_000, b'["[[[[",' * 200_000, b'{"a":"[' * 90_000, b"[1,2" * 250_000])
def test_a_long_malformed_body_is_refused_in_no_time(body):
    began = time.process_time()
    with pytest.raises(Refusal) as refused:
        read_json(body)
    assert refused.value.code == "malformed"
    assert time.process_time() - began < 1


def test_the_deepest_nesting_is_still_read():
    assert read_json(b"[" * DEEPEST + b"]" * DEEPEST)


@pytest.mark.parametrize("text", ["[[[[[[[[[[[[[[[[[[[[", '\\"[[[[[[[[[[[[[[[[[[[[', "\\\\", '\\\\\\"{{{{{{{{{{{{{{{{{{{{'])
def test_brackets_in_strings_do_not_count_as_nesting(text):
    assert read_json(b'["%s", "[[[[[[[[[[[[[[[[[["]' % text.encode())


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


@given(values, st.booleans(), st.integers(0, 20))
@example('"[\\', False, 16)
def test_reading_is_the_inverse_of_writing_down_to_the_deepest_level(value, ascii_only, levels):
    for _ in range(levels):
        value = [value]
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    try:
        read = read_json(body)
    except Refusal as refusal:
        assert depth(value) > DEEPEST
        assert refusal.code == "malformed"  # noqa: PT017
    else:
        assert read == value
        assert depth(value) <= DEEPEST
