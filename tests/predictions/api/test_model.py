"""What the API says of the live release."""

from __future__ import annotations

import jsonschema
import pytest

from predictions import embedded

pytestmark = pytest.mark.django_db


def test_the_model_says_what_it_is_for_how_good_it_is_and_where_it_comes_from(anonymous, spec):
    scorer = embedded.live()
    body = anonymous.get("model/").json()
    for key in ("name", "title", "task", "summary", "intended_use", "limits"):
        assert body[key] == getattr(spec.model, key)
    assert body["version"] == scorer.version
    assert body["fields"] == len(spec.field)
    assert body["target"]["label"] == spec.target.label
    assert body["metrics"] == {name: metric.model_dump() for name, metric in scorer.manifest.metrics.items()}
    assert all(metric["low"] <= metric["value"] <= metric["high"] for metric in body["metrics"].values())
    assert body["provenance"]["data"] == scorer.manifest.data.model_dump()
    assert body["provenance"]["code"] == scorer.manifest.code.model_dump()
    assert all(anonymous.get(link).status_code in {200, 401, 405} for link in body["links"].values())


def test_the_schema_accepts_what_the_api_accepts(anonymous, api, example, number):
    response = anonymous.get("model/schema/")
    assert response["Content-Type"] == "application/schema+json"
    schema = response.json()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(example)
    assert not validator.is_valid({**example, "unknown": 1})
    for value in ("12", number.range[1] + 1, None):
        assert not validator.is_valid({**example, number.name: value})
        assert api.post("predictions/", {**example, number.name: value}).status_code == 400


def test_every_property_of_the_schema_has_an_example_and_words(anonymous, spec):
    schema = anonymous.get("model/schema/").json()
    assert list(schema["properties"]) == list(spec.fields)
    for name, described in schema["properties"].items():
        assert described["examples"] == [spec.fields[name].example]
        assert described["title"] == spec.fields[name].label


def test_the_schema_is_plain_json_for_who_asks_for_that(anonymous):
    response = anonymous.get("model/schema/", headers={"Accept": "application/json"})
    assert response["Content-Type"] == "application/json"
