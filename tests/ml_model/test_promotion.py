import hashlib
import json

import pytest

import ml_model.__main__ as command_line
from ml_model import promotion, scoring
from ml_model.artifacts import GateResult
from ml_model.errors import BundleRefused, GatesFailed, ReleaseError
from ml_model.gates import gates_digest
from ml_model.promotion import promote, roll_back
from ml_model.releases import FILE, read_releases
from ml_model.scoring import load_scorer


def gate(name, *, passed):
    return GateResult(name=name, passed=passed, value=1.0, limit="less", detail="it is more")


@pytest.fixture
def waiting(trained, released, adopt):
    """The small houses live, and the same release once more as 1.1.0."""
    adopt(trained, "1.1.0", released["house"])
    return trained


@pytest.fixture
def judge(monkeypatch, data_folder):
    """Replaces the gates by some with known results; returns the calls."""
    calls = []

    def judge(*results):
        monkeypatch.setattr(promotion, "_judged", lambda *arguments: calls.append(arguments) or list(results))
        return calls

    return judge


def test_a_release_that_passes_goes_live(waiting, judge):
    passed = [gate("data", passed=True), gate("live", passed=True)]
    judge(*passed)
    done = promote("1.1.0", waiting, reason="fewer large errors")
    assert (done.version, done.previous, done.overridden) == ("1.1.0", "1.0.0", [])
    entry = read_releases(waiting).history[-1]
    assert (entry.action, entry.version, entry.previous, entry.reason) == ("promote", "1.1.0", "1.0.0", "fewer large errors")
    assert (entry.gates, entry.overridden) == (gates_digest(passed), False)
    canonical = json.dumps([one.model_dump() for one in passed], sort_keys=True, separators=(",", ":"))
    assert entry.gates == hashlib.sha256(canonical.encode()).hexdigest()


def test_a_release_that_a_gate_refuses_does_not_go_live(waiting, judge):
    judge(gate("data", passed=True), gate("live", passed=False))
    before = (waiting / FILE).read_bytes()
    with pytest.raises(GatesFailed, match=r"release 1\.1\.0 is refused by 1 gate\(s\): live") as refused:
        promote("1.1.0", waiting)
    assert refused.value.failed == ("live: it is more (must be: less)",)
    assert (waiting / FILE).read_bytes() == before


def test_an_override_is_recorded_with_its_reason(waiting, judge):
    judge(gate("live", passed=False))
    done = promote("1.1.0", waiting, reason="law", override="the old one may not answer")
    assert [one.name for one in done.overridden] == ["live"]
    entry = read_releases(waiting).history[-1]
    assert (entry.reason, entry.overridden) == ("law; the old one may not answer", True)


def test_an_override_that_was_not_needed_is_none(waiting, judge):
    judge(gate("live", passed=True))
    promote("1.1.0", waiting, override="to be sure")
    entry = read_releases(waiting).history[-1]
    assert (entry.reason, entry.overridden) == ("", False)


def test_what_cannot_go_live(waiting, judge):
    judge()
    for version, problem in {"1.0.0": "is live already", "1.1.1": r"Did you mean '1\.1\.0'\?"}.items():
        with pytest.raises(ReleaseError, match=problem):
            promote(version, waiting)
    (waiting / "1.1.0" / "extra.py").write_text("print(1)")
    with pytest.raises(BundleRefused, match=r"'extra\.py' is not part of it"):
        promote("1.1.0", waiting, override="whatever")
    assert read_releases(waiting).live == "1.0.0"


def test_a_release_that_went_live_while_the_gates_ran_is_not_overwritten(waiting, monkeypatch, released, adopt):
    adopt(waiting, "1.2.0", released["house"])

    def meanwhile(*_):
        monkeypatch.setattr(promotion, "_judged", lambda *_: [])
        promote("1.2.0", waiting)
        return []

    monkeypatch.setattr(promotion, "_judged", meanwhile)
    with pytest.raises(ReleaseError, match=r"'1\.2\.0' went live meanwhile"):
        promote("1.1.0", waiting)
    assert read_releases(waiting).live == "1.2.0"


def test_the_gates_are_those_of_the_spec_against_the_live_release(released, tmp_path, adopt, data_folder):
    adopt(tmp_path, "1.0.0", released["concrete"])
    adopt(tmp_path, "1.0.1", released["concrete"])
    results = promotion._judged(promotion.load_contender("1.0.1", tmp_path), "1.0.0", tmp_path, data_folder)
    named = {one.name: one for one in results}
    assert {"data", "limits.rmse", "slice.young", "behaviour.more_cement", "live", "slice_live.young"} <= named.keys()
    assert "no difference" in named["live"].detail
    # Times are not asserted: they depend on what else the machine does.
    assert all(one.passed for name, one in named.items() if name not in {"load", "latency"})


def test_a_damaged_live_release_can_be_left_by_an_override_alone(released, tmp_path, adopt, data_folder):
    adopt(tmp_path, "1.0.0", released["concrete"])
    adopt(tmp_path, "1.0.1", released["concrete"])
    (tmp_path / "1.0.0" / "card.md").write_text("Trust me.")
    with pytest.raises(GatesFailed) as refused:
        promote("1.0.1", tmp_path, folder=data_folder)
    [line] = refused.value.failed
    assert line.startswith("live: release bundle 1.0.0 refused: 'card.md' was changed")
    promote("1.0.1", tmp_path, folder=data_folder, override="1.0.0 is damaged")
    assert read_releases(tmp_path).live == "1.0.1"


def test_data_that_the_candidate_cannot_read_fail_a_gate(waiting, tmp_path):
    with pytest.raises(GatesFailed) as refused:
        promote("1.1.0", waiting, folder=tmp_path / "nowhere")
    [line] = refused.value.failed
    assert line.startswith("data: ")


def test_a_rollback_needs_no_gates_and_verifies(waiting, judge):
    calls = judge()
    promote("1.1.0", waiting)
    card = waiting / "1.0.0" / "card.md"
    content = card.read_bytes()
    card.write_bytes(content + b" ")
    with pytest.raises(BundleRefused, match="was changed"):
        roll_back(waiting)
    assert read_releases(waiting).live == "1.1.0"
    card.write_bytes(content)
    done = roll_back(waiting, reason="complaints")
    assert (done.version, done.previous) == ("1.0.0", "1.1.0")
    entry = read_releases(waiting).history[-1]
    assert (entry.action, entry.version, entry.previous, entry.reason) == ("rollback", "1.0.0", "1.1.0", "complaints")
    assert len(calls) == 1
    assert load_scorer(trained=waiting).version == "1.0.0"
    with pytest.raises(ReleaseError, match="no release that was live before"):
        roll_back(waiting)


def test_a_release_is_judged_beside_no_other(released, data_folder):
    gates = promotion.judge("1.0.0", released["concrete"], folder=data_folder)
    assert {"data", "sanity.constant"} <= {one.name for one in gates if one.passed}
    assert not [one.name for one in gates if one.name.startswith(("live", "slice_live", "benchmark"))]


def test_verify_runs_the_gates_of_every_release(released, monkeypatch, capsys, data_folder):
    folder = released["concrete"]
    monkeypatch.setattr(command_line, "read_releases", lambda: read_releases(folder))
    monkeypatch.setattr(scoring, "load_scorer", lambda version: load_scorer(version, folder))
    monkeypatch.setattr(promotion, "judge", lambda version: [gate("data", passed=True), gate("sanity.constant", passed=True)])
    assert command_line.main(["verify", "--gates"]) == 0
    assert capsys.readouterr().out == "1.0.0: verified, 2 gates passed (live)\n"
    monkeypatch.setattr(promotion, "judge", lambda version: [gate("data", passed=True), gate("sanity.constant", passed=False)])
    assert command_line.main(["verify", "--gates"]) == 1
    assert "1.0.0 is refused by 1 gate(s): sanity.constant" in capsys.readouterr().err
