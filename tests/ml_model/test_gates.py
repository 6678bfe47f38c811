import hashlib
import json

import pytest

from ml_model.artifacts import Finding, GateResult
from ml_model.csv_files import read_table
from ml_model.footprint import load_contender
from ml_model.gates import gates_digest, run_gates


@pytest.fixture(scope="module")
def table(data_folder):
    return read_table(data_folder / "concrete.csv")


@pytest.fixture
def live(released):
    return load_contender("1.0.0", released["concrete"])


def test_a_release_passes_beside_itself(live, table):
    gates = {gate.name: gate for gate in run_gates(live, live, table, [])}
    assert {"data", "sanity.trivial", "limits.r2", "slice.young", "behaviour.more_cement", "contract.fields"} <= gates.keys()
    assert {"benchmark", "benchmark.rows", "live", "slice_live.young", "size", "load", "latency"} <= gates.keys()
    assert all(gate.passed for gate in gates.values() if gate.name not in {"load", "latency"})


def test_without_a_live_release_nothing_is_compared(live, table):
    names = {gate.name for gate in run_gates(live, None, table, [])}
    assert not {"live", "benchmark", "size", "contract.fields"} & names


def test_an_error_in_the_data_is_told(live, table):
    finding = Finding(severity="error", column="cement", code="leakage", detail="it leaks")
    gate = next(gate for gate in run_gates(live, None, table, [finding]) if gate.name == "data")
    assert (gate.passed, gate.detail) == (False, "cement: it leaks")


def test_another_file_is_told(live, table):
    swapped = table.rename(columns={"water": "fly_ash", "fly_ash": "water"})
    failed = {gate.name for gate in run_gates(live, live, swapped, []) if not gate.passed}
    assert {"benchmark.rows"} <= failed


def test_a_file_that_the_live_release_cannot_read(live, table, scorers):
    other = load_contender_of(live, scorers["credit"])
    gate = {gate.name: gate for gate in run_gates(live, other, table, [])}["benchmark"]
    assert not gate.passed
    assert "cannot read the test rows" in gate.detail


def load_contender_of(live, scorer):
    from dataclasses import replace

    return replace(live, scorer=scorer)


def test_the_digest_is_that_of_canonical_json():
    gate = GateResult(name="live", passed=True, value=0.1, limit="x", detail="é")
    text = json.dumps([dict(sorted(gate.model_dump().items()))], separators=(",", ":"), ensure_ascii=False)
    assert gates_digest([gate]) == hashlib.sha256(text.encode()).hexdigest()
    assert gates_digest([]) == ""
