import numpy as np
import pytest

from ml_model.corners import corner_gate, corner_records

REGRESSIONS = ["concrete", "house"]


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete", "house"])
def test_corners_are_valid_bounded_and_the_same_each_time(name, scorers):
    spec, validator = scorers[name].spec, scorers[name].validator
    records = corner_records(spec)
    assert validator.validate(records) == records
    assert 1_000 < len(records) <= 2_002
    assert corner_records(spec) == records
    for field in spec.field:
        held = {record[field.name] for record in records[2:1_002]}
        expected = set(field.codes) or set(field.range or ()) or {field.earliest, field.latest} - {""} or {False, True}
        assert expected | (set() if field.required else {None}) <= {record[field.name] for record in records}
        assert (None in held) <= (not field.required)
        assert {records[0][field.name], records[1][field.name]} <= expected


def test_a_thousand_fields_do_not_make_a_million_records(house):
    many = [house.fields["rooms"].model_copy(update={"name": f"rooms_{number}"}) for number in range(1_500)]
    assert len(corner_records(house.model_copy(update={"field": tuple(many)}))) == 2_002


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete", "house"])
def test_sane_answers_pass(name, scorers):
    gate = corner_gate(scorers[name], np.array([1.0, 50_000.0, 900_000.0]))
    assert gate.passed, gate.detail


def test_answers_that_are_not_finite_fail(boundless):
    gate = corner_gate(boundless, np.array([1.0, 20_000.0]))
    assert (gate.name, gate.passed, gate.value) == ("sanity.corners", False, None)
    assert "have no finite answer, such as area=" in gate.detail
    assert gate.detail.endswith("narrow the ranges")


@pytest.mark.parametrize("name", REGRESSIONS)
def test_intervals_that_reach_too_far_fail(name, scorers):
    gate = corner_gate(scorers[name], np.array([10.0, 10.001]))
    assert not gate.passed
    assert gate.value > 1_000
    assert "corners lie further outside; the extreme is" in gate.detail
    assert gate.detail.endswith("narrow the ranges")


def test_the_reach_is_that_of_the_spec(parse, tree, scorers, monkeypatch):
    tree["gates"] = {"metric": "rmsle", "corner_reach": 0.001}
    monkeypatch.setattr(scorers["house"], "spec", parse(tree))
    gate = corner_gate(scorers["house"], np.array([1.0, 900_000.0]))
    assert "at most 0.001 times" in gate.limit
    assert not gate.passed
