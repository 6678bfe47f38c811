"""The Open Inference Protocol: rows by column, with the answers, faults and rows of the other doors."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from ml_model.spec import parse_spec
from predictions import embedded
from predictions.api import views
from predictions.api.inference import answer_of, datatypes_of, metadata_of
from predictions.models import Prediction
from tests.predictions.door import problem_of
from tests.predictions.test_storing import several

pytestmark = pytest.mark.django_db


def tensors(spec, records: list[dict[str, Any]]) -> dict[str, Any]:
    """A request for records."""
    return {
        "inputs": [
            {
                "name": field.name,
                "datatype": datatypes_of(field)[0],
                "shape": [len(records)],
                "data": [record[field.name] for record in records],
            }
            for field in spec.field
        ]
    }


@pytest.fixture
def address(spec):
    return f"/v2/models/{spec.model.name}"


@pytest.fixture
def infer(api, address):
    return lambda body: api.post(f"{address}/infer", body)


def outputs_of(response) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    return {output["name"]: output["data"] for output in response.json()["outputs"]}


def test_rows_are_answered_and_stored_as_records_are(api, infer, spec, *, user, example, number):
    low, high = number.trained
    outside = next(value for value in (high + 1, low - 1) if number.range[0] <= value <= number.range[1])
    records = [{**example, number.name: round(value)} for value in (high, outside, low)]
    answer = outputs_of(infer(tensors(spec, records)))
    same = api.post("predictions/bulk/", records).json()["results"]
    if spec.is_regression:
        assert answer["value"] == [one["value"] for one in same]
        assert list(zip(answer["low"], answer["high"], strict=True)) == [
            (one["interval"]["low"], one["interval"]["high"]) for one in same
        ]
    stored = {str(one.id): one for one in Prediction.objects.filter(user=user, id__in=answer["id"])}
    assert [stored[key].inputs for key in answer["id"]] == [api.get(one["url"]).json()["inputs"] for one in same]
    assert answer["warnings"] == [len(one["warnings"]) for one in same] == [0, 1, 0]


def test_the_answer_says_which_release_and_which_request(infer, spec, example):
    body = infer({"id": "42", **tensors(spec, [example] * 2)}).json()
    assert (body["id"], body["model_name"], body["model_version"]) == ("42", spec.model.name, embedded.live().version)
    assert {tuple(output["shape"]) for output in body["outputs"]} == {(2,)}
    assert "id" not in infer(tensors(spec, [example])).json()


def test_a_column_may_be_a_matrix_of_one_column(infer, spec, example):
    flat = tensors(spec, [example] * 3)
    plain = outputs_of(infer(flat))
    for tensor in flat["inputs"]:
        tensor["shape"], tensor["data"] = [3, 1], [[value] for value in tensor["data"]]
    assert outputs_of(infer(flat))["value"] == plain["value"]


def test_an_optional_column_may_be_left_out(infer, spec, example):
    optional = next(field for field in spec.field if not field.required)
    body = tensors(spec, [example])
    body["inputs"] = [tensor for tensor in body["inputs"] if tensor["name"] != optional.name]
    [key] = outputs_of(infer(body))["id"]
    assert Prediction.objects.get(pk=key).inputs[optional.name] is None


def test_faults_are_pointed_at_and_nothing_is_stored(infer, spec, *, example, number, category):
    body = tensors(spec, [example, {**example, number.name: "12", category.name: None}, example])
    problem = problem_of(infer(body), 400, "invalid")
    places = {tensor["name"]: position for position, tensor in enumerate(body["inputs"])}
    assert {(error["pointer"], error["code"]) for error in problem["errors"]} == {
        (f"/inputs/{places[number.name]}/data/1", "type"),
        (f"/inputs/{places[category.name]}/data/1", "required"),
    }
    assert "1 of 3" in problem["detail"]
    body["inputs"].pop(places[number.name])
    errors = problem_of(infer(body), 400, "invalid")["errors"]
    assert {error["pointer"] for error in errors} >= {"/inputs"}
    assert not Prediction.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"name": "no_such_field"}, "/inputs/0", "unknown_field"),
        ({"name": 7}, "/inputs/0", "record"),
        ({"data": "text"}, "/inputs/0", "record"),
        ({"data": []}, "/inputs/0", "shape"),
        ({"shape": [3]}, "/inputs/0", "shape"),
        ({"shape": [1, 2]}, "/inputs/0", "shape"),
        ({"shape": None}, "/inputs/0", "shape"),
        ({"datatype": "FP128"}, "/inputs/0", "datatype"),
        ({"datatype": None}, "/inputs/0", "datatype"),
    ],
)
def test_a_tensor_that_is_none_is_refused(infer, spec, example, *, change, pointer, code):
    body = tensors(spec, [example])
    body["inputs"][0] |= change
    errors = problem_of(infer(body), 400, "invalid")["errors"]
    assert (errors[0]["pointer"], errors[0]["code"]) == (pointer, code)


def test_tensors_of_two_lengths_and_one_twice_are_refused(infer, spec, example):
    body = tensors(spec, [example])
    longer = tensors(spec, [example] * 2)["inputs"][1]
    assert "same number" in problem_of(infer({"inputs": [body["inputs"][0], longer]}), 400, "invalid")["errors"][0]["detail"]
    twice = {"inputs": [body["inputs"][0], *body["inputs"]]}
    assert "stands twice" in problem_of(infer(twice), 400, "invalid")["errors"][0]["detail"]


@pytest.mark.parametrize("body", [{}, [], None, 1, "text", {"inputs": {}}, {"inputs": []}, {"inputs": [None]}], ids=repr)
def test_what_is_no_request_is_refused(infer, body):
    problem_of(infer(body), 400, "invalid")


def test_a_missing_input_is_named_once(infer, spec, example, number):
    body = tensors(spec, [example] * 1000)
    body["inputs"] = [tensor for tensor in body["inputs"] if tensor["name"] != number.name]
    problem = problem_of(infer(body), 400, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/inputs", "required")]
    assert f"'{number.name}' is missing" in problem["errors"][0]["detail"]
    assert f"'{number.name}' is missing" in problem["error"]


def test_each_missing_input_is_named_and_faults_of_others_too(infer, spec, example):
    first, second = tensors(spec, [example])["inputs"][:2]
    problem = problem_of(infer({"inputs": [first, second | {"datatype": "nonsense"}]}), 400, "invalid")
    missing = {field.name for field in spec.field if field.required} - {first["name"], second["name"]}
    assert problem["errors"][0]["pointer"] == "/inputs/1"
    assert [name for name in missing if not any(f"'{name}' is missing" in one["detail"] for one in problem["errors"])] == []


@pytest.mark.parametrize("count", [999, 20_000])
def test_many_unknown_inputs_are_refused_at_once(infer, spec, count):
    body = {"inputs": [{"name": f"living_aree{number}", "data": []} for number in range(count)]}
    began = time.process_time()
    problem = problem_of(infer(body), 400, "invalid")
    assert time.process_time() - began < 2
    assert len(problem["errors"]) <= 1000
    assert sum("Did you mean" in error["detail"] for error in problem["errors"]) < 200


def test_only_the_wanted_outputs_are_answered_in_their_order(infer, spec, example):
    body = tensors(spec, [example] * 2)
    wanted = [{"name": "id"}, {"name": "warnings", "parameters": {"binary_data": True}}]
    answer = infer({**body, "outputs": wanted}).json()
    assert [output["name"] for output in answer["outputs"]] == ["id", "warnings"]
    assert len(infer({**body, "outputs": []}).json()["outputs"]) > 2


@pytest.mark.parametrize(
    ("outputs", "pointer", "code"),
    [
        ("value", "/outputs", "list"),
        ({"name": "id"}, "/outputs", "list"),
        ([{"name": "id"}] * 2000, "/outputs", "list"),
        ([{"name": "id"}, {"name": "nonsense"}], "/outputs/1", "choice"),
        ([{"name": ["id"]}], "/outputs/0", "choice"),
        (["id"], "/outputs/0", "choice"),
        ([None], "/outputs/0", "choice"),
        ([{"name": "id"}, {"name": "id"}], "/outputs/1", "list"),
        ([{"name": "id", "parameters": {"classification": 2}}], "/outputs/0/parameters", "parameter"),
    ],
)
def test_outputs_that_there_are_none_of_are_refused(infer, spec, example, *, outputs, pointer, code):
    [error] = problem_of(infer({**tensors(spec, [example]), "outputs": outputs}), 400, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert not Prediction.objects.exists()


def test_binary_tensors_are_refused_with_the_way_out(api, address, infer, spec, example):
    body = tensors(spec, [example])
    binary = {**body["inputs"][0], "parameters": {"binary_data_size": 8}}
    del binary["data"]
    [error] = problem_of(infer({"inputs": [binary, *body["inputs"][1:]]}), 400, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == ("/inputs/0", "binary")
    assert "as JSON in 'data'" in error["detail"]
    text = json.dumps(body).encode()
    with_header = api.send(f"{address}/infer", text + b"\0" * 8, headers={"Inference-Header-Content-Length": str(len(text))})
    assert "Binary tensors" in problem_of(with_header, 415, "unsupported-media-type")["error"]
    octets = api.send(f"{address}/infer", text, "application/octet-stream")
    problem_of(octets, 415, "unsupported-media-type")
    assert outputs_of(infer({**body, "parameters": {"binary_data_output": True, "any": 1}}))


def test_every_refusal_has_the_member_that_clients_of_the_protocol_read(api, anonymous, address, spec, example):
    answers = [
        api.post(f"{address}/infer", {}),
        api.post(f"{address}/infer", tensors(spec, [{**example, next(iter(example)): []}])),
        anonymous.post(f"{address}/infer", {}),
        api.get(f"{address}/infer"),
        api.get("/v2/models/other"),
        api.get("/v2/nothing"),
        api.get("/v2nothing"),
        api.send(f"{address}/infer", b"{"),
        api.send(f"{address}/infer", b"{}", "text/plain"),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 401, 405, 404, 404, 404, 400, 415]
    assert all(answer.json()["error"] for answer in answers)
    assert "error" not in api.get("nothing/").json()


def test_the_fault_of_a_row_is_in_the_message_of_the_protocol(infer, spec, example, number):
    problem = problem_of(infer(tensors(spec, [{**example, number.name: "12"}])), 400, "invalid")
    assert problem["errors"][0]["detail"] in problem["error"]


def test_the_server_says_what_it_is(anonymous):
    for address in ("/v2", "/v2/"):
        assert anonymous.get(address).json() == {"name": "inhouse", "version": embedded.live().version, "extensions": []}
    problem_of(anonymous.post("/v2", {}), 405, "method-not-allowed")


def test_too_many_rows_are_refused(infer, spec, example, monkeypatch):
    monkeypatch.setattr(views, "MOST_RECORDS", 2)
    assert "3 rows; at most 2" in problem_of(infer(tensors(spec, [example] * 3)), 413, "too-large")["detail"]


def test_another_model_or_version_is_not_here(api, anonymous, address, spec, example):
    version = embedded.live().version
    assert anonymous.get(f"{address}/versions/{version}").json() == anonymous.get(address).json()
    assert api.post(f"{address}/versions/{version}/infer", tensors(spec, [example])).status_code == 200
    for end in ("", "/ready"):
        problem_of(anonymous.get(f"{address}/versions/0.0.1{end}"), 404, "not-found")
        problem_of(anonymous.get(f"/v2/models/other{end}"), 404, "not-found")
    problem_of(api.post("/v2/models/other/infer", {}), 404, "not-found")
    problem_of(anonymous.get("/v2/nothing"), 404, "not-found")


def test_a_program_is_answered_as_one(api, address):
    response = api.get(address)
    assert "Content-Security-Policy" not in response
    assert not response.cookies
    problem_of(api.get(address, headers={"Host": "evil.example"}), 400, "bad-request")


def test_what_the_model_takes_and_gives_is_public(anonymous, address, spec):
    told = anonymous.get(address).json()
    assert [(tensor["name"], tensor["shape"]) for tensor in told["inputs"]] == [(field.name, [-1]) for field in spec.field]
    assert {tensor["datatype"] for tensor in told["inputs"]} <= {"FP64", "INT64", "BOOL", "BYTES"}
    assert anonymous.get(f"{address}/ready").json() == {"name": spec.model.name, "ready": True}
    assert anonymous.get("/v2/health/live").status_code == 200


def test_without_a_token_nothing_is_predicted(anonymous, address, spec, example):
    problem_of(anonymous.post(f"{address}/infer", tensors(spec, [example])), 401, "unauthenticated")
    assert not Prediction.objects.exists()


def test_classes_are_a_label_and_a_row_of_probabilities():
    spec = parse_spec((Path(__file__).parents[2] / "data" / "penguins.toml").read_text("utf-8"))
    shares = [dict(zip(spec.classes, row, strict=True)) for row in ([0.7, 0.2, 0.1], [0.0, 0.25, 0.75])]
    answer = answer_of(spec, {}, [several(uuid7(), uuid7(), labels=["Adelie", "Gentoo"], probabilities=shares)])
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert outputs["label"]["data"] == ["Adelie", "Gentoo"]
    assert outputs["probabilities"] == {
        "name": "probabilities",
        "datatype": "FP64",
        "shape": [2, 3],
        "data": [0.7, 0.2, 0.1, 0.0, 0.25, 0.75],
    }
    metadata = {tensor["name"]: tensor for tensor in metadata_of(spec, "1.0.0")["outputs"]}
    assert list(metadata) == list(outputs)
    assert metadata["probabilities"]["parameters"] == {"classes": list(shares[0])}


def test_an_end_without_a_bound_is_null(spec):
    low = [None, -1.0, None]
    answer = answer_of(spec, {"outputs": [{"name": "low"}]}, [several(uuid7(), uuid7(), uuid7(), lows=low)])
    assert answer["outputs"] == [{"name": "low", "datatype": "FP64", "shape": [3], "data": low}]
