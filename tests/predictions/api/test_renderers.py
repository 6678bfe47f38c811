"""JSON as REST framework writes it, only sooner."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from rest_framework.renderers import JSONRenderer

from predictions.api.renderers import QuickJSONRenderer

MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "data",
    [
        {"a": 1, "b": [1.5, None, True], "c": 'é \N{LINE SEPARATOR} " \\ </script>'},
        {"at": MOMENT, "whole": MOMENT.replace(microsecond=0), "day": MOMENT.date()},
        {"id": uuid.UUID(int=7), "small": 5e-324, "large": 1.7976931348623157e308, "wait": dt.timedelta(seconds=90)},
        [],
        "text",
    ],
    ids=repr,
)
def test_the_same_value_is_read_from_both(data):
    assert json.loads(QuickJSONRenderer().render(data)) == json.loads(JSONRenderer().render(data))


def test_nothing_is_an_empty_body():
    assert QuickJSONRenderer().render(None) == JSONRenderer().render(None) == b""


def test_a_caller_may_ask_for_lines():
    assert QuickJSONRenderer().render({"a": [1]}, "application/json; indent=2") == b'{\n  "a": [\n    1\n  ]\n}'


def test_a_whole_number_of_many_digits():
    """As PostgreSQL gives back a large float that was stored inside of JSON."""
    body = QuickJSONRenderer().render({"inputs": {"amount": 10**300, "name": "é"}})
    assert json.loads(body) == {"inputs": {"amount": 10**300, "name": "é"}}
