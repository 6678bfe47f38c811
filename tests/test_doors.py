"""The same 200 records through the form, the JSON API, the wheel and the command line: the same answers, the same faults."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from ml_model.csv_files import read_table
from ml_model.data import records_of
from ml_model.records import Record, RecordValidator, write_cell, write_text
from ml_model.releases import TRAINED
from ml_model.scoring import load_scorer
from ml_model.spec import ModelSpec
from ml_model.training import SPEC_PATH
from predictions import embedded
from predictions.api.inference import datatypes_of
from predictions.models import Prediction

ROOT = Path(__file__).resolve().parent.parent
COUNT = 200
WITHOUT_WEB = """
import json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "rest_framework", "predictions", "project"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import ml_model
from ml_model.errors import RecordsRefused
from ml_model.releases import TRAINED
from ml_model.scoring import load_scorer
assert ml_model.__file__.startswith(sys.argv[1]), ml_model.__file__
scorer = load_scorer()
answers = []
for record in json.load(sys.stdin):
    try:
        [score] = scorer.score([record])
        warnings = [[one.field, one.code, one.detail] for one in score.warnings]
        number = [score.value, score.low, score.high]
        answers.append({"number": number, "label": score.label or "", "shares": score.probabilities, "warnings": warnings})
    except RecordsRefused as refused:
        answers.append({"errors": [[one.field, one.code, one.detail] for one in refused.errors_by_row[0]]})
json.dump(answers, sys.stdout)
"""


@pytest.fixture(autouse=True)
def the_release_that_is_shipped(settings):
    settings.MODEL_RELEASES = TRAINED
    settings.FORM_RATE = None  # one address sends all records within a minute
    embedded.unload()
    yield
    embedded.unload()


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return load_scorer().spec


@pytest.fixture(scope="module")
def records(spec: ModelSpec) -> list[Record]:
    """Real rows, some of them changed: blanks, extremes that warn, and faults that refuse."""
    table = read_table(SPEC_PATH.parent / spec.data.file)
    rows = RecordValidator(spec).validate(records_of(table, spec))
    rng = random.Random(20)
    chosen = rng.sample(rows, COUNT)
    for position, record in enumerate(chosen):
        for _ in range(position % 4):
            field = rng.choice(spec.field)
            record[field.name] = rng.choice(_alternatives(field))
    return chosen


def _alternatives(field: Any) -> list[Any]:
    if field.choices:
        return [None, *(choice for choice, _ in field.choices), 77 if isinstance(field.choices[0][0], int) else "Nonsense"]
    if field.range:
        low, high = field.range
        return [None, low, high, high + 1, low - 1, "1_000", "twelve", low + 0.5]
    return [None, True, False, "perhaps"]


@pytest.fixture(scope="module")
def by_wheel(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy: setuptools would leave its build folder in the tree, and take stale files from it the next time.
    source = folder / "source"
    shutil.copytree(ROOT / "ml_model", source / "ml_model")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_WEB, str(folder / "installed")],
        input=json.dumps(records),
        capture_output=True,
        text=True,
        check=True,
        cwd=folder / "installed",
    )
    answers: list[dict[str, Any]] = json.loads(run.stdout)
    return answers


def test_there_is_something_of_everything(by_wheel):
    refused = [answer for answer in by_wheel if "errors" in answer]
    assert 40 < len(refused) < 120
    assert sum(bool(answer.get("warnings")) for answer in by_wheel) > 10
    assert {code for answer in refused for _, code, _ in answer["errors"]} >= {"required", "type", "range", "choice", "integer"}


@pytest.mark.django_db
def test_json(records, by_wheel):
    _, token = AuthToken.objects.create(User.objects.create_user("program"))
    client = Client(headers={"Authorization": f"Token {token}"})
    for record, expected in zip(records, by_wheel, strict=True):
        response = client.post(reverse("api:predictions"), json.dumps(record), content_type="application/json")
        body = response.json()
        if "errors" in expected:
            assert response.status_code == 400
            answer: dict[str, Any] = {
                "errors": [[one["pointer"].removeprefix("/"), one["code"], one["detail"]] for one in body["errors"]]
            }
        else:
            assert response.status_code == 201, body
            warnings = [[one["field"], one["code"], one["detail"]] for one in body["warnings"]]
            interval = body.get("interval", {})
            number = [body.get("value"), interval.get("low"), interval.get("high")]
            shares = body.get("probabilities")
            answer = {"number": number, "label": body.get("label", ""), "shares": shares, "warnings": warnings}
        assert answer == expected


@pytest.mark.django_db
def test_columns(spec, records, by_wheel):
    _, token = AuthToken.objects.create(User.objects.create_user("program"))
    client = Client(headers={"Authorization": f"Token {token}"})
    address = f"/v2/models/{spec.model.name}/infer"

    def sent(some: list[Record]) -> Any:
        inputs = [
            {
                "name": field.name,
                "datatype": datatypes_of(field)[0],
                "shape": [len(some)],
                "data": [one[field.name] for one in some],
            }
            for field in spec.field
        ]
        return client.post(address, json.dumps({"inputs": inputs}), content_type="application/json")

    accepted = [record for record, expected in zip(records, by_wheel, strict=True) if "errors" not in expected]
    response = sent(accepted)
    assert response.status_code == 200, response.content
    answers = {output["name"]: output["data"] for output in response.json()["outputs"]}
    expected_answers = [expected for expected in by_wheel if "errors" not in expected]
    numbers = [list(row) for row in zip(answers["value"], answers["low"], answers["high"], strict=True)]
    assert numbers == [pytest.approx(expected["number"], rel=1e-12) for expected in expected_answers]
    stored = Prediction.objects.in_bulk(answers["id"])
    assert [[[one["field"], one["code"], one["detail"]] for one in stored[UUID(key)].warnings] for key in answers["id"]] == [
        expected["warnings"] for expected in expected_answers
    ]
    for record, expected in zip(records, by_wheel, strict=True):
        if "errors" in expected:
            names = [field.name for field in spec.field]
            errors = sent([record]).json()["errors"]
            found = [[names[int(one["pointer"].split("/")[2])], one["code"], one["detail"]] for one in errors]
            assert found == expected["errors"]


@pytest.mark.django_db
def test_form(spec, records, by_wheel):
    client = Client()
    for record, expected in zip(records, by_wheel, strict=True):
        typed = {name: write_text(value) for name, value in record.items()}
        response = client.post(reverse("form"), typed)
        if "errors" in expected:
            assert response.status_code == 422
            found = response.context["form"].errors.as_data()
            answer: dict[str, Any] = {
                "errors": [[name, one.code, one.message] for name in spec.fields for one in found.get(name, [])]
            }
        else:
            assert response.status_code == 303
            stored = Prediction.objects.get(pk=response.url.strip("/").rpartition("/")[2])
            warnings = [[one["field"], one["code"], one["detail"]] for one in stored.warnings]
            number = [stored.value, stored.low, stored.high]
            answer = {"number": number, "label": stored.label, "shares": stored.probabilities, "warnings": warnings}
        assert answer == expected


def test_command_line(spec, records, by_wheel, tmp_path):
    source, result = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Remark", *(field.column for field in spec.field)])
        writer.writerows(
            [row, *(write_cell(field, record[field.name]) for field in spec.field)] for row, record in enumerate(records)
        )
    run = subprocess.run(
        [sys.executable, "-m", "ml_model", "score", str(source), str(result)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    refused = sum("errors" in expected for expected in by_wheel)
    assert (run.returncode, run.stdout.split()[0]) == (1, str(COUNT - refused))
    with result.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["Remark"] for row in rows] == [str(row) for row in range(COUNT)]
    for row, expected in zip(rows, by_wheel, strict=True):
        if "errors" in expected:
            assert row["error"] == "; ".join(detail for _, _, detail in expected["errors"])
            assert row["prediction"] == ""
        else:
            if expected["label"]:
                assert row["prediction"] == expected["label"]
                shares = {name: float(row[f"probability_{name}"]) for name in expected["shares"]}
                assert shares == pytest.approx(expected["shares"], rel=1e-12)
            else:
                assert [float(row[name]) for name in ("prediction", "low", "high")] == pytest.approx(
                    expected["number"], rel=1e-12
                )
            assert row["warnings"] == "; ".join(detail for _, _, detail in expected["warnings"])
