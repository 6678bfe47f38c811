"""Answers that are not finite, at every door: the record is refused, and an end without a bound is null."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ml_model.training import train
from predictions import embedded, export
from predictions.models import Prediction
from tests.predictions.door import Api

pytestmark = pytest.mark.django_db
INFER = "/v2/models/boundless/infer"
# The logarithm of the target grows with the amount, of which anything is accepted.
SPEC = """
[model]
name = "boundless"
title = "T"
noun = "thing"
action = "Go"
task = "regression"
summary = "S"
intended_use = "U"
limits = "L"
[target]
column = "y"
label = "Size"
transform = "log"
[data]
file = "data.csv"
[[section]]
name = "main"
title = "Main"
[[field]]
name = "amount"
column = "x"
kind = "number"
section = "main"
label = "Amount"
range = [-1e300, 1e300]
trained = [0.0, 9.75]
example = 5.0
[estimator.linear]
[interval]
adaptive = false
"""


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boundless")
    noise = np.random.default_rng(3).normal(0, 1, 200)
    content = "\n".join(["x,y", *(f"{row % 40 / 4},{math.exp(row % 40 / 4 + noise[row])}" for row in range(200)), ""])
    (folder / "data.csv").write_text(content, "utf-8")
    digest = hashlib.sha256(content.encode()).hexdigest()
    told = f'origin = "Invented."\nlicence = "CC0"\nsha256 = "{digest}"\nrows = 200\ncolumns = 2\n'
    (folder / "provenance.toml").write_text(f'["data.csv"]\n{told}', "utf-8")
    (folder / "model.toml").write_text(SPEC, "utf-8")
    train("1.0.0", report=lambda line: None, spec_path=folder / "model.toml", trained=folder / "trained", override="for a test")
    return folder / "trained"


@pytest.fixture(autouse=True)
def live(releases: Path, settings: Any) -> Iterator[None]:
    settings.MODEL_RELEASES = releases
    embedded.unload()
    yield
    embedded.unload()


def tensor(*numbers: float) -> dict[str, Any]:
    return {"inputs": [{"name": "amount", "datatype": "FP64", "shape": [len(numbers)], "data": list(numbers)}]}


def codes(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 400
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


@pytest.mark.parametrize("rows", [2, 12, 120])
def test_a_record_without_a_finite_answer_is_refused_at_every_door(api: Api, rows: int) -> None:
    numbers = [*[3.0] * (rows - 1), 1e300]
    assert codes(api.post("predictions/", {"amount": 1e300})) == [("", "no_answer")]
    assert codes(api.post("predictions/bulk/", [{"amount": number} for number in numbers])) == [(f"/{rows - 1}", "no_answer")]
    response = api.post(INFER, tensor(*numbers))
    assert [code for _, code in codes(response)] == ["no_answer"]
    page = Client().post(reverse("form"), {"amount": "1e300"})
    assert page.status_code == 422
    assert "no finite answer" in page.content.decode()
    assert not Prediction.objects.exists()


def test_an_end_without_a_bound_is_null_at_every_door(api: Api) -> None:
    score = embedded.live().score
    amount = next(number for number in range(500, 1000) if score([{"amount": float(number)}])[0].high is None)
    one = api.post("predictions/", {"amount": amount}).json()
    [many, *_] = api.post("predictions/bulk/", [{"amount": amount}] * 12).json()["results"]
    assert one["interval"]["high"] is many["interval"]["high"] is None
    assert one["interval"]["low"] == many["interval"]["low"] > 0
    tensors = api.post(INFER, tensor(amount)).json()["outputs"]
    outputs = {output["name"]: output["data"] for output in tensors}
    assert (outputs["high"], outputs["value"]) == ([None], [one["value"]])
    stored = Prediction.objects.order_by("-id").first()
    assert stored is not None
    assert (stored.value, stored.high) == (one["value"], None)
    assert api.get(f"predictions/{stored.pk}/").json()["interval"]["high"] is None
    assert json.dumps(list(export.csv_lines(Prediction.objects.all())))
    browser = Client()
    browser.force_login(User.objects.get())
    assert browser.get(reverse("prediction", args=[stored.pk])).status_code == 200
